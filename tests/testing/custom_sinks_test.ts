/** Aggregates of one's own on their way to topics and to Cassandra: each type of result arrives as what it is. */
import assert from "node:assert/strict";
import {
  aggregate,
  cassandraTable,
  type Codec,
  count,
  custom,
  json,
  kafka,
  pipeline,
  session,
  testPipeline,
  topic,
  tumbling,
} from "weir";
import { Dispatcher } from "../../src/testing/dispatcher.ts";
import { MemoryLog } from "../../src/testing/memory_log.ts";
import { MemoryTables } from "../../src/testing/memory_tables.ts";
import { MemoryWarehouse, type RunWarehouse } from "../../src/testing/memory_warehouse.ts";
import { SourceTopic } from "../../src/testing/source_topic.ts";
import type { CassandraTable } from "../../src/pipeline.ts";
import { openPglite } from "../../src/warehouse/pglite.ts";
import type { Window } from "../../src/operators/window.ts";
import { Seeded } from "../support/seeded.ts";

const readingSchema = {
  type: "record",
  name: "Reading",
  fields: [{ name: "sensor", type: "string" }, { name: "n", type: "int" }],
} as const;
type Reading = { readonly sensor: string; readonly n: number };

const source = kafka("readings", { group: "g", codec: json(readingSchema), lateness: "10s" });
const noon = Date.parse("2026-01-31T12:00:00Z");

/** The numbers of a group, and of them what each type of column takes. */
const numbers = {
  init: (): number[] => [],
  add: (held: readonly number[], { n }: Reading) => [...held, n],
  merge: (a: readonly number[], b: readonly number[]) => [...a, ...b].toSorted((a, b) => a - b),
};
const compute = {
  records: count(),
  all: custom({ ...numbers, result: (held) => ({ numbers: held, none: null }) }),
  listed: custom({ ...numbers, result: (held) => `\\ "${held.join("'\t")}`, type: "text" }),
  some: custom({ ...numbers, result: (held) => held.length > 1 ? "several" : null, type: "text?" }),
  biggest: custom({ ...numbers, result: (held) => held.at(-1)!, type: "int" }),
  huge: custom({ ...numbers, result: (held) => 2n ** 62n + BigInt(held.length), type: "bigint" }),
  third: custom({ ...numbers, result: (held) => held.length / 3, type: "double" }),
  even: custom({ ...numbers, result: (held) => held.length % 2 === 0, type: "boolean" }),
  until: custom({ ...numbers, result: (held) => new Date(noon + held.at(-1)!), type: "timestamp" }),
};
const columns = {
  sensor: "text",
  window_start: "timestamp",
  records: "bigint",
  all: "json",
  listed: "text",
  some: "text?",
  biggest: "int",
  huge: "bigint",
  third: "double",
  even: "boolean",
  until: "timestamp",
} as const;

/** Values as they are, with their types. */
const inspected: Codec<object> = {
  name: "inspected",
  encode: (row) => new TextEncoder().encode(Deno.inspect(row, { sorted: true, iterableLimit: Infinity })),
  decode: (bytes) => ({ text: new TextDecoder().decode(bytes) }),
};
const by = ({ sensor }: Reading) => ({ sensor });
const table = (name: string) => cassandraTable(`k.${name}`, { columns, key: ["sensor", "window_start"] });
const out = (name: string) => topic<object>(name, { key: () => "all", codec: inspected });
const plan = pipeline("p", {
  source,
  outputs: (stream) => {
    const of = (window: Window, results: "updates" | "final") =>
      stream.pipe(aggregate({ by, window, compute, results }));
    const minute = tumbling("1m");
    return [
      of(minute, "updates").to(out("updates")),
      of(minute, "final").to(out("finals")),
      of(session("6s"), "final").to(out("visits")),
      of(minute, "updates").to(table("updates")),
      of(minute, "final").to(table("finals")),
      of(session("6s"), "final").to(table("visits")),
    ];
  },
});

const result = (numbers: number[]) => ({
  sensor: "a",
  window_start: new Date(noon),
  records: BigInt(numbers.length),
  all: { numbers, none: null },
  listed: `\\ "${numbers.join("'\t")}`,
  some: numbers.length > 1 ? "several" : null,
  biggest: numbers.at(-1),
  huge: 2n ** 62n + BigInt(numbers.length),
  third: numbers.length / 3,
  even: numbers.length % 2 === 0,
  until: new Date(noon + numbers.at(-1)!),
});

