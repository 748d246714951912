/** Pipelines of any options: they are described, or refused with an error for people. */
import assert from "node:assert/strict";
import * as weir from "weir";
import { ConfigError } from "../../src/errors.ts";
import type { Pipeline } from "../../src/pipeline.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import type { Seeded } from "../support/seeded.ts";
import { junk, rounds } from "./rounds.ts";

// As a program without types calls it.
// deno-lint-ignore no-explicit-any -- what is tried is what types forbid
const api = weir as any;

/** What is right, most of the time. */
function or(random: Seeded, right: unknown): unknown {
  return random.chance(0.15) ? junk(random) : right;
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
  const operator = () =>
    random.pick([
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
  return api.pipeline(
    any("fuzzed"),
    any({
      source: any(
        api.kafka(
          any("t"),
          any({
            group: any("g"),
            codec: any(api.text()),
            from: any("latest"),
            partitions: any(2),
            lateness: any("1m"),
          }),
        ),
      ),
      outputs: any((stream: { pipe: (...operators: unknown[]) => { to: (sink: unknown) => unknown } }) =>
        any(
          Array.from({ length: random.integer(0, 3) }, () =>
            any(stream.pipe(operator(), operator()).to(sink()))),
        )
      ),
      deadLetter: any(api.topic(any("dead"))),
      schedule: any(undefined),
    }),
  );
}

Deno.test("any options give a pipeline that can run, or a ConfigError or TypeError", async () => {
  let described = 0;
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
    new PlanExecutor(plan);
  });
  assert.ok(described > 0 || Deno.env.has("WEIR_FUZZ_SEED"));
});
