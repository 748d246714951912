/** Waits in milliseconds: the first try again comes after about `first`, each later one after twice that, up to `most`. */
export interface Backoff {
  readonly first: number;
  readonly most: number;
}

/** Short enough that a service that is back is used again within seconds. */
export const serviceBackoff: Backoff = { first: 100, most: 5_000 };

export interface RetryOptions {
  readonly backoff: Backoff;
  /** Ends the waiting: `retry` then throws the last error. */
  readonly signal: AbortSignal;
  /** Called for each failure that will be tried again. */
  readonly failed: (error: unknown, attempt: number) => void;
  /** False for errors that trying again cannot mend; they are thrown at once. Default: all can be mended. */
  readonly mendable?: (error: unknown) => boolean;
  /** A number from 0 to 1. */
  readonly random?: () => number;
}

/** The pause before try number `attempt` + 1, in milliseconds, with jitter on half of it. */
export function pauseAfter(
  attempt: number,
  { first, most }: Backoff,
  random: () => number = Math.random,
): number {
  return Math.min(most, first * 2 ** (attempt - 1)) * (0.5 + random() / 2);
}

/** Does something until it works, for as long as it takes, with growing pauses and full jitter on half of each. */
export async function retry<T>(action: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { backoff, signal, failed, mendable = () => true, random = Math.random } = options;
  for (let attempt = 1;; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (signal.aborted || !mendable(error)) throw error;
      failed(error, attempt);
      await pause(pauseAfter(attempt, backoff, random), signal);
      if (signal.aborted) throw error;
    }
  }
}

/** Waits so many milliseconds, or until the signal aborts, whichever is first. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
