import type { TestDatabase } from "../postgres_database.ts";

export interface Position {
  readonly partition: number;
  readonly next: number;
  readonly epoch: number;
}

/** Looks at a job's positions in the warehouse again and again, and notes each that went back. */
export class PositionWatch {
  readonly #database: TestDatabase;
  readonly #last = new Map<number, Position>();
  readonly #stopped = new AbortController();
  #watching: Promise<void> | undefined;
  /** How often it has looked with success. */
  samples = 0;
  /** Positions and epochs that went back, in words. */
  readonly wrong: string[] = [];

  constructor(database: TestDatabase) {
    this.#database = database;
  }

  async read(): Promise<Position[]> {
    const rows = await this.#database.query(
      "select partition::text, next_offset::text, epoch::text from weir.positions order by partition",
    );
    return rows.map((row) => ({
      partition: Number(row.partition),
      next: Number(row.next_offset),
      epoch: Number(row.epoch),
    }));
  }

  /** Looks ten times a second, whether the server is there or not. */
  start(): void {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      // The table is not there before the first process is, and the server may be down.
      for (const position of await this.read().catch(() => [])) this.#note(position);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #note(position: Position): void {
    this.samples++;
    const { partition, next, epoch } = position;
    const last = this.#last.get(partition);
    if (last && (next < last.next || epoch < last.epoch)) {
      this.wrong.push(
        `partition ${partition}: ${last.next} of epoch ${last.epoch}, then ${next} of ${epoch}`,
      );
    }
    this.#last.set(partition, position);
  }
}
