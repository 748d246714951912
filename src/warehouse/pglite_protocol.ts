import { shown } from "../shown.ts";
import type { SqlParameter, SqlRow } from "./sql_database.ts";

/** What the main thread asks of the embedded database's worker. One at a time; each is answered once. */
export type PgliteRequest =
  | { readonly kind: "open"; readonly directory: string }
  | { readonly kind: "query"; readonly text: string; readonly parameters: readonly SqlParameter[] }
  /** Messages of Postgres's protocol, end to end: a simple query and what its COPYs take. */
  | { readonly kind: "run"; readonly messages: Uint8Array<ArrayBuffer> }
  | { readonly kind: "close" };

export type PgliteReply =
  | { readonly kind: "done" }
  | { readonly kind: "rows"; readonly rows: readonly SqlRow[] }
  | { readonly kind: "tags"; readonly tags: readonly string[] }
  /** A statement failed, and the database goes on. */
  | { readonly kind: "failed"; readonly error: PgliteFailure }
  /** The database itself failed: the worker is of no use any more. */
  | { readonly kind: "broken"; readonly message: string };

/** The fields of a database error that cross to the main thread. */
export interface PgliteFailure {
  readonly message: string;
  /** The SQLSTATE. */
  readonly code: string;
  readonly detail?: string;
  readonly where?: string;
}

/** WASI's number for a full disk. */
const noSpace = 51;

/** What broke the database, in words. Its file system throws objects of its own, with a number and without a message. */
export function breakText(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  const { errno } = (error ?? {}) as { readonly errno?: unknown };
  if (errno === noSpace) return "no space is left on its disk";
  return typeof errno === "number" ? `its file system failed with WASI's error ${errno}` : shown(error);
}
