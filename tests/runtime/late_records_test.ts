import assert from "node:assert/strict";
import {
  aggregate,
  count,
  countByValue,
  json,
  kafka,
  map,
  pipeline,
  postgresTable,
  type Sink,
  tumbling,
} from "weir";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { PackedReader } from "../../src/packed_records.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { deadLettersOf, linesOf } from "../support/plan_run.ts";
import { columns, good, reading, record, run, slice, source, text } from "../support/readings.ts";

/** Counts per second, with records that may be a second late. */
function counting(options: { late?: "count" | "dead-letter"; maxAhead?: "1h" } = {}) {
  return pipeline("p", {
    source: kafka("readings", { group: "g", codec: json(reading), lateness: "1s", ...options }),
    outputs: (s) => [
      s.pipe(
        aggregate({ by: (r) => ({ sensor: r.sensor }), window: tumbling("1s"), compute: { n: count() } }),
      ).to(postgresTable("n")),
    ],
  });
}

/** Good records with these timestamps. */
function at(...timestamps: number[]) {
  return timestamps.map((timestamp, offset) => record(offset, good, { timestamp }));
}

Deno.test("a record whose window had ended before its partition's watermark is late, and no other", () => {
  const output = run(counting(), [slice(at(1_999, 0, 2_000, 999, 1_000)), slice(at(500), [], 4)]);
  assert.deepEqual(output.slices.map(({ counts, watermark }) => [counts.late, counts.filtered, watermark]), [
    [1, 1, 1_000],
    [0, 0, -500],
  ]);
  assert.deepEqual(linesOf(output.outputs[0]!).map((line) => line.split("\t").slice(2).join(" ")), [
    "a 2",
    "a 2",
    "a 1",
  ]);
});

Deno.test("where the batches are cut changes nothing about what is late", () => {
  const records = at(5_000, 4_100, 3_900, 9_000, 7_999, 8_000);
  const whole = run(counting(), [slice(records)]);
  const executor = new PlanExecutor(counting());
  let checkpoint = freshCheckpoint({ partition: 3 });
  let late = 0;
  for (const each of records) {
    executor.assign(checkpoint);
    const { slices: [output] } = executor.process({ pipeline: "p", slices: [slice([each])], keyTypes: [] });
    checkpoint = { ...checkpoint, eventTime: output!.eventTime, watermark: output!.watermark };
    late += output!.counts.late;
  }
  assert.deepEqual([late, checkpoint.watermark], [2, 8_000]);
  assert.deepEqual([whole.slices[0]!.counts.late, whole.slices[0]!.watermark], [2, 8_000]);
});

Deno.test("a partition starts from its checkpoint's watermark, or from its latest event time", () => {
  for (
    const [checkpoint, late] of [
      [{ watermark: 3_000 }, 1],
      [{ watermark: 2_999 }, 0],
      [{ eventTime: 4_000 }, 1],
      [{ eventTime: 9_000, watermark: 2_000 }, 1],
    ] as const
  ) {
    const executor = new PlanExecutor(counting());
    executor.assign(freshCheckpoint({ partition: 3, ...checkpoint }));
    const output = executor.process({ pipeline: "p", slices: [slice(at(2_500))], keyTypes: [] });
    assert.equal(output.slices[0]!.counts.late, late, JSON.stringify(checkpoint));
  }
});

Deno.test("a partition that is woken goes on from the watermark, unless its own is later", () => {
  for (const [watermark, late] of [[3_000, 1], [1_000, 0]] as const) {
    const executor = new PlanExecutor(counting());
    executor.assign(freshCheckpoint({ partition: 3, watermark: 2_000 }));
    executor.wake(3, watermark);
    const output = executor.process({ pipeline: "p", slices: [slice(at(2_500))], keyTypes: [] });
    assert.equal(output.slices[0]!.counts.late, late);
    assert.equal(output.slices[0]!.watermark, Math.max(watermark, 2_000));
  }
});

Deno.test("dead letters name the operator that a record failed in, or came too late for", () => {
  const plan = pipeline("p", {
    source: kafka("readings", { group: "g", codec: json(reading), lateness: "1s", late: "dead-letter" }),
    outputs: (s) => [
      s.pipe(map(({ sensor }) => sensor), countByValue({ window: tumbling("1s") })).to(postgresTable("n")),
    ],
  });
  const nul = record(1, { sensor: "\0", celsius: 1 });
  const output = run(plan, [slice([...at(5_000), nul, record(2, good, { timestamp: 100 })])]);
  assert.deepEqual(deadLettersOf(output).map(({ stage }) => stage), ["countByValue", "countByValue"]);
});

