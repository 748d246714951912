import assert from "node:assert/strict";
import {
  aggregate,
  avg,
  cassandraTable,
  count,
  filter,
  flatMap,
  json,
  kafka,
  map,
  type Pipeline,
  pipeline,
  postgresTable,
  type Sink,
  topic,
  tumbling,
  validate,
} from "weir";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { type PackableRecord, PackedReader, packRecords } from "../../src/packed_records.ts";
import type { OutputRows, Refusal, SliceInput, TaskInput, TaskOutput } from "../../src/runtime/protocol.ts";
import type { Checkpoint } from "../../src/warehouse/mod.ts";
import { ValueReader } from "../../src/sinks/cells.ts";

const reading = {
  type: "record",
  name: "Reading",
  fields: [{ name: "sensor", type: "string" }, { name: "celsius", type: "double" }],
} as const;
const columns = { sensor: "text", celsius: "double" } as const;
const source = kafka("readings", { group: "g", codec: json(reading) });
const utf8 = new TextEncoder();
const text = (bytes: Uint8Array | null | undefined) => bytes ? new TextDecoder().decode(bytes) : null;

const start: Checkpoint = {
  partition: 0,
  epoch: 1,
  next: 0,
  writeTime: 0,
  eventTime: null,
  watermark: null,
  idle: false,
};

function record(offset: number, value: unknown, more: Partial<PackableRecord> = {}): PackableRecord {
  const bytes = value instanceof Uint8Array || value === null ? value : utf8.encode(JSON.stringify(value));
  return { offset, timestamp: 1_000_000 + offset, key: utf8.encode("k"), value: bytes, headers: [], ...more };
}

function slice(records: PackableRecord[], refused: Refusal[] = [], partition = 3): SliceInput {
  return { partition, records: packRecords(records), refused };
}

function run(
  plan: Pipeline,
  slices: SliceInput[],
  keyTypes: TaskInput["keyTypes"] = [],
): TaskOutput {
  const executor = new PlanExecutor(plan);
  for (const { partition } of slices) {
    executor.assign({
      partition,
      epoch: 1,
      next: 0,
      writeTime: 0,
      eventTime: null,
      watermark: null,
      idle: false,
    });
  }
  return executor.process({ pipeline: plan.name, slices, keyTypes });
}

/** The write times of rows of the columns above. */
function writeTimes(rows: OutputRows): number[] {
  assert.ok(rows.kind === "cells");
  const reader = new ValueReader(rows.rows.bytes);
  return Array.from({ length: rows.rows.count }, () => {
    for (const _ of Object.keys(columns)) reader.skip();
    return reader.nextTime();
  });
}

function linesOf(rows: OutputRows): string[] {
  assert.ok(rows.kind === "copy" || rows.kind === "groups");
  return text(rows.chunk.bytes)!.split("\n").slice(0, -1);
}

const good = { sensor: "a", celsius: 1.5 };

Deno.test("a record goes to every output, and one that is filtered from all is counted as filtered", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const warm = stream.pipe(filter((r) => r.celsius > 0));
      return [
        warm.to(cassandraTable("k.t", { columns, key: ["sensor"] })),
        warm.to(postgresTable("t", { columns, key: ["sensor"] })),
        warm.pipe(map((r) => ({ ...r, celsius: r.celsius * 2 })))
          .to(topic("doubled", { key: (r) => r.sensor, codec: json(reading) })),
      ];
    },
  });
  const output = run(plan, [slice([record(0, good), record(1, { sensor: "b", celsius: -1 })])]);
  assert.deepEqual(output.slices[0]!.counts, { out: 1, filtered: 1, deadLettered: 0, late: 0, ahead: 0 });
  const [cells, copy, records] = output.outputs;
  assert.ok(
    cells!.kind === "cells" && cells!.rows.count === 1 && writeTimes(cells!)[0] === 1_000_000_000,
  );
  assert.deepEqual(linesOf(copy!), ["a\t1.5"]);
  assert.ok(records!.kind === "records");
  const [doubled] = new PackedReader(records!.records).produced();
  assert.deepEqual(
    { key: text(doubled!.key), value: text(doubled!.value), timestamp: doubled!.timestamp },
    { key: "a", value: '{"sensor":"a","celsius":3}', timestamp: 1_000_000 },
  );
});

