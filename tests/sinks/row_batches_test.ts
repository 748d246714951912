import assert from "node:assert/strict";
import { columnSpecs } from "../../src/columns.ts";
import { CellEncoder } from "../../src/sinks/cell_encoder.ts";
import { type CellRows, ValueReader } from "../../src/sinks/cells.ts";
import { batchRows } from "../../src/sinks/row_batches.ts";
import { Seeded } from "../support/seeded.ts";

const columns = columnSpecs({ name: "text?", id: "text", tag: "text", note: "text?" });
const layout = { width: 4, partition: 1, keyColumns: 2 };

function encode(rows: readonly Record<string, unknown>[]): CellRows {
  const encoder = new CellEncoder(columns, ["id", "tag"]);
  for (const row of rows) encoder.add(row, 0);
  return encoder.finish();
}

Deno.test("a row's size is counted as Cassandra 5 counts it", () => {
  // 50 for the row, 20 for each set cell outside the key, and the values.
  const rows = encode([{ name: "12345", id: "1", tag: "1" }, { name: "", id: "2", tag: "1", note: "1" }]);
  const { batches } = batchRows(rows, { ...layout, maxBytes: 1 });
  assert.deepEqual(batches.map(({ bytes }) => bytes), [50 + 20 + 7, 50 + 40 + 3]);
});

Deno.test("batches hold every row once, in order, and are filled up to the bound", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Seeded(seed);
    const rows = encode(Array.from({ length: random.integer(0, 300) }, () => ({
      id: random.uuid(),
      tag: random.text(5),
      name: random.chance(0.5) ? random.text(300) : null,
    })));
    const maxBytes = random.integer(1, 5_000);
    const { batches, starts } = batchRows(rows, { ...layout, maxBytes });
    assert.deepEqual(batches.flatMap((batch) => batch.rows), [...Array(rows.count).keys()]);
    for (const [index, batch] of batches.entries()) {
      assert(batch.bytes <= maxBytes || batch.rows.length === 1, `seed ${seed}`);
      const [next] = batchRows(rows, { ...layout, maxBytes: 1 }).batches.slice(batch.rows.at(-1)! + 1);
      if (index < batches.length - 1) assert(batch.bytes + next!.bytes > maxBytes, `seed ${seed}`);
    }
    const reader = new ValueReader(rows.bytes);
    for (let row = 0; row < rows.count; row++) {
      assert.equal(starts[row], reader.at);
      for (let value = 0; value < layout.width + 1; value++) reader.skip();
    }
    assert.equal(starts[rows.count], rows.bytes.length);
  }
});

Deno.test("a batch never spans two sets of replicas", () => {
  const random = new Seeded(1);
  const ids = Array.from({ length: 500 }, () => `${random.integer(0, 2)}${random.uuid()}`);
  const rows = encode(ids.map((id) => ({ id, tag: "t", name: random.text(40) })));
  const replicas = (key: Uint8Array) => `node ${new TextDecoder().decode(key)[0]}`;
  const { batches } = batchRows(rows, { ...layout, maxBytes: 2_000, replicas });
  for (const batch of batches) assert.equal(new Set(batch.rows.map((row) => ids[row]![0])).size, 1);
  assert.deepEqual(batches.flatMap((batch) => batch.rows).sort((a, b) => a - b), [...ids.keys()]);
  const average = rows.count / batches.length;
  assert(average > 5, `${average} rows in a batch: they are not sent one by one`);
});
