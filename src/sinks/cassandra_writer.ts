import { Buffer } from "node:buffer";
import type { Client, QueryOptions } from "cassandra-driver";
import { RejectedRows } from "../errors.ts";
import type { CassandraTable } from "../pipeline.ts";
import { anyNode, type CassandraDriver } from "./cassandra_connection.ts";
import { writeSafeInteger } from "./cell_buffer.ts";
import type { CellRows } from "./cells.ts";
import { type Batching, batchRows } from "./row_batches.ts";
import type { Slots } from "./slots.ts";

interface Statement {
  readonly query: string;
  readonly params: unknown[];
}

/** Writes rows to one table, as unlogged batches of a prepared INSERT. */
export class CassandraWriter {
  readonly #driver: CassandraDriver;
  readonly #client: Client;
  readonly #table: CassandraTable<never>;
  readonly #slots: Slots;
  readonly #insert: string;

  /** @param slots Bounds the requests that are under way, of all writers together. */
  constructor(driver: CassandraDriver, client: Client, table: CassandraTable<never>, slots: Slots) {
    this.#driver = driver;
    this.#client = client;
    this.#table = table;
    this.#slots = slots;
    const names = table.columns.map(({ name }) => `"${name}"`).join(", ");
    const marks = table.columns.map(() => "?").join(", ");
    this.#insert =
      `INSERT INTO "${table.keyspace}"."${table.table}" (${names}) VALUES (${marks}) USING TIMESTAMP ?`;
  }

  /** Resolves when every row is durable; see the port for what it throws. */
  async write(rows: CellRows, batching: Pick<Batching, "maxBytes" | "replicas">): Promise<void> {
    const { columns, key } = this.#table;
    const partition = columns.findIndex(({ name }) => name === key[0]);
    const { batches, starts } = batchRows(rows, {
      ...batching,
      width: columns.length,
      partition,
      keyColumns: key.length,
    });
    const statement = statements(this.#insert, columns.length, rows, starts, this.#driver.types.unset);
    const options: QueryOptions = { prepare: true, logged: false };
    if (!batching.replicas) options.executionProfile = anyNode;
    const refused = new Map<number, string>();
    const send = (batch: readonly number[]) => this.#send(batch, statement, options, refused);
    let failure: { readonly cause: unknown } | undefined;
    const sent: Promise<void>[] = [];
    for (const batch of batches) {
      await this.#slots.take();
      if (failure) {
        this.#slots.give();
        break;
      }
      sent.push(
        send(batch.rows)
          .catch((cause) => void (failure ??= { cause }))
          .finally(() => this.#slots.give()),
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
  async #send(
    rows: readonly number[],
    statement: (row: number) => Statement,
    options: QueryOptions,
    refused: Map<number, string>,
  ): Promise<void> {
    try {
      await this.#client.batch(rows.map(statement), options);
    } catch (error) {
      if (!isRowsFault(this.#driver, error)) throw error;
      if (rows.length === 1) refused.set(rows[0]!, error.message);
      else for (const row of rows) await this.#send([row], statement, options, refused);
    }
  }
}

/**
 * Makes the statement of a row. All its parameters are views: of the cells as they came, and of one buffer that holds
 * the timestamps of all rows. The driver takes Buffers as encoded already.
 */
function statements(
  query: string,
  width: number,
  { bytes, lengths, timestamps }: CellRows,
  starts: Float64Array,
  unset: unknown,
): (row: number) => Statement {
  const cells = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const times = Buffer.alloc(timestamps.length * 8);
  const timesView = new DataView(times.buffer, times.byteOffset);
  for (let row = 0; row < timestamps.length; row++) writeSafeInteger(timesView, row * 8, timestamps[row]!);
  return (row) => {
    const params = new Array<unknown>(width + 1);
    let at = starts[row]!;
    for (let column = 0; column < width; column++) {
      const length = lengths[row * width + column]!;
      params[column] = length < 0 ? unset : cells.subarray(at, at += length);
    }
    params[width] = times.subarray(row * 8, row * 8 + 8);
    return { query, params };
  };
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
