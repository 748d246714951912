import { shown } from "./shown.ts";

/** A setting, flag or pipeline that cannot be right. Holds every problem that was found, not only the first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** A service that cannot be used as it is set up; trying again will not help. The cause is the client's own error. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

/** A table or topic that is there already and does not fit what the pipeline writes or reads. */
export class SchemaMismatch extends Error {
  override readonly name = "SchemaMismatch";
}

/**
 * A store refused some rows for what they hold: trying again will not help, and the other rows are good.
 * `rows` are indexes into what was given to the write; `reasons` stand beside them.
 */
export class RejectedRows extends Error {
  override readonly name = "RejectedRows";
  constructor(readonly rows: readonly number[], readonly reasons: readonly string[]) {
    super(`${rows.length} rows were refused, the first with: ${reasons[0] ?? "no reason given"}`);
  }
}

/** Another has taken over: the warehouse holds another owner or position than this process believes, or a topic has a
 * later publisher. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** The position to read from is no longer (or not yet) in the topic. The message says what was lost and what to do. */
export class OffsetOutOfRange extends Error {
  override readonly name: string = "OffsetOutOfRange";
}

/** The position to read from is one in a topic that was deleted, and whose name another topic has. The message names both. */
export class TopicRecreated extends OffsetOutOfRange {
  override readonly name = "TopicRecreated";
}

/** The text of an error and of what caused it, innermost last: what a person needs to find the root. */
export function describeError(error: unknown): string {
  const seen = new Set<unknown>();
  const parts: string[] = [];
  for (let at = error; at !== undefined && at !== null && !seen.has(at); at = causeOf(at)) {
    seen.add(at);
    const text = messageOf(at);
    if (text !== "" && !parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(": ") || "unknown error";
}

function causeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError && error.cause === undefined) return error.errors[0];
  return error.cause;
}

function messageOf(error: unknown): string {
  // What is thrown may be anything, even an error whose message is none.
  if (typeof error === "string") return error;
  if (!(error instanceof Error)) return shown(error);
  if (typeof error.message !== "string") return shown(error.message);
  if (error.message !== "") return error.message;
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? code : error instanceof AggregateError ? "" : error.name;
}
