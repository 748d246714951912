import { describeError } from "../errors.ts";
import type { ProducerRun } from "./mod.ts";

/** How {@linkcode getJson} asks. */
export interface GetJsonOptions {
  /** Milliseconds that one attempt may take, body included. */
  readonly timeout: number;
  /** How often to ask at most. */
  readonly attempts: number;
  /** From 0 to below 1: spreads the attempts of several processes. */
  readonly random: () => number;
  /** Milliseconds since 1970, to read a `Retry-After` date by. */
  readonly now: () => number;
}

/** The first pause between attempts and the longest, in milliseconds. They double in between. */
const shortestPause = 500;
const longestPause = 30_000;

/** When a server asks for more than this, the next run will have to ask again. */
const mostPatience = 60_000;

/**
 * Asks for a JSON document. What may pass by itself is tried again after a growing pause, or after the one that the
 * server asks for: no connection, no answer in time, a body that breaks off or is not JSON, a status of 408, 425, 429
 * or from 500, and a body that is `{ "error": "..." }`.
 *
 * @throws {Error} when the attempts are used up, or another one would not help; the cause says why.
 * @throws the reason of `run.signal`, at once, when it aborts.
 */
export async function getJson(
  url: URL,
  run: Pick<ProducerRun, "fetch" | "signal" | "sleep">,
  options: GetJsonOptions,
): Promise<unknown> {
  const what = `GET ${withoutQuery(url)}`;
  for (let attempt = 1;; attempt++) {
    let failure: Passing;
    try {
      return await ask(url, run, options);
    } catch (error) {
      run.signal.throwIfAborted();
      if (!(error instanceof Passing)) throw new Error(`${what} failed`, { cause: error });
      failure = error;
    }
    const pause = failure.retryAfter ?? backoff(attempt, options.random());
    if (attempt >= options.attempts) {
      throw new Error(`${what} failed ${attempt === 1 ? "once" : `${attempt} times`}, last with`, {
        cause: failure,
      });
    }
    if (pause > mostPatience) {
      throw new Error(`${what} is to be tried again only after ${Math.ceil(pause / 1_000)} s`, {
        cause: failure,
      });
    }
    await run.sleep(pause);
  }
}

/** A failure that may pass by itself, and the milliseconds that the server asks to wait. */
class Passing extends Error {
  constructor(message: string, readonly retryAfter?: number) {
    super(message);
  }
}

async function ask(
  url: URL,
  run: Pick<ProducerRun, "fetch" | "signal">,
  { timeout, now }: GetJsonOptions,
): Promise<unknown> {
  const tooLate = AbortSignal.timeout(timeout);
  let response: Response;
  let body: string;
  try {
    const signal = AbortSignal.any([run.signal, tooLate]);
    response = await run.fetch(url, { signal, headers: { accept: "application/json" } });
    body = await response.text();
  } catch (cause) {
    if (tooLate.aborted) throw new Passing(`no full answer within ${timeout} ms`);
    throw new Passing(describeError(cause).replaceAll(url.href, withoutQuery(url)));
  }
  const answer = parse(body);
  const said = errorIn(answer);
  if (!response.ok) {
    const message = `status ${response.status}${said === undefined ? "" : `: ${said}`}`;
    if (!passes(response.status)) throw new Error(message);
    throw new Passing(message, retryAfter(response, now()));
  }
  if (said !== undefined) throw new Passing(`it answered with the error: ${said}`);
  if (answer === undefined) throw new Passing(`its answer is not JSON: ${JSON.stringify(body.slice(0, 60))}`);
  return answer;
}

/** The query and the user may hold secrets: messages go without them. */
function withoutQuery(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function passes(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** The JSON value, or undefined: no JSON text stands for that. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function errorIn(answer: unknown): string | undefined {
  const error = (answer as { error?: unknown } | null | undefined)?.error;
  return typeof error === "string" ? error : undefined;
}

/** The header's wait in milliseconds, whether it gives seconds or a date. */
function retryAfter(response: Response, now: number): number | undefined {
  const header = response.headers.get("retry-after")?.trim();
  if (!header) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** At least half of the pause, the rest at random. */
function backoff(attempt: number, random: number): number {
  const pause = Math.min(longestPause, shortestPause * 2 ** (attempt - 1));
  return pause / 2 + (pause / 2) * random;
}
