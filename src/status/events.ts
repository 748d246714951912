import type { Status } from "./snapshot.ts";

/** Milliseconds from one status to the next. */
const interval = 1_000;

/**
 * A status now and every second, as server-sent events whose data is the JSON of `/status`, until the signal aborts or
 * the client goes. One is made when the client has taken the one before, so that a slow client costs nothing.
 */
export function statusEvents(status: () => Status, closing: AbortSignal): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  const gone = new AbortController();
  const over = AbortSignal.any([gone.signal, closing]);
  let isFirst = true;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!isFirst) await pause(over);
      isFirst = false;
      if (over.aborted) return gone.signal.aborted ? undefined : controller.close();
      controller.enqueue(text.encode(`data: ${JSON.stringify(status())}\n\n`));
    },
    cancel: () => gone.abort(),
  }, { highWaterMark: 0 });
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, interval);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
