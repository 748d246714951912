import type { TestDatabase } from "../postgres_database.ts";

export interface Position {
  readonly partition: number;
  readonly next: number;
  readonly epoch: number;
}

/** What one look at the warehouse saw: positions, and beside them what had been written by then. */
export interface Snapshot {
  readonly partitions: readonly {
    readonly partition: number;
    readonly next: number;
    /** Rows of orders from this partition. */
    readonly orders: number;
  }[];
  /** Orders, as they were counted by their ids, and by their windows. */
  readonly applied: number;
  readonly counted: number;
  /** Behind the repartition: where its partitions stand, and how many orders have their numbers. */
  readonly behind: readonly Omit<Position, "epoch">[];
  readonly numbered: number;
}

/** Of so many looks at the positions, one is a snapshot, which costs the server more. */
const looksBetweenSnapshots = 20;

/** Looks at a job's positions in the warehouse again and again, and notes each that went back. */
export class PositionWatch {
  readonly #database: TestDatabase;
  readonly #topic: string;
  /** By topic and partition. */
  readonly #last = new Map<string, Position>();
  readonly #stopped = new AbortController();
  #watching: Promise<void> | undefined;
  /** How often it has looked with success. */
  samples = 0;
  /** Positions and epochs that went back, in words. */
  readonly wrong: string[] = [];
  readonly snapshots: Snapshot[] = [];

  /** @param topic The job's. */
  constructor(database: TestDatabase, topic: string) {
    this.#database = database;
    this.#topic = topic;
  }

  /** Where the partitions of the job's topic stand. */
  async read(): Promise<Position[]> {
    return (await this.#readAll()).get(this.#topic) ?? [];
  }

  /** By topic: the job's own, and that of its repartition. */
  async #readAll(): Promise<Map<string, Position[]>> {
    const rows = await this.#database.query(
      "select topic, partition::text, next_offset::text, epoch::text from weir.positions order by topic, partition",
    );
    const positions = new Map<string, Position[]>();
    for (const { topic, partition, next_offset: next, epoch } of rows) {
      const position = { partition: Number(partition), next: Number(next), epoch: Number(epoch) };
      positions.set(topic!, [...positions.get(topic!) ?? [], position]);
    }
    return positions;
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
    for (let look = 1; !this.#stopped.signal.aborted; look++) {
      // The table is not there before the first process is, and the server may be down.
      for (const [topic, positions] of await this.#readAll().catch(() => [])) {
        for (const position of positions) this.#note(topic, position);
      }
      if (look % looksBetweenSnapshots === 0) {
        const snapshot = await this.snapshot().catch(() => undefined);
        if (snapshot) this.snapshots.push(snapshot);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** One statement, so that it sees the work of whole transactions. */
  async snapshot(): Promise<Snapshot> {
    const rows = await this.#database.query(
      `select topic, partition::text, next_offset::text,
         (select count(*) from orders as o where o.partition = p.partition and p.topic = '${this.#topic}')::text as orders,
         (select coalesce(sum(times), 0) from applied)::text as applied,
         (select coalesce(sum(orders), 0) from shops)::text as counted,
         (select count(*) from numbered)::text as numbered
       from weir.positions as p`,
    );
    const positions = rows.map((row) => ({
      topic: row.topic,
      partition: Number(row.partition),
      next: Number(row.next_offset),
      orders: Number(row.orders),
    }));
    return {
      partitions: positions.filter(({ topic }) => topic === this.#topic),
      applied: Number(rows[0]?.applied ?? 0),
      counted: Number(rows[0]?.counted ?? 0),
      behind: positions.filter(({ topic }) => topic !== this.#topic),
      numbered: Number(rows[0]?.numbered ?? 0),
    };
  }

  #note(topic: string, position: Position): void {
    this.samples++;
    const { partition, next, epoch } = position;
    const last = this.#last.get(`${topic} ${partition}`);
    if (last && (next < last.next || epoch < last.epoch)) {
      this.wrong.push(
        `partition ${partition} of ${topic}: ${last.next} of epoch ${last.epoch}, then ${next} of ${epoch}`,
      );
    }
    this.#last.set(`${topic} ${partition}`, position);
  }
}
