import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as driver from "cassandra-driver";
import { encodeBatch, type RowBatch } from "../../src/sinks/batch_frame.ts";
import { CassandraFrames, OtherProtocol } from "../../src/sinks/cassandra_frames.ts";

const { localQuorum, quorum } = driver.types.consistencies;
const queryId = Buffer.from("the statement's id");
const batch: RowBatch = {
  bytes: Uint8Array.of(0, 0, 0, 1, 65),
  starts: Float64Array.of(0, 5),
  rows: [0],
  width: 1,
};

interface Request {
  consistency: number;
  write(encoder: { protocolVersion: number }, streamId: number): Buffer;
  clone(): Request;
}

/** A client as far as batches go: it keeps what it would send. */
class StandIn {
  readonly requests: unknown[] = [];

  batch(queries: { query: string }[], raw: unknown): Promise<void> {
    const items = queries.map(({ query }) => ({ query, queryId }));
    const options = { getRawQueryOptions: () => raw, getConsistency: () => localQuorum };
    this.requests.push(this._createBatchRequest(items, options));
    return Promise.resolve();
  }

  _createBatchRequest(items: unknown[], _options: unknown): unknown {
    return items;
  }

  get asClient(): driver.Client {
    return this as unknown as driver.Client;
  }
}

Deno.test("the driver that is installed is one that can send frames", () => {
  const client = new driver.Client({ contactPoints: ["127.0.0.1"], localDataCenter: "none" });
  assert(CassandraFrames.of(driver, client), `look through cassandra_frames.ts for ${driver.version}`);
});

Deno.test("another driver is left alone", () => {
  const client = new StandIn();
  const version = "4.10.1" as unknown as number;
  assert.equal(CassandraFrames.of({ version }, client.asClient), undefined);
  const without = { batch: () => Promise.resolve() } as unknown as driver.Client;
  assert.equal(CassandraFrames.of(driver, without), undefined);
  assert.equal(client._createBatchRequest, StandIn.prototype._createBatchRequest);
});

Deno.test("a batch becomes one frame, and a retry sends the same", async () => {
  const client = new StandIn();
  const frames = CassandraFrames.of(driver, client.asClient)!;
  await frames.send("INSERT", batch, {});
  const [request] = client.requests as Request[];
  const expected = (consistency: number, streamId: number) =>
    encodeBatch(batch, { queryId, consistency, streamId }).toString("hex");
  const v4 = { protocolVersion: 4 };
  assert.equal(request!.write(v4, 7).toString("hex"), expected(localQuorum, 7));
  assert.equal(request!.clone().write(v4, 8).toString("hex"), expected(localQuorum, 8));
  const retry = request!.clone();
  retry.consistency = quorum;
  assert.equal(retry.write(v4, 9).toString("hex"), expected(quorum, 9));
  assert.throws(() => request!.write({ protocolVersion: 5 }, 7), OtherProtocol);
});

Deno.test("batches of others are made as ever", async () => {
  const client = new StandIn();
  CassandraFrames.of(driver, client.asClient);
  await client.batch([{ query: "DELETE" }], { prepare: true });
  assert.deepEqual(client.requests, [[{ query: "DELETE", queryId }]]);
});
