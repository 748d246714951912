import type { Produced, Producer, ProducerRun } from "../../src/producers/mod.ts";

/** A run whose waits take no time: they are written down instead. */
export interface HeldRun extends ProducerRun {
  readonly pauses: number[];
}

export function heldRun(overrides: Partial<ProducerRun> = {}): HeldRun {
  const pauses: number[] = [];
  return {
    scheduledAt: new Date("2025-06-15T12:00:00Z"),
    signal: new AbortController().signal,
    fetch,
    env: () => undefined,
    sleep: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
    pauses,
    ...overrides,
  };
}

/** All that one run gives. */
export async function produce<T>(
  producer: Producer<T>,
  run: ProducerRun = heldRun(),
): Promise<Produced<T>[]> {
  return await Array.fromAsync(producer(run));
}
