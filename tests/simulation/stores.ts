import { FakeLog, type FakeLogOptions } from "./fake_log.ts";
import { FakeTables } from "./fake_tables.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import {
  cursorGroup,
  deadLetterTopic,
  group,
  mostOutBytes,
  outTopic,
  sourceTopic,
} from "./simulated_pipeline.ts";

/** What outlives the processes. */
export interface Stores {
  readonly log: FakeLog;
  readonly tables: FakeTables;
  readonly warehouse: FakeWarehouse;
}

/** Stores in the place of those that do what their ports promise. */
export type BrokenStores = Partial<Pick<Stores, "tables" | "warehouse">> & {
  /** Makes the log. */
  readonly openLog?: (options: FakeLogOptions) => FakeLog;
};

/** Why a row is refused: rows are refused by what their record's id says. */
export const refusedBy = (store: string) => (values: readonly (string | null)[]): string | undefined =>
  values.some((value) => value?.startsWith(`refused-by-${store}`))
    ? `the ${store} will not have it`
    : undefined;

export function openStores(options: FakeLogOptions, broken: BrokenStores = {}): Stores {
  const log = broken.openLog?.(options) ?? new FakeLog(options);
  // They take less than the source does, so that some records and some dead letters do not fit.
  log.createTopic(outTopic, 2, mostOutBytes);
  log.createTopic(deadLetterTopic, 2, mostOutBytes);
  return {
    log,
    tables: broken.tables ?? new FakeTables(refusedBy("tables")),
    warehouse: broken.warehouse ?? new FakeWarehouse((row) => refusedBy("warehouse")(Object.values(row))),
  };
}

/** Sets where partitions go on, as `weir offsets reset` does. */
export function resetTo({ log, warehouse }: Stores, positions: ReadonlyMap<number, number>): void {
  log.setCursors(sourceTopic, cursorGroup, positions);
  warehouse.setPositions({ topic: sourceTopic, group }, positions, "all", log.topicId(sourceTopic));
}

/** How far the output topic has come in a partition. */
export function publishedTo({ log }: Stores, partition: number): number {
  return log.group(sourceTopic, cursorGroup).committed.get(partition) ?? 0;
}
