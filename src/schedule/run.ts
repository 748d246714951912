import type { Log } from "../log/mod.ts";
import type { Schedule, Source } from "../pipeline.ts";
import type { Produced, ProducerRun } from "../producers/mod.ts";
import type { ProducedRecord } from "../record.ts";
import { shown } from "../shown.ts";
import { unlessAborted } from "./wait.ts";

/** The most that is written at once: whichever comes first. A larger record goes alone. */
const chunkRecords = 500;
const chunkBytes = 500_000;

/** What one run of a producer needs. */
export interface RunOptions {
  readonly source: Source<unknown>;
  readonly schedule: Schedule<unknown>;
  readonly log: Pick<Log, "produce">;
  readonly run: ProducerRun;
  /** Milliseconds since 1970: the timestamp of values that bring none. */
  readonly now: () => number;
  /** Told after each write how many records it added. */
  readonly wrote: (records: number) => void;
}

/**
 * Runs a producer once and writes its values to the pipeline's topic as they come. When the producer or the codec
 * throws, what came before is still written. When the signal aborts, only a write that is under way is waited for,
 * whatever the producer does.
 */
export async function runProducer(options: RunOptions): Promise<void> {
  const { run } = options;
  const chunk = new Chunk(options);
  const values = valuesOf(options);
  try {
    for (;;) {
      const step = await unlessAborted(values.next(), run.signal);
      if (step.done) break;
      chunk.add(step.value);
      if (chunk.full) await chunk.write();
    }
  } catch (error) {
    // Not waited for: a producer that hangs would never answer.
    values.return?.().catch(() => {});
    // The first error is the one to tell: a write that fails after it is dropped.
    if (!run.signal.aborted) await chunk.write().catch(() => {});
    throw error;
  }
  await chunk.write();
}

/** What a producer gives is looked at, since modules run without having been type-checked. */
function valuesOf({ schedule, run }: RunOptions): AsyncIterator<Produced<unknown>> {
  const values: Partial<AsyncIterable<Produced<unknown>>> | undefined = schedule.produce(run);
  if (typeof values?.[Symbol.asyncIterator] === "function") return values[Symbol.asyncIterator]!();
  throw new TypeError(
    `the producer gave ${shown(values)}; give an async generator, as async function* (run) { ... } makes one`,
  );
}

/** Records that wait to be written. */
class Chunk {
  readonly #options: RunOptions;
  readonly #text = new TextEncoder();
  #records: ProducedRecord[] = [];
  #bytes = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#records.length >= chunkRecords || this.#bytes >= chunkBytes;
  }

  add(produced: Produced<unknown>): void {
    if (typeof produced !== "object" || produced === null) {
      throw new TypeError(`the producer gave ${shown(produced)} for a record; give { key, value }`);
    }
    const key = produced.key ?? null;
    const value = this.#encode(key, produced.value);
    this.#records.push({
      key: key === null ? null : this.#text.encode(key),
      value,
      headers: [],
      timestamp: this.#time(key, produced.timestamp),
    });
    this.#bytes += value.length;
  }

  #time(key: string | null, given: Date | number | undefined): number {
    const timestamp = given ?? this.#options.now();
    const time = Math.floor(Number(timestamp));
    if (time >= 0 && Number.isSafeInteger(time)) return time;
    throw new TypeError(
      `the producer's value with key ${JSON.stringify(key)} has the timestamp ${shown(timestamp)}; ` +
        "give a Date, or milliseconds since 1970",
    );
  }

  async write(): Promise<void> {
    const records = this.#records;
    if (records.length === 0) return;
    this.#records = [];
    this.#bytes = 0;
    await this.#options.log.produce(this.#options.source.topic, records);
    this.#options.wrote(records.length);
  }

  #encode(key: string | null, value: unknown): Uint8Array {
    const { codec, topic } = this.#options.source;
    try {
      return codec.encode(value);
    } catch (cause) {
      throw new Error(`the producer's value with key ${JSON.stringify(key)} does not fit topic "${topic}"`, {
        cause,
      });
    }
  }
}