Deno.test("a record that fails in one branch leaves nothing in any output", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.to(cassandraTable("k.t", { columns, key: ["sensor"] })),
      stream.to(postgresTable("t", { columns, key: ["sensor"] })),
      stream.pipe(aggregate({ by: (r) => ({ sensor: r.sensor }), compute: { n: count() } })).to(
        postgresTable("n"),
      ),
      stream.pipe(map(function explode(r) {
        if (r.celsius > 100) throw new RangeError("too hot", { cause: new Error("sensor on fire") });
        return r;
      })).to(topic("out", { key: (r) => r.sensor, codec: json(reading) })),
    ],
  });
  const output = run(plan, [
    slice([record(0, good), record(1, { sensor: "b", celsius: 101 }), record(2, good)]),
  ]);
  assert.deepEqual(output.slices[0]!.counts, { out: 2, filtered: 0, deadLettered: 1, late: 0, ahead: 0 });
  const [cells, copy, groups, records] = output.outputs;
  assert.ok(cells!.kind === "cells");
  assert.deepEqual([...cells!.sources], [0, 2]);
  assert.ok(copy!.kind === "copy");
  assert.deepEqual([...copy!.sources], [0, 2]);
  assert.deepEqual(linesOf(groups!), ["a\t2"]);
  assert.ok(records!.kind === "records" && records!.records.count === 2);
  const [letter] = new PackedReader(output.deadLetters).produced();
  const headers = Object.fromEntries(letter!.headers.map(({ key, value }) => [key, text(value)]));
  assert.equal(headers["weir.stage"], "map(explode)");
  assert.equal(headers["weir.error"], "too hot: sensor on fire");
});

Deno.test("poison of every kind becomes a dead letter with its original bytes and where it came from", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(validate((r) => r.celsius > -273 || "colder than can be"))
        .to(postgresTable("t", { columns, key: ["sensor"] })),
    ],
  });
  const poison: [Uint8Array | null | object, string, RegExp][] = [
    [utf8.encode("{nope"), "decode", /not JSON/],
    [utf8.encode(""), "decode", /empty/],
    [null, "decode", /null/],
    [Uint8Array.of(0xff, 0xfe), "decode", /UTF-8/],
    [{ sensor: 1, celsius: 2 }, "decode", /field sensor should be string, is 1/],
    [{ sensor: "a" }, "decode", /field celsius should be double, is missing/],
    [utf8.encode(`"${"x".repeat(10_000_000)}"`), "decode", /should be/],
    [{ sensor: "a", celsius: -300 }, "validate", /colder than can be/],
    [{ sensor: "a\u0000b", celsius: 1 }, "write t", /U\+0000/],
  ];
  const original = { key: "ü", value: utf8.encode("kept") };
  const records = poison.map(([value], i) => record(10 + i, value, { headers: [original] }));
  const output = run(plan, [slice([...records, record(99, good)])]);
  assert.deepEqual(output.slices[0]!.counts, {
    out: 1,
    filtered: 0,
    deadLettered: poison.length,
    late: 0,
    ahead: 0,
  });
  const letters = new PackedReader(output.deadLetters).produced();
  letters.forEach((letter, i) => {
    const headers = Object.fromEntries(letter.headers.map(({ key, value }) => [key, text(value)]));
    assert.equal(text(letter.key), `readings-3-${10 + i}`);
    assert.deepEqual(letter.value, records[i]!.value);
    assert.equal(headers["weir.stage"], poison[i]![1]);
    assert.match(headers["weir.error"]!, poison[i]![2]);
    assert.deepEqual(
      ["ü", "weir.topic", "weir.partition", "weir.offset", "weir.timestamp", "weir.key", "weir.attempt"]
        .map((name) => headers[name]),
      ["kept", "readings", "3", `${10 + i}`, `${1_000_010 + i}`, "k", "1"],
    );
  });
});

