/** The warehouse in memory comes to the same rows as a real one, from the same batches. */
import assert from "node:assert/strict";
import {
  aggregate,
  approxDistinct,
  avg,
  count,
  custom,
  first,
  kafka,
  last,
  map,
  mapWithState,
  max,
  min,
  type Operator,
  pipeline,
  postgresTable,
  session,
  sliding,
  stddev,
  sum,
  text,
  topic,
  tumbling,
} from "weir";
import { Dispatcher } from "../../src/testing/dispatcher.ts";
import type { CellValue } from "../../src/testing/copy_rows.ts";
import { MemoryLog } from "../../src/testing/memory_log.ts";
import { MemoryTables } from "../../src/testing/memory_tables.ts";
import { MemoryWarehouse, type RunWarehouse } from "../../src/testing/memory_warehouse.ts";
import { SourceTopic } from "../../src/testing/source_topic.ts";
import { openPglite } from "../../src/warehouse/pglite.ts";
import { Seeded } from "../support/seeded.ts";

const source = kafka("numbers", { group: "g", codec: text(), lateness: "20s" });
const noon = Date.parse("2026-01-31T12:00:00Z");
const of = Number;
const by = (value: string) => ({ last_digit: Number(value.at(-1)) });
const compute = {
  n: count(),
  total: sum(of),
  smallest: min(of),
  largest: max(of),
  mean: avg(of),
  spread: stddev(of),
  begin: first("text", (value: string) => value),
  begin_big: first("bigint", (value: string) => BigInt(value)),
  end: last("timestamp", (_: string, { eventTime }) => new Date(eventTime)),
  about: approxDistinct((value: string) => value),
  longest: custom({
    init: () => "",
    add: (held: string, value: string) => value > held ? value : held,
    merge: (a, b) => b > a ? b : a,
    result: (text) => text.length,
    type: "int",
  }),
  end_odd: last("boolean", (value: string) => Number(value) % 2 === 1),
};
const plan = pipeline("p", {
  source,
  outputs: (stream) => [
    stream.pipe(aggregate({ by, compute })).to(postgresTable("always")),
    stream.pipe(aggregate({ by, compute, window: sliding("30s", "10s") })).to(postgresTable("now")),
    stream.pipe(aggregate({ by, compute, window: tumbling("30s"), results: "final" })).to(
      postgresTable("closed"),
    ),
    stream.pipe(aggregate({ by, compute, window: session("5s") })).to(postgresTable("visits")),
    stream.pipe(aggregate({ by, compute, window: session("5s"), results: "final" })).to(
      postgresTable("closed_visits"),
    ),
    stream.pipe(aggregate({ by, compute: { n: count() }, window: tumbling("10s") })).to(
      topic("changes", { key: () => null, codec: lines() }),
    ),
    stream.pipe(aggregate({ by, compute: { n: count() }, window: session("5s"), results: "final" })).to(
      topic("ended", { key: () => null, codec: lines() }),
    ),
    stream.pipe(counted("states")).to(
      postgresTable("states", { columns: { id: "text", n: "int" }, key: ["id"] }),
    ),
    stream.pipe(counted("more_states")).to(topic("passed", { key: () => "all", codec: lines() })),
    stream.pipe(map((value, { eventTime }) => rowOf(value, eventTime))).to(postgresTable("kept", {
      columns: {
        id: "uuid",
        a: "text?",
        b: "bigint",
        c: "double",
        d: "date",
        e: "json",
        f: "bytes",
        g: "timestamp",
      },
      key: ["id"],
      onConflict: "ignore",
    })),
  ],
});

