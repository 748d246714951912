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