Deno.test("a record that comes back from the dead letters counts its attempts", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [s.to(postgresTable("t", { columns, key: ["sensor"] }))],
  });
  const headers = [{ key: "weir.attempt", value: utf8.encode("2") }, {
    key: "weir.topic",
    value: utf8.encode("old"),
  }];
  const output = run(plan, [slice([record(0, null, { headers })])]);
  const [letter] = new PackedReader(output.deadLetters).produced();
  assert.deepEqual(
    letter!.headers.filter(({ key }) => key === "weir.attempt" || key === "weir.topic").map((h) =>
      text(h.value)
    ),
    ["readings", "3"],
  );
});

Deno.test("a record that a sink refused is a dead letter at once, and its neighbours keep their timestamps", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [s.pipe(flatMap((r) => [r, r])).to(cassandraTable("k.t", { columns, key: ["sensor"] }))],
  });
  const records = () =>
    [record(0, good), record(1, good), record(2, good)].map((r) => ({ ...r, timestamp: 5 }));
  const refusal = { offset: 1, stage: "write k.t", reason: "row too large" };
  const cells = (output: TaskOutput) => {
    const rows = output.outputs[0]!;
    return writeTimes(rows);
  };
  assert.deepEqual(cells(run(plan, [slice(records())])), [5_000, 5_001, 5_002, 5_003, 5_004, 5_005]);
  const output = run(plan, [slice(records(), [refusal])]);
  assert.deepEqual(cells(output), [5_000, 5_001, 5_004, 5_005]);
  const [letter] = new PackedReader(output.deadLetters).produced();
  assert.equal(text(letter!.headers.find(({ key }) => key === "weir.error")!.value), "row too large");
});

Deno.test("write times never go back in a partition, and a replay from the checkpoint gives the same", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [s.pipe(flatMap((r) => [r, r])).to(cassandraTable("k.t", { columns, key: ["sensor"] }))],
  });
  const executor = new PlanExecutor(plan);
  const start = {
    partition: 3,
    epoch: 1,
    next: 0,
    writeTime: 0,
    eventTime: null,
    watermark: null,
    idle: false,
  };
  const times = (timestamps: number[], from: number) => {
    const records = timestamps.map((timestamp, i) => record(from + i, good, { timestamp }));
    const output = executor.process({
      pipeline: "p",
      slices: [slice(records)],
      keyTypes: [],
    });
    const rows = output.outputs[0]!;
    return { rows: writeTimes(rows), ...output.slices[0]! };
  };
  executor.assign(start);
  const first = times([10, 2], 0);
  assert.deepEqual(first.rows, [10_000, 10_001, 10_002, 10_003]);
  const second = times([11, Number.MAX_SAFE_INTEGER], 2);
  executor.assign({ ...start, next: 2, writeTime: first.writeTime, eventTime: first.eventTime });
  assert.deepEqual(times([11, Number.MAX_SAFE_INTEGER], 2), second);
  assert.ok(second.rows.every(Number.isSafeInteger));
});

