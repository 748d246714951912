/** What is waited for cannot come any more. */
export class Hopeless extends Error {
  override readonly name = "Hopeless";
}

/**
 * Asks every few milliseconds until the answer is yes; an error counts as no, since a process that starts does not
 * answer yet.
 *
 * @throws {Hopeless} when the question does, or after ten minutes.
 */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  let last: unknown = "the answer was no";
  while (performance.now() < deadline) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    await pause(everyMs);
  }
  throw new Hopeless(`Waited ten minutes in vain until ${what}`, { cause: last });
}

const patienceMs = 600_000;

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
