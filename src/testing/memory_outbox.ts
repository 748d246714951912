import type { HeldStream, Outbox, OutboxRow, OutboxTarget } from "../warehouse/outbox.ts";
import type { CellValue, TableRow } from "./copy_rows.ts";

/** The outbox in memory. One run holds all streams. */
export class MemoryOutbox implements Outbox {
  readonly #streams = new Map<string, { last: number; rows: OutboxRow[] }>();

  create(stream: string): Promise<void> {
    if (!this.#streams.has(stream)) this.#streams.set(stream, { last: 0, rows: [] });
    return Promise.resolve();
  }

  hold(stream: string): Promise<HeldStream> {
    const found = this.#streams.get(stream);
    const { rows = [], last = 0 } = found ?? {};
    return Promise.resolve({ held: found !== undefined, createdAt: 0, waiting: rows.length, last });
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  waiting(stream: string): Promise<number> {
    return Promise.resolve(this.#streams.get(stream)?.rows.length ?? 0);
  }

  read(stream: string, after: number, limit: number): Promise<OutboxRow[]> {
    const rows = this.#streams.get(stream)?.rows ?? [];
    return Promise.resolve(rows.filter(({ sequence }) => sequence > after).slice(0, limit));
  }

  delivered(stream: string, sequence: number): Promise<void> {
    const found = this.#streams.get(stream);
    if (found) found.rows = found.rows.filter((row) => row.sequence > sequence);
    return Promise.resolve();
  }

  /** Adds rows to a stream, in order. */
  add({ stream, columns }: OutboxTarget, rows: readonly TableRow[]): void {
    const to = this.#streams.get(stream)!;
    for (const row of rows) {
      const result = Object.fromEntries(columns.map(({ name }) => [name, plain(row[name] ?? null)]));
      to.rows.push({ sequence: ++to.last, result });
    }
  }
}

/** A value as the outbox holds it. */
function plain(value: CellValue): string | number | boolean | null {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return value.toHex();
  return typeof value === "bigint" ? String(value) : value as string | number | boolean | null;
}
