export interface UntilOptions {
  /** Milliseconds; default: three minutes, since a machine may be busy with other things. */
  readonly deadlineMs?: number | undefined;
  /** What to show when it was waited in vain. */
  readonly state?: () => unknown;
}

/** Asks until it is true. An error is as good as no, until the deadline. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  { deadlineMs = 180_000, state = () => "" }: UntilOptions = {},
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      if (await condition()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const seen = JSON.stringify(state());
  throw new Error(`Waited ${deadlineMs / 1_000} s in vain until ${what}: ${seen}`, { cause });
}
