import { Buffer } from "node:buffer";
import type { Client, QueryOptions } from "cassandra-driver";
import { RejectedRows } from "../errors.ts";
import type { CassandraTable } from "../pipeline.ts";
import type { RowBatch } from "./batch_frame.ts";
import { anyNode, type CassandraDriver } from "./cassandra_connection.ts";
import { type CassandraFrames, OtherProtocol } from "./cassandra_frames.ts";
import { type CellRows, ValueReader } from "./cells.ts";
import { type Batching, batchRows } from "./row_batches.ts";
import type { Slots } from "./slots.ts";

/** What the writers of a cluster's tables share. */
export interface CassandraCluster {
  readonly driver: CassandraDriver;
  readonly client: Client;
  /** The fast way to send batches; absent where the driver must encode them. */
  readonly frames: CassandraFrames | undefined;
  /** Bounds the requests that are under way, of all writers together. */
  readonly slots: Slots;
}

/** Writes rows to one table, as unlogged batches of a prepared INSERT. */
export class CassandraWriter {
  readonly #cluster: CassandraCluster;
  readonly #table: CassandraTable<never>;
  readonly #insert: string;
  /** Where the partition key is among the columns. */
  readonly #partition: number;
  #frames: CassandraFrames | undefined;

  constructor(cluster: CassandraCluster, table: CassandraTable<never>) {
    this.#cluster = cluster;
    this.#table = table;
    this.#frames = cluster.frames;
    this.#partition = table.columns.findIndex(({ name }) => name === table.key[0]);
    const names = table.columns.map(({ name }) => `"${name}"`).join(", ");
    const marks = table.columns.map(() => "?").join(", ");
    this.#insert =
      `INSERT INTO "${table.keyspace}"."${table.table}" (${names}) VALUES (${marks}) USING TIMESTAMP ?`;
  }

  /** Resolves when every row is durable; see the port for what it throws. */
  async write(rows: CellRows, batching: Pick<Batching, "maxBytes" | "replicas">): Promise<void> {
    const { columns, key } = this.#table;
    const { driver, slots } = this.#cluster;
    const { batches, starts } = batchRows(rows, {
      ...batching,
      width: columns.length,
      partition: this.#partition,
      keyColumns: key.length,
    });
    const common = { bytes: rows.bytes, starts, width: columns.length + 1 };
    const refused = new Map<number, string>();
    let failure: { readonly cause: unknown } | undefined;
    const sent: Promise<void>[] = [];
    for (const batch of batches) {
      await slots.take();
      if (failure) {
        slots.give();
        break;
      }
      sent.push(
        this.#send({ ...common, rows: batch.rows }, !batching.replicas, refused)
          .catch((error) => void (failure ??= { cause: causeOf(driver, error) }))
          .finally(() => slots.give()),
      );
    }
    await Promise.all(sent);
    if (failure) throw new Error(`Cannot write to Cassandra table ${this.#table.name}`, failure);
    if (refused.size > 0) {
      const sorted = [...refused].sort(([a], [b]) => a - b);
      throw new RejectedRows(sorted.map(([row]) => row), sorted.map(([, reason]) => reason));
    }
  }

  /** Sends a batch; when the server refuses it for what it holds, each of its rows by itself, to find which. */
  async #send(batch: RowBatch, everywhere: boolean, refused: Map<number, string>): Promise<void> {
    const { rows } = batch;
    try {
      await this.#request(batch, everywhere ? { executionProfile: anyNode } : this.#route(batch));
    } catch (error) {
      if (!isRowsFault(this.#cluster.driver, error)) throw error;
      if (rows.length === 1) refused.set(rows[0]!, error.message);
      else for (const row of rows) await this.#send({ ...batch, rows: [row] }, everywhere, refused);
    }
  }

  /** Lets the driver choose a node that holds the batch's rows. */
  #route({ bytes, starts, rows }: RowBatch): QueryOptions {
    const reader = new ValueReader(bytes);
    reader.at = starts[rows[0]!]!;
    for (let column = 0; column < this.#partition; column++) reader.skip();
    return { keyspace: this.#table.keyspace, routingKey: viewOf(reader.next() ?? new Uint8Array()) };
  }

  async #request(batch: RowBatch, options: QueryOptions): Promise<void> {
    try {
      if (this.#frames) return await this.#frames.send(this.#insert, batch, options);
    } catch (error) {
      if (!(error instanceof OtherProtocol)) throw error;
      this.#frames = undefined;
    }
    const { client, driver } = this.#cluster;
    const statements = this.#statements(batch, driver.types.unset);
    await client.batch(statements, { ...options, prepare: true, logged: false });
  }

  /** A batch for the driver to encode. It takes Buffers as encoded already, so all parameters are views. */
  #statements({ bytes, starts, rows, width }: RowBatch, unset: unknown) {
    const reader = new ValueReader(bytes);
    return rows.map((row) => {
      const params = new Array<unknown>(width);
      reader.at = starts[row]!;
      for (let i = 0; i < width; i++) {
        const value = reader.next();
        params[i] = value ? viewOf(value) : unset;
      }
      return { query: this.#insert, params };
    });
  }
}

/** Why no host took a request. The driver's own message about that is an inspected object, with a stack trace. */
function causeOf(driver: CassandraDriver, error: unknown): unknown {
  if (!(error instanceof driver.errors.NoHostAvailableError)) return error;
  const [tried] = Object.entries<unknown>(error.innerErrors ?? {});
  return tried
    ? new Error(`no host took it, ${tried[0]} first`, { cause: tried[1] })
    : new Error("no host is up");
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/**
 * Whether the server refused a request for what its rows hold, so that it can never be taken: a value or key too
 * long, bytes that are no value of the column's type. Cassandra answers these with Invalid (0x2200), older ones a
 * mutation that is too large with a plain server error. Invalid is also its answer when the table has gone or
 * changed, when the disk is too full, and when an operator forbids the consistency level: none of those is a row's
 * fault.
 */
function isRowsFault(driver: CassandraDriver, error: unknown): error is Error {
  if (!(error instanceof driver.errors.ResponseError)) return false;
  if (error.code === driver.types.responseErrorCodes.serverError) {
    return /mutation of \d+ bytes is too large/i.test(error.message);
  }
  return error.code === driver.types.responseErrorCodes.invalid &&
    !/does not exist|unconfigured table|undefined column|unknown identifier|disk usage|consistency level/i
      .test(error.message);
}