Deno.test("late records go to the dead letters if asked, and to their other outputs all the same", () => {
  const table = postgresTable("t", { columns, key: ["sensor"] });
  const late = slice(at(5_000, 100));
  const alone = run(counting({ late: "dead-letter" }), [late]);
  assert.deepEqual(alone.slices[0]!.counts, { out: 1, filtered: 0, deadLettered: 1, late: 1, ahead: 0 });
  const [letter] = new PackedReader(alone.deadLetters).produced();
  assert.equal(text(letter!.key), "readings-3-1");
  const [failure] = deadLettersOf(alone);
  assert.equal(failure!.stage, "aggregate");
  assert.match(
    failure!.error,
    /late: its event time 1970-01-01T00:00:00.100Z .* 1970-01-01T00:00:04/,
  );
  const plan = counting({ late: "dead-letter" });
  const both = run({ ...plan, outputs: [...plan.outputs, { node: 0, sink: table as Sink<never> }] }, [
    slice(at(5_000, 100)),
  ]);
  assert.deepEqual(both.slices[0]!.counts, { out: 2, filtered: 0, deadLettered: 0, late: 1, ahead: 0 });
  assert.equal(both.deadLetters.count, 1);
});

Deno.test("an event time too far ahead of the clock counts in its window and moves no watermark", () => {
  const now = 10_000_000;
  const executor = new PlanExecutor(counting({ maxAhead: "1h" }), () => 0, () => now);
  executor.assign(freshCheckpoint({ partition: 3 }));
  const times = [now, now + 3_600_001, now - 500, now + 3_600_000];
  const output = executor.process({ pipeline: "p", slices: [slice(at(...times))], keyTypes: [] });
  assert.deepEqual(output.slices[0]!.counts, { out: 4, filtered: 0, deadLettered: 0, late: 0, ahead: 1 });
  assert.equal(output.slices[0]!.watermark, now + 3_599_000);
  assert.equal(linesOf(output.outputs[0]!).length, 3);
});

Deno.test("an event time that is none is the record's fault", () => {
  const plan = pipeline("p", {
    source: kafka("readings", { group: "g", codec: json(reading), eventTime: (r) => new Date(r.sensor) }),
    outputs: (s) => [s.to(postgresTable("t", { columns, key: ["sensor"] }))],
  });
  const output = run(plan, [slice([record(0, good), record(1, { sensor: "2020-01-01", celsius: 1 })])]);
  assert.deepEqual(output.slices[0]!.counts, { out: 1, filtered: 0, deadLettered: 1, late: 0, ahead: 0 });
  assert.equal(output.slices[0]!.eventTime, Date.UTC(2020, 0, 1));
});

Deno.test("an event time that is neither a Date nor a number is the record's fault", () => {
  const given: unknown[] = [
    null,
    "2026",
    "2026-01-01",
    true,
    undefined,
    [5],
    new Date(NaN),
    1.5,
    new Date(7),
  ];
  const plan = pipeline("p", {
    source: kafka("readings", {
      group: "g",
      codec: json(reading),
      eventTime: ({ celsius }) => given[celsius] as number,
    }),
    outputs: (s) => [s.to(postgresTable("t", { columns, key: ["sensor"] }))],
  });
  const records = given.map((_, i) => record(i, { sensor: `${i}`, celsius: i }));
  const output = run(plan, [slice(records)]);
  assert.deepEqual(linesOf(output.outputs[0]!), ["7\t7", "8\t8"]);
  assert.equal(output.slices[0]!.eventTime, 7);
  const failures = deadLettersOf(output);
  assert.deepEqual(
    failures.map((
      { stage, error },
    ) => [stage, error.replace("; give a Date, or milliseconds since 1970", "")]),
    ["null", '"2026"', '"2026-01-01"', "true", "undefined", "[5]", "Invalid Date"].map((each) => [
      "eventTime",
      `it gave ${each}`,
    ]),
  );
});

Deno.test("a timestamp beyond all calendars closes no window and breaks nothing", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(
        aggregate({ by: (r) => ({ sensor: r.sensor }), window: tumbling("1s"), compute: { n: count() } }),
      )
        .to(postgresTable("n")),
    ],
  });
  const times = [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, -1, 5_000];
  const output = run(plan, [slice(times.map((timestamp, i) => record(i, good, { timestamp })))]);
  assert.deepEqual(output.slices[0]!.counts, { out: 2, filtered: 0, deadLettered: 2, late: 0, ahead: 0 });
  assert.equal(output.slices[0]!.eventTime, 5_000);
});
