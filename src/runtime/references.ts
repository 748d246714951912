import { describeError, ServiceError } from "../errors.ts";
import { isJoin } from "../operators/join.ts";
import { type ReferenceRow, referenceRows } from "../operators/reference_rows.ts";
import type { ReferenceTable } from "../operators/reference_table.ts";
import type { Pipeline } from "../pipeline.ts";
import type { ReferenceStatus } from "../status/snapshot.ts";
import type { PartitionWorker } from "./partition_worker.ts";
import { readReference } from "./reference_source.ts";
import { pause } from "./retry.ts";
import type { Services } from "./stores.ts";

/** What a table holds now. */
interface Loaded {
  readonly rows: ReadonlyMap<string, ReferenceRow>;
  /** When it was read, milliseconds since 1970. */
  readonly at: number;
  /** Goes up with each reading. */
  readonly version: number;
}

export interface ReferencesOptions {
  readonly plan: Pipeline;
  readonly services: Pick<Services, "warehouse" | "selectFrom">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * The reference tables of a pipeline: read here, since workers may read nothing, and brought to each worker before the
 * first batch that it gets after a table was read. So every batch sees one reading of each table.
 */
export class References {
  readonly #options: ReferencesOptions;
  readonly #tables: readonly ReferenceTable<unknown, unknown>[];
  readonly #loaded = new Map<string, Loaded>();
  readonly #problems = new Map<string, string>();
  /** What each worker has: versions by table. */
  readonly #brought = new WeakMap<PartitionWorker, Map<string, number>>();

  constructor(options: ReferencesOptions) {
    this.#options = options;
    this.#tables = referencesOf(options.plan);
  }

  /**
   * Reads all tables for the first time.
   *
   * @throws {ServiceError} when one cannot be read or does not fit.
   */
  async load(): Promise<void> {
    for (const table of this.#tables) {
      try {
        await this.#read(table);
      } catch (cause) {
        throw new ServiceError(`Cannot read the reference table "${table.name}": ${describeError(cause)}`, {
          cause,
        });
      }
    }
  }

  /** Reads them again, each at its own pace, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const refreshed = this.#tables.filter(({ refresh }) => refresh < Infinity);
    await Promise.all(refreshed.map((table) => this.#refresh(table, signal)));
  }

  /** Sends a worker the tables that it does not have yet; it takes them before the next batch that it is sent. */
  bring(pipeline: string, worker: PartitionWorker): void {
    const versions = this.#brought.get(worker) ?? new Map<string, number>();
    this.#brought.set(worker, versions);
    for (const [name, { rows, version }] of this.#loaded) {
      if (versions.get(name) === version) continue;
      worker.refer(pipeline, name, rows);
      versions.set(name, version);
    }
  }

  status(): ReferenceStatus[] {
    return [...this.#loaded].map(([name, { rows, at }]) => {
      const lastError = this.#problems.get(name);
      const loadedAt = new Date(at).toISOString();
      return { name, rows: rows.size, loadedAt, ...(lastError !== undefined && { lastError }) };
    });
  }

  async #refresh(table: ReferenceTable<unknown, unknown>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(table.refresh, signal);
      if (signal.aborted) return;
      try {
        await this.#read(table);
        this.#problems.delete(table.name);
      } catch (error) {
        this.#problems.set(table.name, describeError(error));
      }
    }
  }

  async #read(table: ReferenceTable<unknown, unknown>): Promise<void> {
    const rows = referenceRows(table, await readReference(table.from, this.#options.services));
    const version = (this.#loaded.get(table.name)?.version ?? 0) + 1;
    this.#loaded.set(table.name, { rows, at: this.#options.now(), version });
  }
}

/** Each of a plan's reference tables, once. */
function referencesOf({ nodes }: Pipeline): ReferenceTable<unknown, unknown>[] {
  return [...new Set(nodes.flatMap(({ operator }) => isJoin(operator) ? [operator.table] : []))];
}