Deno.test("a pipeline in memory has the rows and records that a real warehouse gives", async () => {
  const parent = await Deno.makeTempDir({ prefix: "weir-testing-" });
  const database = await openPglite({ directory: `${parent}/warehouse` });
  try {
    const memory = new MemoryWarehouse();
    const [real, held] = [await runOn(database), await runOn(memory)];
    assert.ok(held.dispatcher.counts.late > 0);
    assert.deepEqual(held.dispatcher.counts, real.dispatcher.counts);
    assert.equal(held.dispatcher.watermark, real.dispatcher.watermark);
    for (const name of ["always", "now", "closed", "visits", "closed_visits", "states", "kept"]) {
      const found = await database.select(`select * from "${name}"`, 10_000);
      const expected = memory.rows({ schema: "public", table: name })!;
      assert.ok(expected.length > 5, name);
      assert.deepEqual(sorted(found), sorted(expected.map(asJson)), name);
    }
    for (const name of ["changes", "ended", "passed"]) {
      assert.ok(held.log.records(name).length > 5);
      assert.deepEqual(texts(held.log, name), texts(real.log, name), name);
    }
  } finally {
    await database.close();
    await Deno.remove(parent, { recursive: true });
  }
});

function texts(log: MemoryLog, topic: string): string[] {
  return log.records(topic).map(({ value }) => new TextDecoder().decode(value!));
}

/** The same batches of the same records each time. */
async function runOn(warehouse: RunWarehouse): Promise<{ dispatcher: Dispatcher; log: MemoryLog }> {
  const random = new Seeded(3);
  const log = new MemoryLog();
  let now = noon;
  const services = { log, tables: new MemoryTables(), warehouse };
  const dispatcher = new Dispatcher({ plan, partitions: 2, services, now: () => now });
  await dispatcher.restart();
  const numbers = new SourceTopic(source, 2);
  for (let batch = 0; batch < 25; batch++) {
    now += random.integer(0, 4_000);
    const records = Array.from({ length: random.integer(1, 12) }, () => ({
      value: String(random.integer(0, 999)),
      partition: random.integer(0, 1),
      timestamp: now - random.integer(0, 1) * random.integer(0, 40_000),
    }));
    await dispatcher.process(numbers.write(records.map((record) => numbers.encode(record, now)), now));
    if (random.chance(0.2)) await dispatcher.restart();
  }
  now += 60_000;
  await dispatcher.rest();
  return { dispatcher, log };
}

/** Counts by the first character. */
function counted(name: string): Operator<string, { id: string; n: number }> {
  return mapWithState({
    name,
    by: (value: string) => value[0]!,
    initial: () => 0,
    update: (n, value) => ({ state: n + 1, emit: [{ id: value[0]!, n: n + 1 }] }),
    timeout: "20s",
  });
}

function rowOf(value: string, eventTime: number) {
  return {
    id: `00000000-0000-4000-8000-${value.padStart(12, "A")}`,
    a: Number(value) % 3 === 0 ? null : `tab\t, \\ and\nline ${value}`,
    b: 2n ** 52n + BigInt(value),
    c: Number(value) / 7,
    d: `20${value.padStart(2, "0").slice(0, 2)}-01-31`,
    e: { list: [1, "\\", null], value },
    f: new TextEncoder().encode(value),
    g: new Date(eventTime),
  };
}

function lines() {
  return {
    name: "lines",
    encode: (row: object) =>
      new TextEncoder().encode(
        JSON.stringify(row, (_, value) => typeof value === "bigint" ? String(value) : value),
      ),
    decode: (): object => ({}),
  };
}

/** A row as the warehouse's `select` gives it. */
function asJson(row: Readonly<Record<string, CellValue>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (value instanceof Date) return [name, value.toISOString().replace(/\.?0*Z$/, "+00:00")];
      if (value instanceof Uint8Array) return [name, `\\x${value.toHex()}`];
      return [name, typeof value === "bigint" ? Number(value) : value];
    }),
  );
}

/** The last digits of moments depend on the order of merging. */
function sorted(rows: readonly object[]): string[] {
  const rounded = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(14)) : value;
  return rows.map((row) => JSON.stringify(Object.entries(row).toSorted(), rounded)).sort();
}
