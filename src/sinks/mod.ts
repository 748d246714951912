/**
 * The port of tables that converge: rows are upserted by key, and the write with the largest timestamp wins,
 * whatever the order of arrival. So a replay is harmless, and writes need no order among themselves.
 *
 * Every adapter keeps these promises, and `tests/contract/tables_suite.ts` holds them to it:
 * - `createTable` makes what is absent, and throws `SchemaMismatch` for a table whose columns or key do not fit.
 * - `write` resolves when every row is durable. It may be repeated, in full or in part, with the same effect.
 * - An absent cell (length -1) leaves what the row held.
 * - When rows are refused for what they hold, `write` throws `RejectedRows` with all of those and no others, and the
 *   rest are written. Any other error means: try again later.
 */
import type { CassandraTable } from "../pipeline.ts";
import type { CellRows } from "./cells.ts";

export interface Tables {
  readonly kind: "cassandra" | "embedded";

  createTable(table: CassandraTable<never>): Promise<void>;

  write(table: CassandraTable<never>, rows: CellRows): Promise<void>;

  /** One line for people about the service, without secrets. Throws when it cannot be reached. */
  describe(): Promise<string>;

  close(): Promise<void>;
}
