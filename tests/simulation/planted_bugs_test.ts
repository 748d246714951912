/** The simulation can fail: with a store that breaks its promise in one way, some early seed must find it. */
import assert from "node:assert/strict";
import type { Transaction } from "../../src/warehouse/mod.ts";
import { type Cell, type CellRow, FakeTables } from "./fake_tables.ts";
import { UnfencedLog } from "./fake_log.ts";
import { FakeWarehouse, type TextRow } from "./fake_warehouse.ts";
import { simulate } from "./simulation.ts";
import { type StagesOptions, StagesSimulation } from "./stages.ts";
import { type BrokenStores, refusedBy } from "./stores.ts";

const refuses = (row: TextRow) => refusedBy("warehouse")(Object.values(row));

class UnfencedWarehouse extends FakeWarehouse {
  protected override check(): void {}
}

/** Writes the rows though the moves are refused. */
class TornWarehouse extends FakeWarehouse {
  override commit(transaction: Transaction, by: string): void {
    try {
      super.commit(transaction, by);
    } catch (error) {
      for (const each of transaction.tables) this.write(each);
      throw error;
    }
  }
}

/** Says that it is done, now and then, before it is; and then it never is. */
class ForgetfulWarehouse extends FakeWarehouse {
  #commits = 0;

  protected override write(rows: Transaction["tables"][number]): void {
    if (++this.#commits % 20 !== 0) super.write(rows);
  }
}

/** What comes last wins, whatever its write time. */
class CarelessTables extends FakeTables {
  protected override set(row: CellRow, column: string, cell: Cell): void {
    row.set(column, cell);
  }
}

const bugs: Readonly<Record<string, () => BrokenStores>> = {
  "a warehouse that fences nobody": () => ({ warehouse: new UnfencedWarehouse(refuses) }),
  "a warehouse whose transactions are torn": () => ({ warehouse: new TornWarehouse(refuses) }),
  "a warehouse that forgets rows": () => ({ warehouse: new ForgetfulWarehouse(refuses) }),
  "a log that fences no publishers": () => ({ openLog: (options) => new UnfencedLog(options) }),
  "tables in which the last write wins": () => ({ tables: new CarelessTables(refusedBy("tables")) }),
};

/** Behind a repartition nothing goes to tables. */
const stageBugs: typeof bugs = {
  "a warehouse that fences nobody": () => ({ warehouse: new UnfencedWarehouse() }),
  "a warehouse that forgets rows": () => ({ warehouse: new ForgetfulWarehouse() }),
  "a log that fences no publishers": () => ({ openLog: (options) => new UnfencedLog(options) }),
};

const simulations = [
  { name: "the simulation", run: simulate, bugs },
  {
    name: "the simulation of stages",
    run: (options: StagesOptions) => new StagesSimulation(options).run(),
    bugs: stageBugs,
  },
] as const;

for (const { name, run, bugs } of simulations) {
  for (const [bug, stores] of Object.entries(bugs)) {
    Deno.test(`${name} finds ${bug}`, async () => {
      for (let seed = 1; seed <= 300; seed++) {
        const { violations } = await run({ seed, ...stores() });
        if (violations.length > 0) return;
      }
      assert.fail("300 seeds found nothing");
    });
  }
}

Deno.test("a seed always gives the same trace", async () => {
  const [first, second] = [await simulate({ seed: 7 }), await simulate({ seed: 7 })];
  assert.deepEqual(first.trace, second.trace);
  assert.ok(first.trace.length > 10);
  assert.notDeepEqual((await simulate({ seed: 8 })).trace, first.trace);
});
