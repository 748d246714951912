import process from "node:process";

/** What parsing a topic took. Records and times are from the first batch on: connecting and joining are left out. */
export interface Parsed {
  readonly records: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Parses records as JSON, counts them, and takes the time. */
export class ParseMeter {
  readonly #expected: number;
  #parsed = 0;
  #fields = 0;
  #start: { readonly parsed: number; readonly at: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  #finish: (parsed: Parsed) => void = () => {};
  /** Resolves when all that were expected are parsed. */
  readonly done = new Promise<Parsed>((resolve) => this.#finish = resolve);

  constructor(expected: number) {
    this.#expected = expected;
  }

  parse(value: Uint8Array & { toString(): string }): void {
    // A field is looked at, so that no engine may leave the work out.
    this.#fields += JSON.parse(value.toString()).username === "" ? 0 : 1;
    this.#parsed++;
  }

  /** A batch has come in whole. */
  batch(): void {
    this.#start ??= { parsed: this.#parsed, at: performance.now(), cpu: process.cpuUsage() };
    if (this.#parsed < this.#expected) return;
    if (this.#fields !== this.#parsed) throw new Error("A record without a username came by");
    const { user, system } = process.cpuUsage(this.#start.cpu);
    this.#finish({
      records: this.#parsed - this.#start.parsed,
      seconds: (performance.now() - this.#start.at) / 1_000,
      cpuSeconds: (user + system) / 1e6,
    });
  }
}
