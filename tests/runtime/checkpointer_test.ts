/** How the position moves, whatever becomes of a transaction's answer. The warehouse is one that fails on command. */
import assert from "node:assert/strict";
import { json, kafka, map, pipeline, postgresTable } from "weir";
import { Fenced } from "../../src/errors.ts";
import { Checkpointer } from "../../src/runtime/checkpointer.ts";
import type { RefusedSource } from "../../src/runtime/delivery.ts";
import { Lane, OwnedPartition, type Task } from "../../src/runtime/lane.ts";
import { OutputTables } from "../../src/runtime/output_tables.ts";
import { SinkMeter } from "../../src/runtime/sink_meter.ts";
import { type Checkpoint, RefusedRows, type Transaction, type Warehouse } from "../../src/warehouse/mod.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { slotOf } from "../support/slot.ts";

const plan = pipeline("p", {
  source: kafka("t", { group: "g", codec: json("string") }),
  outputs: (stream) => [
    stream.pipe(map((id) => ({ id }))).to(postgresTable("texts", { columns: { id: "text" }, key: ["id"] })),
  ],
});
const all = { records: Infinity, bytes: Infinity };
const start = freshCheckpoint();

/** Holds one partition's position. `script` says what happens to each commit, in turn; then they work. */
class ScriptedWarehouse implements Pick<Warehouse, "commit" | "positions" | "createTable"> {
  held: Checkpoint = start;
  readonly commits: Transaction[] = [];
  constructor(readonly script: ((apply: () => void) => Error | undefined)[]) {}

  createTable(): Promise<void> {
    return Promise.resolve();
  }

  positions(): Promise<Checkpoint[]> {
    return Promise.resolve([this.held]);
  }

  commit(transaction: Transaction): Promise<void> {
    this.commits.push(transaction);
    const [move] = transaction.moves;
    const apply = () => {
      assert.equal(move!.from, this.held.next, "the warehouse compares before it sets");
      this.held = { ...this.held, next: move!.next };
    };
    const step = this.script.shift() ?? ((apply) => void apply());
    const error = step(apply);
    return error ? Promise.reject(error) : Promise.resolve();
  }
}

