/** Records of any bytes: what carries them gives them back, and what decodes them gives a value or says what is wrong. */
import assert from "node:assert/strict";
import { aggregate, cassandraTable, count, json, kafka, map, pipeline, postgresTable, tumbling } from "weir";
import { columnSpecs } from "../../src/columns.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { type PackableRecord, PackedReader, packRecords } from "../../src/packed_records.ts";
import { CopyEncoder } from "../../src/warehouse/copy_text.ts";
import { decodeCopy } from "../simulation/fake_warehouse.ts";
import type { Seeded } from "../support/seeded.ts";
import { junk, rounds } from "./rounds.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";

const maybe = (random: Seeded, most: number) =>
  random.chance(0.2) ? null : random.bytes(random.integer(0, most));

function anyRecord(random: Seeded, offset: number): Required<PackableRecord> {
  const headers = Array.from({ length: random.chance(0.5) ? 0 : random.integer(1, 4) }, () => ({
    key: random.chance(0.3) ? `weir.${random.text(5)}` : random.text(10),
    value: maybe(random, 20),
  }));
  if (random.chance(0.1)) headers.push({ key: "weir.attempt", value: maybe(random, 3) });
  return {
    offset,
    timestamp: random.pick([0, -1, 1_700_000_000_000, 2 ** 53 - 1, -(2 ** 53)]),
    key: maybe(random, 20),
    value: maybe(random, 200),
    headers,
  };
}

function anyRecords(random: Seeded): Required<PackableRecord>[] {
  const start = random.pick([0, 1, 2 ** 40, 2 ** 53 - 1_000]);
  return Array.from({ length: random.integer(0, 20) }, (_, i) => anyRecord(random, start + 2 * i));
}

Deno.test("packed records come out as they went in", async () => {
  await rounds(500, (random) => {
    const records = anyRecords(random);
    const packed = packRecords(records);
    const reader = new PackedReader(structuredClone(packed, { transfer: [packed.buffer] }));
    assert.deepEqual(
      records.map((_, i) => ({
        offset: reader.offset(i),
        timestamp: reader.timestamp(i),
        key: reader.key(i),
        value: reader.value(i),
        headers: reader.headers(i),
      })),
      records,
    );
  });
});

const reading = {
  type: "record",
  name: "R",
  fields: [{ name: "id", type: "string" }, { name: "n", type: "double" }],
};

const plan = pipeline("fuzzed", {
  source: kafka("readings", {
    group: "g",
    codec: json(reading),
    eventTime: (each) => (each as { n: number }).n,
  }),
  outputs: (stream) => {
    const rows = stream.pipe(map((each) => each as { id: string; n: number }));
    return [
      rows.to(cassandraTable("k.t", { columns: { id: "text", n: "double" }, key: ["id"] })),
      rows.to(postgresTable("t", { columns: { id: "text", n: "double" }, key: ["id"] })),
      rows.pipe(aggregate({ by: ({ id }) => ({ id }), window: tumbling("1m"), compute: { all: count() } }))
        .to(postgresTable("all")),
    ];
  },
});

Deno.test("every record is out, filtered or a dead letter with all that it had", async () => {
  await rounds(200, (random) => {
    const records = anyRecords(random).map((record) => ({
      ...record,
      value: random.chance(0.5)
        ? record.value
        : new TextEncoder().encode(JSON.stringify({ id: random.text(5), n: junk(random, 0) }, (_, value) =>
          typeof value === "bigint" ? String(value) : value)),
    }));
    const executor = new PlanExecutor(plan);
    executor.assign(freshCheckpoint({ partition: 4 }));
    const output = executor.process({
      pipeline: plan.name,
      slices: [{ partition: 4, records: packRecords(records), refused: [] }],
      keyTypes: [null, null, null],
    });
    const { out, filtered, deadLettered } = output.slices[0]!.counts;
    assert.equal(out + filtered + deadLettered, records.length);
    const letters = new PackedReader(output.deadLetters).produced();
    assert.equal(letters.length, deadLettered);
    for (const letter of letters) {
      const text = (name: string) =>
        new TextDecoder().decode(letter.headers.findLast(({ key }) => key === `weir.${name}`)!.value!);
      const record = records.find(({ offset }) => offset === Number(text("offset")))!;
      assert.equal(new TextDecoder().decode(letter.key!), `readings-4-${record.offset}`);
      assert.deepEqual(letter.value, record.value);
      assert.equal(text("timestamp"), String(record.timestamp));
      assert.deepEqual(letter.headers.findLast(({ key }) => key === "weir.key")?.value ?? null, record.key);
      assert.ok(Number(text("attempt")) >= 1);
      assert.notEqual(text("error"), "");
      const own = ({ headers }: { headers: PackableRecord["headers"] }) =>
        headers.filter(({ key }) => !key.startsWith("weir."));
      assert.deepEqual(own(letter), own(record));
    }
  });
});

Deno.test("JSON that is deep, long or full of tricks is a value or an error", () => {
  const codec = json(reading);
  const tricks = [
    "[".repeat(1_000_000),
    '{"id":'.repeat(100_000),
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    `{"id":"a","n":1,"more":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
    `{"id":"a","n":1e999}`,
    `{"id":"a","n":${"9".repeat(100_000)}}`,
    `{"__proto__":{"id":"a","n":1}}`,
    `{"id":"a","n":1,"__proto__":{"x":1},"constructor":null,"toString":1}`,
    `{"id":{"toString":null},"n":{"valueOf":1}}`,
    `"${"\\u0000".repeat(100_000)}"`,
    '{"id":"\\ud800","n":1}',
  ];
  for (const trick of tricks) {
    try {
      codec.decode(new TextEncoder().encode(trick));
    } catch (error) {
      assert.ok(
        error instanceof Error && error.message !== "" && error.message.length < 1_000,
        trick.slice(0, 40),
      );
    }
  }
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

Deno.test("rows for Postgres are read back by its documented format", async () => {
  const columns = columnSpecs({
    id: "text",
    note: "text?",
    data: "bytes?",
    yes: "boolean?",
    n: "double?",
    at: "bigint?",
  });
  await rounds(300, (random) => {
    const encoder = new CopyEncoder(columns);
    const texts = () => random.text(30).replaceAll("\0", "");
    const optional = <T>(value: T) => random.chance(0.2) ? null : value;
    const rows = Array.from({ length: random.integer(0, 10) }, () => ({
      id: texts(),
      note: optional(texts()),
      data: optional(random.bytes(random.integer(0, 20))),
      yes: optional(random.chance(0.5)),
      n: optional(random.fraction() * 10 ** random.integer(-300, 300)),
      at: optional(BigInt.asIntN(64, BigInt(`0x${random.bytes(8).toHex()}`))),
    }));
    for (const row of rows) encoder.add(row);
    const found = decodeCopy(columns, encoder.finish().bytes);
    assert.deepEqual(
      found.map((row) => ({
        ...row,
        data: row["data"] === null ? null : Uint8Array.fromHex(row["data"]!.replace(/^\\x/, "")),
        yes: row["yes"] === null ? null : row["yes"] === "t" || row["yes"] === "true",
        n: row["n"] === null ? null : Number(row["n"]),
        at: row["at"] === null ? null : BigInt(row["at"]!),
      })),
      rows,
    );
  });
});
