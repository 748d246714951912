import { DatabaseSync, type StatementSync } from "node:sqlite";
import { RejectedRows, SchemaMismatch } from "../errors.ts";
import type { CassandraTable } from "../pipeline.ts";
import { decodeCell, type SqlValue } from "./cell_decoder.ts";
import { type CellRows, ValueReader } from "./cells.ts";
import { addition, creation, rowWriteTime, sqlType, upsert, writeTimeColumns } from "./embedded_sql.ts";
import type { Tables } from "./mod.ts";
import { checkTable, type TableShape } from "./table_mismatch.ts";

/** Where the embedded tables are. */
export interface EmbeddedTablesOptions {
  /** The SQLite database's file; made when absent, in a folder that is there. `:memory:` keeps nothing. */
  readonly file: string;
}

/**
 * Tables in one SQLite database, for runs without a Cassandra: a table `keyspace.table` is the SQL table of that
 * whole name, `"keyspace.table"`, so that any SQLite client can read it. How values are stored is with {@linkcode
 * decodeCell}.
 *
 * A write is one transaction, durable when it returns, even when the machine then loses power.
 */
export function openEmbeddedTables({ file }: EmbeddedTablesOptions): Tables {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000");
  return new EmbeddedTables(database, file);
}

class EmbeddedTables implements Tables {
  readonly kind = "embedded";
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #upserts = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
  }

  // deno-lint-ignore require-await -- What it throws must become a rejection.
  async createTable(table: CassandraTable<never>): Promise<void> {
    if (table.columns.some(({ name }) => name === rowWriteTime)) {
      throw new SchemaMismatch(
        `Embedded table ${table.name} cannot have a column ${rowWriteTime}, which holds when a row was written; rename it`,
      );
    }
    this.#database.exec(creation(table));
    const found = this.#shape(table.name);
    const columns = new Map(table.columns.map(({ name, type }) => [name, sqlType(type)]));
    checkTable(table.name, found, { columns, key: table.key });
    for (const writeTime of writeTimeColumns(table.columns)) {
      if (!found.columns.has(writeTime)) this.#database.exec(addition(table.name, writeTime));
    }
    this.#upserts.set(table.name, this.#database.prepare(upsert(table)));
  }

  // deno-lint-ignore require-await -- As above.
  async write(table: CassandraTable<never>, rows: CellRows): Promise<void> {
    const statement = this.#upserts.get(table.name);
    if (!statement) throw new Error(`Cannot write to embedded table ${table.name} before createTable`);
    const refused: number[] = [];
    const reasons: string[] = [];
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [row, values] of decodeRows(table, rows)) {
        if (values instanceof Error) {
          refused.push(row);
          reasons.push(values.message);
        } else statement.run(...values);
      }
      this.#database.exec("COMMIT");
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw new Error(`Cannot write to embedded table ${table.name} in ${this.#file}`, { cause });
    }
    if (refused.length > 0) throw new RejectedRows(refused, reasons);
  }

  // deno-lint-ignore require-await -- As above.
  async describe(): Promise<string> {
    this.#database.prepare("SELECT 1").get();
    return `embedded tables in ${this.#file}`;
  }

  // deno-lint-ignore require-await -- As above.
  async close(): Promise<void> {
    this.#database.close();
  }

  #shape(table: string): TableShape {
    const columns = this.#database.prepare("SELECT name, type, pk FROM pragma_table_info(?)").all(table);
    return {
      columns: new Map(columns.map(({ name, type }) => [String(name), String(type)])),
      key: columns.filter(({ pk }) => Number(pk) > 0)
        .sort((a, b) => Number(a["pk"]) - Number(b["pk"]))
        .map(({ name }) => String(name)),
    };
  }
}

/** Each row's values for the upsert, its write time last; or what is wrong with the row. */
function* decodeRows(
  { columns, key }: CassandraTable<never>,
  { count, bytes }: CellRows,
): Generator<[row: number, values: (SqlValue | null)[] | Error]> {
  const reader = new ValueReader(bytes);
  for (let row = 0; row < count; row++) {
    const values: (SqlValue | null)[] = [];
    let problem: Error | undefined;
    for (const { name, type } of columns) {
      const value = reader.next();
      try {
        if (!value?.length && name === key[0]) throw new Error("a key cannot be empty");
        if (!value && key.includes(name)) throw new Error("a key cannot be absent");
        values.push(value ? decodeCell(type, value) : null);
      } catch (error) {
        problem ??= new Error(`column ${name}: ${(error as Error).message}`);
      }
    }
    values.push(reader.nextTime());
    yield [row, problem ?? values];
  }
}
