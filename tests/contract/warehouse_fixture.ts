/** What the parts of the warehouse's contract suite share. */
import type { ColumnSpec, ColumnType } from "../../src/columns.ts";
import { CopyEncoder } from "../../src/warehouse/copy_text.ts";
import type {
  CopyChunk,
  Move,
  SourceName,
  Warehouse,
  WarehouseColumn,
  WarehouseTable,
} from "../../src/warehouse/mod.ts";
import { uniqueName } from "../support/env.ts";

/** A database under test. */
export interface WarehouseStore {
  /** Opens the warehouse in it: the same each time. */
  open(): Promise<Warehouse>;
  /** Runs one statement beside the open warehouse; gives the rows of a select of texts. */
  query(text: string): Promise<Record<string, string | null>[]>;
}

export type Row = Readonly<Record<string, unknown>>;
export type Merge = WarehouseColumn["merge"];
export type Step = (name: string, run: () => Promise<void>) => Promise<void>;

export function newSource(group = "group"): SourceName {
  return { group: uniqueName(group), topic: uniqueName("topic") };
}

export function fresh(partition: number, next: number) {
  return { partition, epoch: 1, next, writeTime: 0, eventTime: null, watermark: null, idle: false };
}

export function moved(partition: number, from: number, next: number): Move {
  return { ...fresh(partition, next), from };
}

interface TableOptions {
  /** Types and merges by name. Default: a text key `id` and an optional text `value` that is replaced. */
  readonly columns?: Readonly<Record<string, readonly [ColumnType | `${ColumnType}?`, Merge]>>;
  /** Default: `id`. */
  readonly key?: readonly string[];
  readonly computed?: WarehouseTable["computed"];
}

export function tableOf({ columns, key = ["id"], computed = [] }: TableOptions): WarehouseTable {
  const defaults = { id: ["text", "keep"], value: ["text?", "replace"] } as const;
  return {
    schema: "public",
    table: uniqueName("table"),
    columns: Object.entries(columns ?? defaults).map(([name, [type, merge]]) => ({
      name,
      type: type.replace("?", "") as ColumnType,
      optional: type.endsWith("?"),
      merge,
    })),
    key,
    computed,
  };
}

export async function newTable(
  warehouse: Warehouse,
  options: TableOptions,
  more: Partial<WarehouseTable> = {},
): Promise<WarehouseTable> {
  const table = { ...tableOf(options), ...more };
  await warehouse.createTable(table);
  return table;
}

export function chunk(table: { readonly columns: readonly ColumnSpec[] }, rows: readonly Row[]): CopyChunk {
  const encoder = new CopyEncoder(table.columns);
  for (const row of rows) encoder.add(row);
  return encoder.finish();
}

export function nameOf({ schema, table }: WarehouseTable): string {
  return `"${schema}"."${table}"`;
}

/** What a table holds, in the order of its key, every value as text. */
export async function rowsOf(
  store: WarehouseStore,
  table: WarehouseTable,
  columns: readonly string[] = table.columns.map((column) => column.name),
): Promise<Record<string, string | null>[]> {
  // As hexadecimal digits, for PGlite's client drops a byte order mark at the start of a text.
  const texts = columns.map((name) => `encode(convert_to("${name}"::text, 'UTF8'), 'hex') as "${name}"`);
  const order = table.key.map((name) => `t."${name}"`);
  const rows = await store.query(
    `select ${texts.join(", ")} from ${nameOf(table)} as t order by ${order.join(", ")}`,
  );
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, digits]) => [
        name,
        digits === null ? null : decoder.decode(Uint8Array.fromHex(digits)),
      ]),
    )
  );
}
