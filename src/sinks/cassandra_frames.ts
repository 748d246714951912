/**
 * Batches that are encoded here, sent through cassandra-driver: it would make several objects and small buffers of each
 * cell, which is most of what a write costs the client. Connections, preparing (again, when a server has forgotten),
 * load balancing, timeouts and retries stay the driver's, because the only thing that is replaced is the request that
 * its `client.batch` makes.
 *
 * This is the one file that knows the driver's inside. Of version 4.10.0 it relies on:
 * - `Client.batch` (lib/client.js) prepares what it is given, then sends what `this._createBatchRequest(items, options)`
 *   answers, a request or a promise of one; `items[0].queryId` is the prepared statement's id, and
 *   `options.getRawQueryOptions()` the very object that `batch` was given.
 * - Of a request (lib/requests.js), sending (lib/request-execution.js, lib/writers.js) uses `write(encoder, streamId)`,
 *   which answers the whole frame, `clone()` before a retry, and `consistency`.
 * - `encoder.protocolVersion` is the version that the connection speaks.
 *
 * Any other version of the driver, or of the protocol, gets its batches by the public way.
 */
import type { Buffer } from "node:buffer";
import type { Client, ExecutionOptions, QueryOptions } from "cassandra-driver";
import { encodeBatch, frameVersion, type RowBatch } from "./batch_frame.ts";
import type { CassandraDriver } from "./cassandra_connection.ts";

const knownDriver = "4.10.0";

/** A server speaks another version of the protocol than frames are in; nothing was sent. */
export class OtherProtocol extends Error {}

/** Sends encoded batches over a client's connections. */
export class CassandraFrames {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Teaches a client to send encoded batches; undefined when its driver is not of the version that this is made for. */
  static of(driver: Pick<CassandraDriver, "version">, client: Client): CassandraFrames | undefined {
    const inside = client as unknown as ClientInside;
    const original = inside._createBatchRequest;
    // Its type declarations call the version a number.
    if (String(driver.version) !== knownDriver || typeof original !== "function") return undefined;
    inside._createBatchRequest = function (items, options) {
      const { encoded } = options.getRawQueryOptions();
      return encoded
        ? new EncodedRequest(encoded, items[0].queryId, options.getConsistency())
        : original.call(this, items, options);
    };
    return new CassandraFrames(client);
  }

  /**
   * Writes rows with a prepared statement, as `client.batch` would with the same options.
   *
   * @throws {OtherProtocol} when the connection can't take frames. Else as `client.batch`.
   */
  async send(query: string, batch: RowBatch, options: QueryOptions): Promise<void> {
    const raw: RawOptions = { ...options, prepare: true, logged: false, encoded: batch };
    await this.#client.batch([{ query }], raw);
  }
}

class EncodedRequest {
  /** A retry may set another one. */
  consistency: number;
  /** Bytes sent, for the driver's request trackers. */
  length = 0;
  readonly #batch: RowBatch;
  readonly #queryId: Buffer;

  constructor(batch: RowBatch, queryId: Buffer, consistency: number) {
    this.#batch = batch;
    this.#queryId = queryId;
    this.consistency = consistency;
  }

  write({ protocolVersion }: { readonly protocolVersion: number }, streamId: number): Buffer {
    if (protocolVersion !== frameVersion) {
      throw new OtherProtocol(
        `Cannot send a frame of version ${frameVersion} on protocol ${protocolVersion}`,
      );
    }
    const { consistency } = this;
    const frame = encodeBatch(this.#batch, { queryId: this.#queryId, consistency, streamId });
    this.length = frame.length;
    return frame;
  }

  /** No attempt changes what another one sends. */
  clone(): this {
    return this;
  }
}

interface RawOptions extends QueryOptions {
  readonly encoded?: RowBatch;
}

interface ClientInside {
  _createBatchRequest(
    items: readonly [{ readonly queryId: Buffer }],
    options: Pick<ExecutionOptions, "getConsistency"> & { getRawQueryOptions(): RawOptions },
  ): unknown;
}