Deno.test("aggregates add up a batch by window and key, over partitions", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        by: (r) => ({ sensor: r.sensor }),
        window: tumbling("1s"),
        compute: { readings: count(), mean: avg((r) => r.celsius) },
      })).to(postgresTable("means")),
    ],
  });
  const at = (offset: number, timestamp: number, sensor: string, celsius: number) =>
    record(offset, { sensor, celsius }, { timestamp });
  const output = run(plan, [
    slice([at(0, 1_000, "a", 1), at(1, 1_999, "a", 2), at(2, 2_000, "a", 4)]),
    slice([at(0, 1_500, "a", 3), at(1, 1_500, "b", 8)], [], 4),
  ]);
  const rows = output.outputs[0]!;
  assert.ok(rows.kind === "groups");
  assert.deepEqual(rows.keyTypes, { sensor: "text" });
  const lines = linesOf(rows).map((line) => line.split("\t").slice(2).join(" "));
  assert.deepEqual(lines, ["a 3 6 3", "a 1 4 1", "b 1 8 1"]);
  assert.deepEqual(output.slices.map((each) => each.eventTime), [2_000, 1_500]);
});

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

const at = (...timestamps: number[]) =>
  timestamps.map((timestamp, offset) => record(offset, good, { timestamp }));

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
  let checkpoint: Checkpoint = { ...start, partition: 3 };
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
    executor.assign({ ...start, partition: 3, ...checkpoint });
    const output = executor.process({ pipeline: "p", slices: [slice(at(2_500))], keyTypes: [] });
    assert.equal(output.slices[0]!.counts.late, late, JSON.stringify(checkpoint));
  }
});

Deno.test("a partition that is woken goes on from the watermark, unless its own is later", () => {
  for (const [watermark, late] of [[3_000, 1], [1_000, 0]] as const) {
    const executor = new PlanExecutor(counting());
    executor.assign({ ...start, partition: 3, watermark: 2_000 });
    executor.wake(3, watermark);
    const output = executor.process({ pipeline: "p", slices: [slice(at(2_500))], keyTypes: [] });
    assert.equal(output.slices[0]!.counts.late, late);
    assert.equal(output.slices[0]!.watermark, Math.max(watermark, 2_000));
  }
});

Deno.test("late records go to the dead letters if asked, and to their other outputs all the same", () => {
  const table = postgresTable("t", { columns, key: ["sensor"] });
  const late = slice(at(5_000, 100));
  const alone = run(counting({ late: "dead-letter" }), [late]);
  assert.deepEqual(alone.slices[0]!.counts, { out: 1, filtered: 0, deadLettered: 1, late: 1, ahead: 0 });
  const [letter] = new PackedReader(alone.deadLetters).produced();
  const headers = Object.fromEntries(letter!.headers.map(({ key, value }) => [key, text(value)]));
  assert.equal(text(letter!.key), "readings-3-1");
  assert.equal(headers["weir.stage"], "aggregate");
  assert.match(
    headers["weir.error"]!,
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
  executor.assign({ ...start, partition: 3 });
  const times = [now, now + 3_600_001, now - 500, now + 3_600_000];
  const output = executor.process({ pipeline: "p", slices: [slice(at(...times))], keyTypes: [] });
  assert.deepEqual(output.slices[0]!.counts, { out: 4, filtered: 0, deadLettered: 0, late: 0, ahead: 1 });
  assert.equal(output.slices[0]!.watermark, now + 3_599_000);
  assert.equal(linesOf(output.outputs[0]!).length, 3);
});

Deno.test("keys and numbers that cannot be aggregated are the record's fault", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        by: (r): { name: string } => ({ name: (r.sensor === "none" ? undefined : r.sensor) as string }),
        compute: { mean: avg((r) => r.sensor === "nan" ? NaN : r.celsius) },
      })).to(postgresTable("n")),
    ],
  });
  const sensors = ["a", "none", "nan", "x".repeat(5_000), "nul\0", "界".repeat(950)];
  const output = run(plan, [slice(sensors.map((sensor, i) => record(i, { sensor, celsius: 1 })))]);
  assert.equal(output.slices[0]!.counts.deadLettered, 5);
  assert.deepEqual(linesOf(output.outputs[0]!), ["a\t1\t1"]);
  const errors = new PackedReader(output.deadLetters).produced()
    .map((letter) => text(letter.headers.find(({ key }) => key === "weir.error")!.value)!);
  [/key name is missing/, /finite number, got NaN/, /5001 bytes/, /NUL/, /2851 bytes/].forEach((
    expected,
    i,
  ) => assert.match(errors[i]!, expected));
});

