/** What a producer is given for one run. All that it needs of the outside comes from here, so that a test can hold it. */
export interface ProducerRun {
  /** The time that the run stands for. */
  readonly scheduledAt: Date;
  /** Aborts when the process stops: give it to `fetch` and to every wait. */
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** A setting from the environment, `undefined` when it is not set. */
  readonly env: (name: string) => string | undefined;
  /** Waits for so many milliseconds, or throws when `signal` aborts. */
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** One value to be written to the pipeline's topic. Values of one key keep their order. */
export interface Produced<out T> {
  readonly key: string | null;
  readonly value: T;
  /** A Date or milliseconds since 1970. Default: now. */
  readonly timestamp?: Date | number;
}

/**
 * The port of what a schedule runs: gives the values of one run. They are written in chunks as they come; when it
 * throws, the run has failed with that error, and what came before stays written.
 */
export type Producer<out T> = (run: ProducerRun) => AsyncIterable<Produced<T>>;