Deno.test("results of custom aggregates come to topics and to Cassandra with their types", async () => {
  const test = await testPipeline(plan, { now: noon });
  const send = (n: number, seconds: number) =>
    test.send({ value: { sensor: "a", n }, timestamp: noon + seconds * 1_000 });
  const inTopic = (name: string) => test.records(name).map(({ value }) => (value as { text: string }).text);
  const shown = (numbers: number[], end: number) =>
    Deno.inspect({ ...result(numbers), window_end: new Date(end) }, { sorted: true });
  await send(7, 5);
  assert.deepEqual(test.rows("k.updates"), [result([7])]);
  await send(3, 10);
  assert.deepEqual(test.rows("k.updates"), [result([3, 7])]);
  assert.deepEqual(inTopic("updates"), [shown([7], noon + 60_000), shown([3, 7], noon + 60_000)]);
  assert.deepEqual([test.rows("k.finals"), inTopic("finals"), inTopic("visits")], [[], [], []]);
  await test.restart();
  await send(1, 80);
  assert.deepEqual(inTopic("finals"), [shown([3, 7], noon + 60_000)]);
  assert.deepEqual(test.rows("k.finals"), [result([3, 7])]);
  const visit = { ...result([3, 7]), window_start: new Date(noon + 5_000) };
  assert.deepEqual(inTopic("visits"), [
    Deno.inspect({ ...visit, window_end: new Date(noon + 16_000) }, { sorted: true }),
  ]);
  assert.deepEqual(test.rows("k.visits"), [visit]);
  assert.deepEqual(test.deadLetters, []);
});

Deno.test("a custom aggregate whose groups cannot be merged goes to no topic, and the others do", async () => {
  const clashing = custom({
    init: () => 0,
    add: (_: number, { n }: Reading) => n,
    merge: (a, b) => {
      if (a + b > 100) throw new Error("too much");
      return a + b;
    },
    result: (n) => n,
    type: "int",
  });
  const test = await testPipeline(
    pipeline("p", {
      source,
      outputs: (stream) => [
        stream.pipe(aggregate({ by, compute: { total: clashing } })).to(out("totals")),
        stream.pipe(aggregate({ by, compute: { total: clashing } })).to(
          cassandraTable("k.totals", { columns: { sensor: "text", total: "int" }, key: ["sensor"] }),
        ),
      ],
    }),
  );
  const value = (sensor: string, n: number) => ({ value: { sensor, n } });
  await test.send(value("a", 60), value("b", 1));
  await test.send(value("a", 50), value("b", 2));
  await test.send(value("a", 40));
  const rows = test.rows("k.totals");
  assert.deepEqual(rows, [{ sensor: "a", total: 100 }, { sensor: "b", total: 3 }]);
  assert.deepEqual(
    test.records("totals").map(({ value }) => (value as { text: string }).text),
    ["a 60", "b 1", "b 3", "a 100"].map((each) => {
      const [sensor, total] = each.split(" ");
      return Deno.inspect({ sensor, total: Number(total) });
    }),
  );
  assert.deepEqual(test.deadLetters.map(({ offset, stage }) => [offset, stage]), [[2, "write k.totals"]]);
  assert.equal(test.deadLetters[0]!.reason, 'custom "total": too much');
});

/** The same batches of the same records each time. */
async function runOn(warehouse: RunWarehouse): Promise<{ log: MemoryLog; tables: MemoryTables }> {
  const random = new Seeded(5);
  const log = new MemoryLog();
  const tables = new MemoryTables();
  let now = noon;
  const dispatcher = new Dispatcher({
    plan,
    partitions: 2,
    services: { log, tables, warehouse },
    now: () => now,
  });
  await dispatcher.restart();
  const readings = new SourceTopic(source, 2);
  for (let batch = 0; batch < 25; batch++) {
    now += random.integer(0, 15_000);
    const records = Array.from({ length: random.integer(1, 12) }, () => ({
      value: { sensor: `s${random.integer(0, 2)}`, n: random.integer(0, 999) },
      partition: random.integer(0, 1),
      timestamp: now - random.integer(0, 9_000),
    }));
    await dispatcher.process(readings.write(records.map((record) => readings.encode(record, now)), now));
    if (random.chance(0.2)) await dispatcher.restart();
  }
  now += 120_000;
  await dispatcher.rest();
  return { log, tables };
}

Deno.test("custom aggregates come out of a real warehouse as in memory", async () => {
  const parent = await Deno.makeTempDir({ prefix: "weir-custom-sinks-" });
  const database = await openPglite({ directory: `${parent}/warehouse` });
  try {
    const [real, memory] = [await runOn(database), await runOn(new MemoryWarehouse())];
    for (const name of ["updates", "finals", "visits"]) {
      const texts = ({ log }: typeof real) =>
        log.records(name).map(({ value }) => new TextDecoder().decode(value!));
      assert.ok(texts(memory).length > 5, name);
      assert.deepEqual(texts(real), texts(memory), name);
      const rows = ({ tables }: typeof real) =>
        tables.rows(
          plan.outputs.find(({ sink }) => sink.name === `k.${name}`)!.sink as CassandraTable<never>,
        );
      assert.ok(rows(memory).length > 5, name);
      assert.deepEqual(rows(real), rows(memory), name);
    }
    assert.deepEqual([real.log.records("readings.dead-letter"), memory.log.records("readings.dead-letter")], [
      [],
      [],
    ]);
  } finally {
    await database.close();
    await Deno.remove(parent, { recursive: true });
  }
});
