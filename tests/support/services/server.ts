/** A server that the tests may use, and that whoever started it stops. */
export interface Server {
  /** What a client is given: `host:port`, or a URL. */
  readonly address: string;
  stop(): Promise<void>;
}

/** A server that a test has for itself, to do things to it that others must not suffer. */
export interface OwnServer extends Server {
  /** Ends it as a crash does; its data stays. */
  crash(): Promise<void>;
  /** Starts it again after a crash, at the same address, and waits until it answers. */
  restart(): Promise<void>;
  /** Starts it again if it has ended by itself, as one may whose disk is full. */
  revive(): Promise<void>;
  /** Lets it stand still, with all its connections open. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
}

/** What a server is started with. */
export interface Room {
  /** Fresh, its own, removed at the end of the run. Other users may look into it, for Postgres. */
  readonly dir: string;
  /** Kept between runs: downloads and logs. */
  readonly cache: string;
  /** Aborted when the run ends early. */
  readonly signal: AbortSignal;
}

/** How long a server may take until it answers: a slow disk and two cores, three servers at once. */
const deadlineMs = 180_000;

/**
 * Waits until `answers` resolves, and throws its last error at the deadline, or at once when the server has ended or
 * the run is aborted.
 */
export async function untilAnswers(
  answers: () => Promise<void>,
  { ended, signal }: { ended: () => string | undefined; signal: AbortSignal },
): Promise<void> {
  const deadline = AbortSignal.timeout(deadlineMs);
  while (true) {
    signal.throwIfAborted();
    const end = ended();
    if (end !== undefined) throw new Error(end);
    try {
      return await answers();
    } catch (error) {
      if (deadline.aborted) throw new Error(`No answer within ${deadlineMs / 1000} s`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
