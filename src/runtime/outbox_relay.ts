import type { ColumnSpec } from "../columns.ts";
import { Fenced } from "../errors.ts";
import type { Warehouse } from "../warehouse/mod.ts";
import type { HeldStream, OutboxRow } from "../warehouse/outbox.ts";
import type { OutputTables } from "./output_tables.ts";
import { pause } from "./retry.ts";
import type { SinkMeter } from "./sink_meter.ts";
import type { Refuse } from "./stream_delivery.ts";

/** Milliseconds between two looks when nothing was told; within the ten seconds for which a stream is held. */
const interval = 1_000;
/** Rows that are delivered at once, at most. */
const batch = 1_000;

/** A result as its sink takes it: columns by name. */
export type ResultRow = Readonly<Record<string, unknown>>;

/** Brings the rows of one stream to where they belong. */
export interface StreamDelivery {
  /**
   * Begins to deliver, alone from now on; gives the number of the last row that is known to be there already.
   */
  open(stream: HeldStream): Promise<number>;
  /** Resolves when the rows are durable. May be called again with the same rows. */
  deliver(rows: readonly { readonly sequence: number; readonly row: ResultRow }[]): Promise<void>;
  close(): Promise<void>;
}

export interface OutboxRelayOptions {
  /** The output's number. */
  readonly output: number;
  readonly stream: string;
  /** What no other process has for its name. */
  readonly holder: string;
  readonly warehouse: Pick<Warehouse, "outbox">;
  readonly tables: OutputTables;
  readonly meter: SinkMeter;
  readonly delivery: StreamDelivery;
  /** Takes results that cannot be what the sink takes. */
  readonly refuse: Refuse;
  readonly now: () => number;
}

/**
 * Takes the results of one output out of the outbox, in order:
 *
 *     hold the stream -> open, which says what is there already -> read, deliver, remove; again and again
 *           \______________ another has it, or something failed: close, and begin anew ______________/
 *
 * A sink that is down is tried again for as long as it takes: rows wait in the warehouse, and nothing else waits for them.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  #notified = new AbortController();
  /** The last row that is delivered, once the delivery is open. */
  #delivered: number | undefined;
  /** When the stream was made that the delivery is open for. */
  #createdAt: number | undefined;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  /** There may be new rows. */
  notify(): void {
    this.#notified.abort();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { meter, stream, holder, warehouse } = this.#options;
    let attempt = {};
    while (!signal.aborted) {
      await pause(interval, AbortSignal.any([signal, this.#notified.signal]));
      if (signal.aborted) break;
      this.#notified = new AbortController();
      try {
        await this.relay(signal);
        meter.settled(attempt);
        attempt = {};
      } catch (error) {
        // One that was fenced has a successor, which goes on from here.
        if (!(error instanceof Fenced)) meter.failed(attempt, error);
        await pause(interval, signal);
      }
    }
    meter.settled(attempt);
    await this.#close();
    // Another would have it after ten seconds anyway.
    await warehouse.outbox.release(stream, holder).catch(() => {});
  }

  /** Delivers all that waits now, if this process is the one to do it. */
  async relay(signal: AbortSignal): Promise<void> {
    try {
      await this.#relay(signal);
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #relay(signal: AbortSignal): Promise<void> {
    const { warehouse, stream, holder, delivery, meter, now, tables, output } = this.#options;
    while (!signal.aborted) {
      const held = await warehouse.outbox.hold(stream, holder);
      meter.waits(held.waiting);
      if (!held.held) return await this.#close();
      // Made anew while the database was put back from a backup: its numbers, and so its cursor, are others.
      if (this.#createdAt !== held.createdAt) await this.#close();
      if (held.waiting === 0) return;
      if (!tables.target(output)) await tables.create();
      if (this.#delivered === undefined) {
        this.#delivered = await this.#open(held);
        this.#createdAt = held.createdAt;
      } else if (this.#delivered > held.last) this.#delivered = 0;
      const rows = await warehouse.outbox.read(stream, this.#delivered, batch);
      const last = rows.at(-1)?.sequence;
      // What waits was delivered already, and comes from a backup.
      if (last === undefined) return await warehouse.outbox.delivered(stream, this.#delivered);
      const start = now();
      const whole = await this.#whole(rows);
      if (whole.length > 0) await delivery.deliver(whole);
      this.#delivered = last;
      await warehouse.outbox.delivered(stream, last);
      meter.wrote(rows.length);
      meter.took(now() - start, now());
    }
  }

  /**
   * Gives the number of the last row that is delivered. One that is beyond all that there ever were is from before the
   * warehouse was put back from a backup, and tells nothing of those that wait.
   */
  async #open(held: HeldStream): Promise<number> {
    const { warehouse, stream, holder, delivery } = this.#options;
    const delivered = await delivery.open(held);
    // Asked anew: another may have delivered more meanwhile.
    const { last } = await warehouse.outbox.hold(stream, holder);
    if (delivered > last) return 0;
    // Delivered, but not removed: the process ended in between.
    await warehouse.outbox.delivered(stream, delivered);
    return delivered;
  }

  /** The rows as the sink takes them. Those that a pipeline with other columns made before it was changed are refused. */
  async #whole(rows: readonly OutboxRow[]): Promise<{ sequence: number; row: ResultRow }[]> {
    const { tables, output, refuse } = this.#options;
    const { columns } = tables.target(output)!;
    const whole: { sequence: number; row: ResultRow }[] = [];
    for (const { sequence, result } of rows) {
      const missing = columns.find(({ name }) => !(name in result));
      if (!missing) whole.push({ sequence, row: revived(columns, result) });
      else {
        const error = new Error(`it has no "${missing.name}": it was made before the pipeline was changed`);
        await refuse(sequence, result, error);
      }
    }
    return whole;
  }

  async #close(): Promise<void> {
    this.#delivered = undefined;
    // What it held is given up, whatever it says.
    await this.#options.delivery.close().catch(() => {});
  }
}

/** The values of a row as the sink's columns take them. */
function revived(columns: readonly ColumnSpec[], result: OutboxRow["result"]): ResultRow {
  return Object.fromEntries(columns.map(({ name, type }) => {
    const value = result[name] ?? null;
    if (value === null) return [name, null];
    if (type === "bigint") return [name, BigInt(value)];
    if (type === "double") return [name, Number(value)];
    if (type === "bytes") return [name, Uint8Array.fromHex(String(value))];
    return [name, type === "timestamp" ? new Date(Number(value)) : value];
  }));
}
