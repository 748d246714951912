/**
 * States and positions move together: whatever the batches, however often a partition starts over, and whoever owns
 * it, the values that were given and the states that are left are those of one pass.
 */
import assert from "node:assert/strict";
import { cassandraTable, json, kafka, mapWithState, type Pipeline, pipeline, postgresTable } from "weir";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { type PackableRecord, packRecords } from "../../src/packed_records.ts";
import type { TaskOutput } from "../../src/runtime/protocol.ts";
import type { Checkpoint } from "../../src/warehouse/mod.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { deadLettersOf, linesOf, recordOf } from "../support/plan_run.ts";
import { Seeded } from "../support/seeded.ts";
import { StoredStates } from "../support/stored_states.ts";

const schema = {
  type: "record",
  name: "Payment",
  fields: [{ name: "card", type: "string" }, { name: "shop", type: "string" }, {
    name: "amount",
    type: "double",
  }],
} as const;

/** Per card a running sum that times out, then per shop a list that does not; some records fail in between and after. */
const plan: Pipeline = pipeline("p", {
  source: kafka("payments", { group: "g", codec: json(schema) }),
  outputs: (stream) => {
    const spent = stream.pipe(mapWithState({
      name: "cards",
      by: ({ card }) => card,
      initial: () => ({ sum: 0, count: 0 }),
      update: ({ sum, count }, { card, shop, amount }) => {
        if (amount === 13) throw new Error("13");
        const state = amount === 7 ? undefined : { sum: sum + amount, count: count + 1 };
        return { state, emit: [{ id: card, line: `${shop} ${sum} ${count}` }] };
      },
      timeout: "20s",
      timedOut: ({ sum, count }, card) => [{ id: card, line: `ended ${sum} ${count}` }],
    }));
    const lists = spent.pipe(mapWithState({
      name: "shops",
      by: ({ line }) => line.split(" ")[0]!,
      initial: () => [] as string[],
      update: (list, { id, line }) => {
        if (line.endsWith("11 1")) throw new Error("a line that nobody likes");
        const state = [...list, id].slice(-5);
        return { state: state.length === 4 ? undefined : state, emit: [{ id, line: state.join() }] };
      },
    }));
    const columns = { id: "text", line: "text" } as const;
    return [
      spent.to(postgresTable("spent", { columns, key: ["id"] })),
      lists.to(postgresTable("lists", { columns, key: ["id"] })),
      lists.to(cassandraTable("k.lists", { columns, key: ["id"] })),
    ];
  },
});

function records(random: Seeded): PackableRecord[] {
  let time = 1_700_000_000_000;
  return Array.from({ length: random.integer(50, 400) }, (_, offset) => {
    time += random.chance(0.1) ? random.integer(0, 60_000) : random.integer(-2_000, 3_000);
    const card = `c${random.integer(0, 12)}`;
    const value = random.chance(0.03)
      ? "not JSON"
      : { card, shop: random.pick(["x", "y", "z"]), amount: random.integer(1, 14) };
    return recordOf(offset, value, time);
  });
}

interface Result {
  readonly lines: string[][];
  /** Of the Cassandra table: the very bytes, write times and all, one record's after the other's. */
  readonly cells: string;
  readonly deadLetters: unknown[];
  readonly states: Record<string, string>;
  readonly checkpoint: Omit<Checkpoint, "epoch">;
}

/** Runs the records in batches; `owner` says which of the executors gets the next one, and whether it starts over. */
function pass(
  all: readonly PackableRecord[],
  batch: () => number,
  owner: () => { executor: number; fresh: boolean; lose: boolean },
): Result {
  const executors = Array.from({ length: 3 }, () => new PlanExecutor(plan));
  const stored = new StoredStates();
  let checkpoint = freshCheckpoint();
  let owned = -1;
  const lines: string[][] = [[], []];
  const deadLetters: unknown[] = [];
  let cells = "";
  const assign = (executor: PlanExecutor) => {
    executor.assign(checkpoint);
    // In two pages, cut anywhere.
    const rows = JSON.parse(stored.page(0)) as unknown[];
    const cut = rows.length >> 1;
    executor.load(0, JSON.stringify(rows.slice(cut)));
    executor.load(0, JSON.stringify(rows.slice(0, cut)));
  };
  while (checkpoint.next < all.length) {
    const { executor, fresh, lose } = owner();
    if (fresh || executor !== owned) assign(executors[executor]!);
    owned = executor;
    const slice = all.slice(checkpoint.next, checkpoint.next + batch());
    const output = executors[executor]!.process({
      pipeline: "p",
      slices: [{ partition: 0, records: packRecords(slice), refused: [] }],
      keyTypes: [null, null, null],
    });
    // A batch that is not committed is as if it had never been.
    if (lose) {
      owned = -1;
      continue;
    }
    commit(output, slice.length);
  }
  const { epoch: _, ...rest } = checkpoint;
  return { lines, cells, deadLetters, states: stored.all, checkpoint: rest };

  function commit(output: TaskOutput, count: number): void {
    stored.apply(output.states!);
    lines[0]!.push(...linesOf(output.outputs[0]!));
    lines[1]!.push(...linesOf(output.outputs[1]!));
    const rows = output.outputs[2]!;
    assert.ok(rows.kind === "cells");
    cells += rows.rows.bytes.toHex();
    deadLetters.push(...deadLettersOf(output));
    const { writeTime, eventTime } = output.slices[0]!;
    checkpoint = { ...checkpoint, next: checkpoint.next + count, writeTime, eventTime };
  }
}

Deno.test("any batches, restarts and owners give what one pass gives", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Seeded(seed);
    const all = records(random);
    const once = pass(all, () => 1, () => ({ executor: 0, fresh: false, lose: false }));
    assert.ok(once.lines[0]!.some((line) => line.includes("ended")), `seed ${seed}: nothing timed out`);
    assert.ok(once.deadLetters.length > 0, `seed ${seed}: no record failed`);
    const owners = random.integer(1, 3);
    let owner = 0;
    const many = pass(
      all,
      () => random.chance(0.3) ? 1 : random.integer(1, 60),
      () => {
        if (random.chance(0.2)) owner = random.integer(0, owners - 1);
        return { executor: owner, fresh: random.chance(0.2), lose: random.chance(0.2) };
      },
    );
    assert.deepEqual(many, once, `seed ${seed}`);
  }
});
