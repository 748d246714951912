import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Client, types } from "cassandra-driver";
import { columnSpecs } from "../../src/columns.ts";
import { encodeBatch } from "../../src/sinks/batch_frame.ts";
import { CellEncoder } from "../../src/sinks/cell_encoder.ts";
import { ValueReader } from "../../src/sinks/cells.ts";
import { batchRows } from "../../src/sinks/row_batches.ts";
import { Seeded } from "../support/seeded.ts";

const columns = columnSpecs({ id: "text", count: "int?", raw: "bytes?" });
const width = columns.length + 1;

/** What the driver itself would send for the rows of a batch, without a connection. */
async function driversFrame(
  rows: readonly (readonly unknown[])[],
  { queryId, consistency, streamId }: { queryId: Buffer; consistency: number; streamId: number },
): Promise<Buffer> {
  const client = new Client({
    contactPoints: ["127.0.0.1"],
    localDataCenter: "none",
    policies: { timestampGeneration: null! },
  });
  interface Inside {
    _createBatchRequest(items: unknown[], options: unknown): Promise<{
      write(encoder: unknown, streamId: number): Buffer;
    }>;
  }
  const options = {
    getOrGenerateTimestamp: () => null,
    getHints: () => null,
    isBatchCounter: () => false,
    isBatchLogged: () => false,
    isQueryTracing: () => false,
    getCustomPayload: () => null,
    getConsistency: () => consistency,
    getSerialConsistency: () => undefined,
    getKeyspace: () => undefined,
  };
  const items = rows.map((params) => ({ params, queryId, meta: undefined as unknown }));
  const request = await (client as unknown as Inside)._createBatchRequest(items, options);
  for (const item of items) item.meta = { columns: item.params.map(() => ({})) };
  const encoder = { protocolVersion: 4, encode: (value: unknown) => value };
  return request.write(encoder, streamId);
}

Deno.test("a frame is byte for byte what the driver would send", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Seeded(seed);
    const encoder = new CellEncoder(columns, ["id"]);
    for (let row = random.integer(1, 60); row > 0; row--) {
      encoder.add({
        id: random.uuid(),
        count: random.chance(0.7) ? random.integer(-5, 5) : null,
        raw: random.chance(0.7) ? random.bytes(random.pick([0, 1, 40, 3_000])) : null,
      }, random.integer(0, 2 ** 53 - 1));
    }
    const { bytes, count } = encoder.finish();
    const layout = { width: columns.length, partition: 0, keyColumns: 1, maxBytes: 2_000 };
    const odd = (key: Uint8Array) => String(key.at(-1)! % 2);
    const { batches, starts } = batchRows({ bytes, count }, { ...layout, replicas: odd });
    assert(batches.some(({ rows }) => rows.at(-1)! - rows[0]! >= rows.length) || count < 20, `seed ${seed}`);
    for (const { rows } of batches) {
      const options = {
        queryId: Buffer.from(random.bytes(random.pick([16, 16, 0, 300]))),
        consistency: random.integer(0, 10),
        streamId: random.integer(0, 32_767),
      };
      const reader = new ValueReader(bytes);
      const values = rows.map((row) => {
        reader.at = starts[row]!;
        return Array.from({ length: width }, () => reader.next() ?? types.unset);
      });
      const frame = encodeBatch({ bytes, starts, rows, width }, options);
      assert.equal(frame.toString("hex"), (await driversFrame(values, options)).toString("hex"));
    }
  }
});