interface Run {
  readonly warehouse: ScriptedWarehouse;
  readonly lane: Lane;
  readonly events: string[];
  add(from: number, next: number, state?: Task["state"]): Task;
  /** Resolves when the checkpointer has told what is expected. */
  until(event: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param loading A lane beside the one that is tried starts over, which takes until this resolves.
 * @param interval How long what is ready waits for what is on its way, in ms.
 */
async function running(
  script: ScriptedWarehouse["script"] = [],
  loading?: Promise<void>,
  interval = 0,
): Promise<Run> {
  const warehouse = new ScriptedWarehouse(script);
  const slot = slotOf();
  const lane = new Lane(slot, "p", all, Date.now);
  const partition = new OwnedPartition(start, all);
  lane.partitions.set(0, partition);
  const slow = new Lane(slot, "p", all, Date.now);
  if (loading) slow.resetReason = "its worker died";
  const stopping = new AbortController();
  const events: string[] = [];
  let check = () => {};
  const tell = (event: string) => {
    events.push(event);
    check();
  };
  const tables = new OutputTables(plan, warehouse as unknown as Warehouse);
  await tables.create();
  const checkpointer = new Checkpointer({
    plan,
    source: { group: "g", topic: "t" },
    warehouse: warehouse as unknown as Warehouse,
    tables,
    lanes: [slow, lane],
    meters: [new SinkMeter("texts", "postgres")],
    interval,
    signal: stopping.signal,
    now: Date.now,
    committed(tasks) {
      lane.tasks = lane.tasks.filter((task) => !tasks.includes(task));
      tell(`committed to ${partition.checkpoint.next}`);
    },
    refused(_task: Task, refused: readonly RefusedSource[]) {
      lane.resetReason = "refused";
      tell(`refused ${refused.map(({ source, stage, reason }) => `${source} at ${stage}: ${reason}`)}`);
    },
    fenced(lanes) {
      for (const each of lanes) each.resetReason = "fenced";
      tell("fenced");
    },
    async reset(each) {
      if (each === slow) await loading;
      each.abandon();
      each.resetReason = undefined;
      tell("reset");
    },
  });
  const loop = checkpointer.run();
  return {
    warehouse,
    lane,
    events,
    add(from, next, state = "ready") {
      const count = next - from;
      const task: Task = {
        lane,
        startedAt: 0,
        stopped: new AbortController(),
        state,
        slices: [{
          replayed: false,
          partition,
          from,
          next,
          bytes: 0,
          offsets: new Float64Array(count),
          timestamps: new Float64Array(count),
        }],
        output: {
          slices: [{
            writeTime: next,
            eventTime: next,
            watermark: null,
            counts: { out: count, filtered: 0, deadLettered: 0, late: 0, ahead: 0 },
          }],
          outputs: [{
            kind: "copy",
            chunk: { count, bytes: new Uint8Array(count) },
            sources: Uint32Array.from({ length: count }, (_, i) => i),
          }],
          deadLetters: { count: 0, buffer: new ArrayBuffer(0) },
          busy: 0,
        },
      };
      lane.tasks.push(task);
      checkpointer.notify();
      return task;
    },
    until: (event) =>
      new Promise((resolve) => {
        check = () => events.includes(event) && resolve();
        check();
      }),
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

Deno.test("states that changed are in the transaction of their batches, in order, and only then", async () => {
  const run = await running();
  const chunk = (text: string) => ({ count: text.length, bytes: new TextEncoder().encode(text) });
  const first = run.add(0, 2, "delivering");
  const second = run.add(2, 3);
  const third = run.add(3, 4);
  Object.assign(first.output!, { states: chunk("ab") });
  Object.assign(second.output!, { states: chunk("") });
  Object.assign(third.output!, { states: chunk("c") });
  first.state = "ready";
  run.add(4, 5, "delivering");
  await run.until("committed to 4");
  run.lane.tasks[0]!.state = "ready";
  run.add(5, 6);
  await run.until("committed to 6");
  assert.deepEqual(run.warehouse.commits.map(({ states }) => states), [[chunk("ab"), chunk("c")], undefined]);
  await run.stop();
});

Deno.test("what is ready waits for what is on its way, and goes with it", async () => {
  const run = await running([], undefined, 600_000);
  run.add(0, 2);
  const second = run.add(2, 3, "delivering");
  second.state = "ready";
  run.add(3, 4);
  await run.until("committed to 4");
  assert.equal(run.warehouse.commits.length, 1);
  await run.stop();
});

Deno.test("what is ready does not wait longer than the interval", async () => {
  const run = await running([], undefined, 1);
  run.add(0, 2);
  run.add(2, 3, "delivering");
  await run.until("committed to 2");
  await run.stop();
});

Deno.test("a stop does not wait for what is on its way", async () => {
  const run = await running([], undefined, 600_000);
  run.add(0, 2);
  run.add(2, 3, "delivering");
  await run.stop();
  assert.equal(run.warehouse.commits.length, 0);
});

Deno.test("a lane that takes long to start over does not hold up the others, and does so once", async () => {
  const loading = Promise.withResolvers<void>();
  const run = await running([], loading.promise);
  run.add(0, 2);
  await run.until("committed to 2");
  run.add(2, 3);
  await run.until("committed to 3");
  assert.deepEqual(run.events, ["committed to 2", "committed to 3"]);
  loading.resolve();
  await run.until("reset");
  run.add(3, 4);
  await run.until("committed to 4");
  assert.equal(run.events.filter((event) => event === "reset").length, 1);
  await run.stop();
});

Deno.test("all that is ready goes into one transaction, and a partition makes one move", async () => {
  const run = await running();
  run.add(0, 3, "delivering");
  run.add(3, 5);
  run.lane.tasks[0]!.state = "ready";
  run.add(5, 9);
  await run.until("committed to 9");
  const [transaction] = run.warehouse.commits;
  assert.deepEqual(transaction!.moves, [{
    partition: 0,
    epoch: 1,
    from: 0,
    next: 9,
    writeTime: 9,
    eventTime: 9,
    watermark: null,
  }]);
  assert.deepEqual(transaction!.tables[0]!.chunks.map(({ count }) => count), [3, 2, 4]);
  await run.stop();
});

Deno.test("a batch waits for those before it", async () => {
  const run = await running();
  const first = run.add(0, 3, "delivering");
  run.add(3, 5);
  assert.deepEqual(run.lane.ready(), []);
  first.state = "ready";
  run.add(5, 6, "processing");
  await run.until("committed to 5");
  assert.equal(run.lane.tasks.length, 1);
  await run.stop();
});

Deno.test("a commit whose answer is lost was made: it is not made twice", async () => {
  const run = await running([(apply) => {
    apply();
    return new Error("connection reset");
  }]);
  run.add(0, 3);
  await run.until("committed to 3");
  assert.equal(run.warehouse.commits.length, 1);
  await run.stop();
});

Deno.test("a commit that failed before anything was written is made again", async () => {
  const down = () => new Error("connection refused");
  const run = await running([down, down]);
  run.add(0, 3);
  await run.until("committed to 3");
  assert.equal(run.warehouse.commits.length, 3);
  await run.stop();
});

Deno.test("a commit that fails while another process takes the partition is given up", async () => {
  const run = await running([() => {
    run.warehouse.held = { ...start, epoch: 2 };
    return new Error("connection reset");
  }]);
  run.add(0, 3);
  await run.until("reset");
  assert.deepEqual(run.events, ["fenced", "reset"]);
  assert.equal(run.warehouse.held.next, 0);
  await run.stop();
});

Deno.test("a commit that is fenced makes its lanes start over", async () => {
  const run = await running([() => new Fenced("epoch 2")]);
  run.add(0, 3);
  run.add(3, 4);
  await run.until("reset");
  assert.deepEqual(run.events, ["fenced", "reset"]);
  assert.deepEqual(run.lane.tasks, []);
  await run.stop();
});

Deno.test("a refused row is traced to the record that it came from", async () => {
  const run = await running([() => new RefusedRows([{ table: 0, chunk: 1, row: 1, reason: "too long" }])]);
  run.add(0, 3, "delivering");
  run.add(3, 6);
  run.lane.tasks[0]!.state = "ready";
  run.add(6, 7);
  await run.until("reset");
  assert.equal(run.events[0], "refused 1 at write texts: too long");
  await run.stop();
});

Deno.test("batches that do not follow one another are never committed together", async () => {
  const run = await running();
  run.add(0, 3, "delivering");
  run.add(4, 6);
  run.lane.tasks[0]!.state = "ready";
  run.add(6, 7);
  await run.until("reset");
  assert.equal(run.warehouse.commits.length, 0);
  await run.stop();
});
