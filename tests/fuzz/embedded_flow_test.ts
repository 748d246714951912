/**
 * Thousands of records of any bytes among good ones, through the whole process on embedded data: all are accounted for,
 * and the good ones are written. `WEIR_FUZZ_SEED` gives other records.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { PGlite } from "@electric-sql/pglite";
import { readConfig } from "../../src/config.ts";
import { openEmbeddedLog } from "../../src/log/embedded.ts";
import type { ProducedRecord } from "../../src/record.ts";
import { loadPipelines } from "../../src/runtime/load_pipeline.ts";
import { startWeir } from "../../src/runtime/start.ts";
import { LogReader } from "../support/log_reader.ts";
import { Seeded } from "../support/seeded.ts";
import { unpacked } from "../support/unpacked.ts";

const fuzzed = 10_000;
const good = 1_000;
const utf8 = new TextEncoder();
const json = (value: unknown) => utf8.encode(JSON.stringify(value));
const now = Date.UTC(2026, 0, 1);

function goodRecord(number: number): ProducedRecord {
  const id = `good-${number}`;
  return {
    key: utf8.encode(id),
    value: json({ id, amount: number, at: now + number, note: null }),
    headers: [],
  };
}

function fuzzedRecord(random: Seeded, number: number): ProducedRecord {
  const id = random.chance(0.5) ? `fuzz-${number}` : random.text(12);
  const amount = random.pick<unknown>([0, -1.5, 1e308, 5e-324, "1", null, true, [], 10 ** 20]);
  const at = random.pick<unknown>([now, 0, -1, 1e15, -1e15, 8.64e15, 1e300, "2026", null]);
  const thing = { id, amount, at, note: random.pick<unknown>([null, "", random.text(20), 5]) };
  const whole = json(thing);
  const cut = whole.subarray(0, random.integer(0, whole.length));
  const flipped = whole.slice();
  flipped[random.integer(0, whole.length - 1)]! ^= 1 << random.integer(0, 7);
  const value = random.pick([
    whole,
    whole,
    cut,
    flipped,
    random.bytes(random.integer(0, 200)),
    null,
    utf8.encode("[".repeat(random.integer(1, 20_000))),
    json({ ...thing, amount: 1, at: now, more: { __proto__: null, "": [random.text(5)] } }),
    json({ id: random.text(3_000), amount: 1, at: now }),
  ]);
  const headers = Array.from({ length: random.integer(0, 3) }, () => ({
    key: random.pick(["weir.attempt", "weir.offset", random.text(8)]),
    value: random.chance(0.2) ? null : random.bytes(random.integer(0, 10)),
  }));
  const timestamp = random.pick([now, 0, 1, 9e15, now + number]);
  return { key: random.chance(0.2) ? null : random.bytes(random.integer(0, 9)), value, headers, timestamp };
}

Deno.test(`${fuzzed} fuzzed records among good ones are all accounted for`, async () => {
  const seed = Number(Deno.env.get("WEIR_FUZZ_SEED") ?? 1);
  const random = new Seeded(seed);
  const folder = await Deno.makeTempDir({ prefix: "weir-fuzz-" });
  try {
    const records = [
      ...Array.from({ length: good }, (_, i) => goodRecord(i)),
      ...Array.from({ length: fuzzed }, (_, i) => fuzzedRecord(random, i)),
    ];
    for (let i = records.length - 1; i > 0; i--) {
      const other = random.integer(0, i);
      [records[i], records[other]] = [records[other]!, records[i]!];
    }
    await fill(folder, records);
    const deadLettered = await run(folder, records.length);
    await check(folder, records.length, deadLettered);
  } catch (cause) {
    throw new Error(`WEIR_FUZZ_SEED=${seed}: ${(cause as Error).message}`, { cause });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function fill(folder: string, records: readonly ProducedRecord[]): Promise<void> {
  const log = openEmbeddedLog({ file: `${folder}/log.db` });
  await log.createTopic("fuzz", { partitions: 4 });
  await log.produce("fuzz", records);
  await log.close();
}

/** Runs until all is read; gives how many are dead letters. */
async function run(folder: string, count: number): Promise<number> {
  const said: string[] = [];
  const weir = await startWeir({
    config: readConfig({ WEIR_DATA_DIR: folder, STATUS_PORT: "0" }, {}, 2),
    pipelines: await loadPipelines([new URL("fuzzed_pipeline.ts", import.meta.url).pathname], "/"),
    env: () => undefined,
    say: (line) => said.push(line),
    now: Date.now,
  });
  weir.failed.then((reason) => said.push(reason));
  try {
    for (;;) {
      const [status] = weir.status().pipelines;
      assert.notEqual(status!.state, "failed", said.join("\n"));
      if (status!.records.in === count && status!.partitions.every(({ lag }) => lag === 0)) {
        const { out, filtered, deadLettered } = status!.records;
        assert.deepEqual([out + deadLettered, filtered], [count, 0]);
        assert.deepEqual(said, []);
        return deadLettered;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await weir.stop(3_000);
  }
}

async function check(folder: string, count: number, deadLettered: number): Promise<void> {
  const log = openEmbeddedLog({ file: `${folder}/log.db` });
  const read = async (topic: string) => {
    const ends = await log.offsets(topic, "check");
    const total = ends.reduce((sum, { end }) => sum + end, 0);
    const reader = new LogReader(log.consumer(topic, "check"));
    await reader.consumer.start(reader);
    await reader.until(`${topic} is read`, () => reader.records().length === total);
    await reader.consumer.stop();
    return reader;
  };
  const letters = (await read("fuzz.dead-letter")).records();
  const dead = new Set(letters.map(({ key }) => new TextDecoder().decode(key!)));
  const source = await read("fuzz");
  await log.close();
  assert.equal(dead.size, deadLettered, "each dead letter is there, by its place");

  const rows = await rowsOf(folder);
  let alive = 0;
  for (const { partition, records } of source.batches) {
    for (const { offset, value } of unpacked(records)) {
      const text = value && new TextDecoder().decode(value);
      if (dead.has(`fuzz-${partition}-${offset}`)) {
        assert.ok(!text?.startsWith('{"id":"good-'), `${text} is good`);
        continue;
      }
      alive++;
      const { id, amount } = JSON.parse(text!);
      assert.ok(rows.postgres.has(id) && rows.tables.has(id), `${JSON.stringify(id)} is not written`);
      if (id.startsWith("good-")) assert.equal(rows.postgres.get(id), amount);
    }
  }
  assert.equal(alive + deadLettered, count);
  assert.equal([...rows.postgres.keys()].filter((id) => id.startsWith("good-")).length, good);
  assert.equal(rows.counted, alive, "windows hold every record that is no dead letter");
}

async function rowsOf(folder: string) {
  const tables = new DatabaseSync(`${folder}/tables.db`, { readOnly: true });
  const ids = tables.prepare('select id from "fuzz.things"').all().map(({ id }) => String(id));
  tables.close();
  const warehouse = new PGlite(`${folder}/warehouse`);
  // As hexadecimal digits, for PGlite's client drops a byte order mark at the start of a text.
  const { rows } = await warehouse.query<{ id: string; amount: number }>(
    "select encode(convert_to(id, 'UTF8'), 'hex') as id, amount from things",
  );
  const counted = await warehouse.query<{ n: string }>("select sum(things)::text as n from things_per_hour");
  await warehouse.close();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const postgres = new Map(rows.map(({ id, amount }) => [decoder.decode(Uint8Array.fromHex(id)), amount]));
  return { tables: new Set(ids), postgres, counted: Number(counted.rows[0]!.n) };
}
