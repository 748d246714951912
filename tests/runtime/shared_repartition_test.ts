/** Two pipelines that repartition through one topic, as one that is rebuilt beside the old one: each takes its own records. */
import assert from "node:assert/strict";
import { json, kafka, map, mapWithState, pipeline, postgresTable, repartition } from "weir";
import { type PackableRecord, PackedReader, packRecords } from "../../src/packed_records.ts";
import type { Pipeline, TopicSink } from "../../src/pipeline.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { passedBy } from "../../src/runtime/passing.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { linesOf, recordOf } from "../support/plan_run.ts";

const schema = { type: "record", name: "Payment", fields: [{ name: "card", type: "string" }] } as const;

function cards(group: string): Pipeline {
  return pipeline("cards", {
    source: kafka("payments", { group, codec: json(schema) }),
    outputs: (payments) => [
      payments.pipe(
        repartition("by_card", { key: ({ card }) => card, codec: json(schema) }),
        mapWithState({
          by: ({ card }) => card,
          initial: () => 0,
          update: (before, { card }) => ({ state: before + 1, emit: [{ card, n: before + 1 }] }),
        }),
        map(({ card, n }, { timestamp }) => ({ card, n, timestamp })),
      ).to(postgresTable("counted", {
        columns: { card: "text", n: "int", timestamp: "bigint" },
        key: ["card", "n"],
      })),
    ],
  });
}

function run(plan: Pipeline, records: readonly PackableRecord[], next = 0) {
  const executor = new PlanExecutor(plan);
  executor.assign(freshCheckpoint({ next }), plan.outputs.map(() => 0));
  const { slices, outputs } = executor.process({
    pipeline: plan.name,
    slices: [{ partition: 0, records: packRecords(records), refused: [] }],
    keyTypes: plan.outputs.map(() => null),
  });
  return { counts: slices[0]!.counts, writeTime: slices[0]!.writeTime, rows: outputs[0]! };
}

/** What a pipeline writes to the topic, for payments of these cards. */
function written(group: string, ...payments: string[]) {
  const plan = cards(group);
  assert.equal((plan.outputs[0]!.sink as TopicSink<never>).repartition?.group, group);
  const { rows } = run(plan, payments.map((card, offset) => recordOf(offset, { card })));
  assert.ok(rows.kind === "records");
  return new PackedReader(rows.records).produced();
}

/** The topic with these records in it, one second after the other. */
function topicOf(records: readonly Omit<PackableRecord, "offset" | "timestamp">[]): PackableRecord[] {
  return records.map((record, offset) => ({ ...record, offset, timestamp: 100_000 + offset }));
}

Deno.test("records that a pipeline of another group wrote are left out, and counted as filtered", () => {
  const old = written("old", "a", "b", "a");
  const rebuilt = written("new", "a", "b", "a");
  const both = topicOf([old[0]!, rebuilt[0]!, rebuilt[1]!, old[1]!, old[2]!, rebuilt[2]!]);
  for (const group of ["old", "new"]) {
    const [behind] = cards(group).stages;
    const { counts, rows } = run(behind!, both);
    assert.deepEqual(counts, { out: 3, filtered: 3, deadLettered: 0, late: 0, ahead: 0 });
    assert.deepEqual(linesOf(rows), ["a\t1\t0", "b\t1\t1000", "a\t2\t2000"]);
  }
});

Deno.test("they move no time, and those that come by again are not counted again", () => {
  const [behind] = cards("old").stages;
  const own = topicOf(written("old", "a"));
  const [foreign] = written("new", "x", "b").slice(1);
  const later = { ...foreign!, offset: 1, timestamp: 900_000 };
  assert.equal(run(behind!, [...own, later]).writeTime, run(behind!, own).writeTime);
  assert.deepEqual(run(behind!, [...own, later], 2).counts.filtered, 0);
});

Deno.test("the outbox's records carry the group, too", () => {
  const { sink } = cards("old").outputs[0]!;
  const record = passedBy(sink as TopicSink<never>)({
    key: null,
    value: new TextEncoder().encode(JSON.stringify({ card: "a" })),
    timestamp: 5,
    event_time: 7,
  } as never);
  for (const [group, out] of [["old", 1], ["new", 0]] as const) {
    const { counts } = run(cards(group).stages[0]!, topicOf([{ ...record, headers: record.headers }]));
    assert.deepEqual([counts.out, counts.filtered], [out, 1 - out]);
  }
});

Deno.test("records without a group, of earlier versions, are taken", () => {
  const headers = [{ key: "weir-times", value: new TextEncoder().encode("12") }];
  const [record] = written("old", "a");
  const { rows } = run(cards("new").stages[0]!, topicOf([{ ...record!, headers }]));
  assert.deepEqual(linesOf(rows), ["a\t1\t12"]);
});
