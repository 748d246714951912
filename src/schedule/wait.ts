/** The promise's outcome, or the signal's reason as an error if it aborts first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Resolves after so many milliseconds; rejects with the signal's reason if it aborts first. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const slept = Promise.withResolvers<void>();
  const id = setTimeout(slept.resolve, milliseconds);
  try {
    await unlessAborted(slept.promise, signal);
  } finally {
    clearTimeout(id);
  }
}