Deno.test("a key whose type is not the table's is the record's fault, whatever came first", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        by: (r): { code: string | number } => ({ code: r.celsius > 0 ? r.celsius : r.sensor }),
        compute: { n: count() },
      })).to(postgresTable("n")),
    ],
  });
  const records = () => [record(0, { sensor: "x", celsius: 5 }), record(1, { sensor: "x", celsius: -5 })];
  const inferred = run(plan, [slice(records())]);
  assert.deepEqual(linesOf(inferred.outputs[0]!), ["5\t1"]);
  const given = run(plan, [slice(records())], [{ code: "text" }]);
  assert.deepEqual(linesOf(given.outputs[0]!), ["x\t1"]);
  assert.equal(given.slices[0]!.counts.deadLettered, 1);
  const rows = given.outputs[0]!;
  assert.ok(rows.kind === "groups");
  assert.deepEqual([[...rows.sources], [...rows.groups]], [[1], [0]]);
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

Deno.test("a slice without records changes nothing", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [s.to(postgresTable("t", { columns, key: ["sensor"] }))],
  });
  const output = run(plan, [slice([])]);
  assert.deepEqual(output.slices[0], {
    writeTime: 0,
    eventTime: null,
    watermark: null,
    counts: { out: 0, filtered: 0, deadLettered: 0, late: 0, ahead: 0 },
  });
});

Deno.test("in a replay each output gets records from its own start on, and only new ones count", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const table = postgresTable("readings", { columns, key: ["sensor"] });
      const behind = topic("behind", { key: () => null, codec: json(reading) });
      const ahead = topic("ahead", { key: () => null, codec: json(reading) });
      return [stream.to(table), stream.to(behind), stream.to(ahead)];
    },
  });
  const executor = new PlanExecutor(plan);
  const checkpoint = {
    partition: 3,
    epoch: 1,
    next: 7,
    writeTime: 77,
    eventTime: 88,
    watermark: null,
    idle: false,
  };
  executor.assign(checkpoint, [null, 3, 8]);
  const process = (from: number, to: number, refused: Refusal[] = []) => {
    // The table refuses what is at 4 and at 9.
    const bad = { ...good, sensor: "a\0b" };
    const records = Array.from(
      { length: to - from },
      (_, i) => record(from + i, [4, 9].includes(from + i) ? bad : good),
    );
    const slices = [slice(records, refused)];
    return executor.process({ pipeline: "p", slices, keyTypes: [] });
  };
  const sources = ({ outputs }: TaskOutput) => outputs.map((rows) => [...rows.sources]);
  const letters = ({ deadLetters }: TaskOutput) => {
    const reader = new PackedReader(deadLetters);
    return Array.from({ length: reader.count }, (_, i) => text(reader.key(i)));
  };

  const replayed = process(2, 7, [{ offset: 5, stage: "write behind", reason: "too large" }]);
  assert.deepEqual(sources(replayed), [[], [1, 4], []]); // 3 and 6
  assert.deepEqual(letters(replayed), ["readings-3-5"]);
  const none = { out: 0, filtered: 0, deadLettered: 0, late: 0, ahead: 0 };
  assert.deepEqual(replayed.slices, [{ writeTime: 77, eventTime: 88, watermark: null, counts: none }]);

  const fresh = process(7, 11);
  assert.deepEqual(sources(fresh), [[0, 1, 3], [0, 1, 3], [1, 3]]); // 7, 8 and 10
  assert.deepEqual(letters(fresh), ["readings-3-9"]);
  assert.deepEqual(fresh.slices[0]!.counts, { ...none, out: 3, deadLettered: 1 });
  assert.equal(fresh.slices[0]!.eventTime, 1_000_010);
});
