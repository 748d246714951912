/** Hands the same rows to two writers, of which neither gets further ahead of the other than `lead` rows. */
export class InStep<Row, Name extends string> {
  readonly #rows: readonly Row[];
  readonly #lead: number;
  readonly #done: Map<Name, number>;
  #moved = Promise.withResolvers<void>();

  constructor(rows: readonly Row[], lead: number, writers: readonly [Name, Name]) {
    this.#rows = rows;
    this.#lead = lead;
    this.#done = new Map(writers.map((name) => [name, 0]));
  }

  /** The rows, so many at once; a batch is given when the slower one of the two has come close enough. */
  async *batches(size: number): AsyncGenerator<Row[]> {
    for (let at = 0; at < this.#rows.length; at += size) {
      while (at - this.throughBoth > this.#lead) await this.#moved.promise;
      yield this.#rows.slice(at, at + size);
    }
  }

  /** Notes that one has written so many more. */
  done(writer: Name, rows: number): void {
    this.#done.set(writer, this.#done.get(writer)! + rows);
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  /** How many rows the slower one has written. */
  get throughBoth(): number {
    return Math.min(...this.#done.values());
  }
}
