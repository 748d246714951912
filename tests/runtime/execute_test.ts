import assert from "node:assert/strict";
import {
  aggregate,
  cassandraTable,
  count,
  filter,
  flatMap,
  json,
  map,
  pipeline,
  postgresTable,
  topic,
  validate,
} from "weir";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { PackedReader } from "../../src/packed_records.ts";
import type { OutputRows, Refusal, TaskOutput } from "../../src/runtime/protocol.ts";
import { ValueReader } from "../../src/sinks/cells.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { deadLettersOf, linesOf } from "../support/plan_run.ts";
import { columns, good, reading, record, run, slice, source, text } from "../support/readings.ts";

const utf8 = new TextEncoder();

/** The write times of rows of the readings. */
function writeTimes(rows: OutputRows): number[] {
  assert.ok(rows.kind === "cells");
  const reader = new ValueReader(rows.rows.bytes);
  return Array.from({ length: rows.rows.count }, () => {
    for (const _ of Object.keys(columns)) reader.skip();
    return reader.nextTime();
  });
}

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
  assert.deepEqual(deadLettersOf(output), [{ stage: "map(explode)", error: "too hot: sensor on fire" }]);
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
  assert.deepEqual(deadLettersOf(output), [{ stage: "write k.t", error: "row too large" }]);
});

Deno.test("write times never go back in a partition, and a replay from the checkpoint gives the same", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [s.pipe(flatMap((r) => [r, r])).to(cassandraTable("k.t", { columns, key: ["sensor"] }))],
  });
  const executor = new PlanExecutor(plan);
  const start = freshCheckpoint({ partition: 3 });
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
  const checkpoint = freshCheckpoint({ partition: 3, next: 7, writeTime: 77, eventTime: 88 });
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
