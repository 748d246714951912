import { FakeLog, type FakeLogOptions } from "./fake_log.ts";
import { FakeTables } from "./fake_tables.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { deadLetterTopic, mostOutBytes, outTopic } from "./simulated_pipeline.ts";

/** What outlives the processes. */
export interface Stores {
  readonly log: FakeLog;
  readonly tables: FakeTables;
  readonly warehouse: FakeWarehouse;
}

/** Stores in the place of those that do what their ports promise. */
export type BrokenStores = Partial<Pick<Stores, "tables" | "warehouse">>;

/** Why a row is refused: rows are refused by what their record's id says. */
export const refusedBy = (store: string) => (values: readonly (string | null)[]): string | undefined =>
  values.some((value) => value?.startsWith(`refused-by-${store}`))
    ? `the ${store} will not have it`
    : undefined;

export function openStores(options: FakeLogOptions, broken: BrokenStores = {}): Stores {
  const log = new FakeLog(options);
  // They take less than the source does, so that some records and some dead letters do not fit.
  log.createTopic(outTopic, 2, mostOutBytes);
  log.createTopic(deadLetterTopic, 2, mostOutBytes);
  return {
    log,
    tables: broken.tables ?? new FakeTables(refusedBy("tables")),
    warehouse: broken.warehouse ?? new FakeWarehouse((row) => refusedBy("warehouse")(Object.values(row))),
  };
}
