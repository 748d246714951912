/** Pipelines of any options: they are described, or refused with an error for people. */
import assert from "node:assert/strict";
import * as weir from "weir";
import { ConfigError } from "../../src/errors.ts";
import { type Pipeline, stagesOf } from "../../src/pipeline.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import type { Seeded } from "../support/seeded.ts";
import { junk, rounds } from "./rounds.ts";

// As a program without types calls it.
// deno-lint-ignore no-explicit-any -- what is tried is what types forbid
const api = weir as any;

/** What is right, most of the time. */
function or(random: Seeded, right: unknown): unknown {
  return random.chance(0.05) ? junk(random) : right;
}

interface Piped {
  readonly pipe: (...operators: unknown[]) => { readonly to: (sink: unknown) => unknown };
}

function anyPipeline(random: Seeded): Pipeline {
  const any = (right: unknown) => or(random, right);
  const columns = () => any({ id: any("text"), n: any("double?") });
  const sink = () =>
    random.pick([
      () => api.cassandraTable(any("k.t"), any({ columns: columns(), key: any(["id"]) })),
      () =>
        api.postgresTable(any("t"), any({ columns: columns(), key: any(["id"]), onConflict: any("ignore") })),
      () => api.postgresTable(any("totals")),
      () => api.topic(any("out"), any({ key: any(() => null), codec: any(api.text()), partitions: any(3) })),
    ])();
  const named = (name: string) => any(`${name}_${random.integer(0, 3)}`);
  const operator = (streams: readonly unknown[]) =>
    random.pick([
      () => api.union(any(random.pick(streams))),
      () => api.repartition(named("by"), any({ key: any((x: unknown) => x), codec: any(api.text()) })),
      () =>
        api.joinWithin(
          any(random.pick(streams)),
          any({
            by: any((x: unknown) => x),
            otherBy: any((x: unknown) => x),
            within: any("1m"),
            lateness: any(0),
            with: any((x: unknown) => x),
            through: random.chance(0.5)
              ? any({ topic: named("met"), codec: any(api.text()), otherCodec: any(api.text()) })
              : undefined,
          }),
        ),
      () => api.map(any((x: unknown) => x)),
      () => api.filter(any(() => true)),
      () => api.flatMap(any((x: unknown) => [x])),
      () => api.validate(any(() => true)),
      () =>
        api.aggregate(
          any({
            by: any(() => ({ a: "b" })),
            window: any(api.tumbling(any("1m"))),
            compute: any({ n: api.count() }),
          }),
        ),
      () => junk(random),
    ])();
  const source = (topic: string, group: string) =>
    api.kafka(
      any(topic),
      any({
        group: any(group),
        codec: any(api.text()),
        from: any("latest"),
        partitions: any(2),
        lateness: any("1m"),
      }),
    );
  return api.pipeline(
    any("fuzzed"),
    any({
      source: any(source("t", "g")),
      sources: random.chance(0.5) ? any({ more: any(source("u", "h")) }) : undefined,
      outputs: any((stream: Piped, others: Readonly<Record<string, Piped>> | undefined) => {
        const streams = [stream, ...Object.values(others ?? {})];
        return any(
          streams.flatMap((each) =>
            Array.from(
              { length: random.integer(0, 2) },
              () => any(each.pipe(operator(streams), operator(streams)).to(sink())),
            )
          ),
        );
      }),
      deadLetter: any(api.topic(any("dead"))),
      schedule: any(undefined),
    }),
  );
}

Deno.test("any options give a pipeline that can run, or a ConfigError or TypeError", async () => {
  let described = 0;
  let several = 0;
  await rounds(5_000, (random) => {
    let plan: Pipeline;
    try {
      plan = anyPipeline(random);
    } catch (error) {
      // What the pipeline's own functions throw is theirs.
      if ((error as Error).message === "no") return;
      assert.ok(
        error instanceof ConfigError || error instanceof TypeError,
        `${(error as Error).stack ?? String(error)}`,
      );
      assert.notEqual(error.message, "");
      return;
    }
    described++;
    several += plan.stages.length > 0 ? 1 : 0;
    for (const stage of stagesOf(plan)) new PlanExecutor(stage);
  });
  assert.ok(described > several && several > 0 || Deno.env.has("WEIR_FUZZ_SEED"));
});
