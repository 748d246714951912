/** A warehouse that is put back from a backup hands out results anew, and topics and tables have seen later ones. */
import assert from "node:assert/strict";
import {
  aggregate,
  cassandraTable,
  type Codec,
  count,
  kafka,
  max,
  pipeline,
  type Sink,
  text,
  topic,
} from "weir";
import { OutputTables } from "../../src/runtime/output_tables.ts";
import { Relays } from "../../src/runtime/relays.ts";
import { SinkMeter } from "../../src/runtime/sink_meter.ts";
import type { CassandraTable } from "../../src/pipeline.ts";
import { MemoryLog } from "../../src/testing/memory_log.ts";
import { MemoryTables } from "../../src/testing/memory_tables.ts";
import type { Warehouse } from "../../src/warehouse/mod.ts";
import { PgliteDatabase } from "../../src/warehouse/pglite_database.ts";
import { withSession } from "../../src/warehouse/sql_database.ts";
import { openSqlWarehouse } from "../../src/warehouse/sql_warehouse.ts";
import { chunk, nameOf } from "../contract/warehouse_fixture.ts";

interface Result {
  readonly key: string;
  readonly n: bigint;
  readonly top: number;
}

const source = { group: "g", topic: "values" };
const codec: Codec<Result> = {
  name: "result",
  encode: ({ n, top }) => new TextEncoder().encode(`${n} ${top}`),
  decode: () => assert.fail("results are only written"),
};
const table = cassandraTable("k.tops", {
  columns: { key: "text", n: "bigint", top: "double" },
  key: ["key"],
});
const plan = pipeline("tops", {
  source: kafka(source.topic, { group: source.group, codec: text() }),
  outputs: (stream) => {
    const tops = () =>
      stream.pipe(aggregate({ by: () => ({ key: "a" }), compute: { n: count(), top: max(Number) } }));
    return [tops().to(topic<Result>("tops", { key: () => null, codec })), tops().to(table)];
  },
});

type Execute = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** A process's relays, on a warehouse that can be put back. */
class Restorable {
  readonly log = new MemoryLog();
  readonly tables = new MemoryTables();
  readonly outputs: OutputTables;

  constructor(readonly warehouse: Warehouse, readonly execute: Execute) {
    this.outputs = new OutputTables(plan, warehouse);
  }

  relays(holder: string): Relays {
    const { log, tables, warehouse, outputs } = this;
    const meters = plan.outputs.map(({ sink }) => new SinkMeter(sink.name, sink.kind));
    const services = { log, tables, warehouse };
    return new Relays({ plan, services, tables: outputs, meters, now: () => 0, holder });
  }

  /** Brings values in, each in a transaction. */
  async bring(...values: number[]): Promise<void> {
    for (const top of values) {
      const tables = this.outputs.outputs.map((output) => {
        const table = this.outputs.of(output)!;
        return { table, chunks: [chunk(table, [{ key: "a", n: 1n, top }])] };
      });
      await this.warehouse.commit({ source, moves: [], tables });
    }
  }

  /** Makes the warehouse what it is now, when it is called. */
  async backup(): Promise<() => Promise<void>> {
    const merged = this.outputs.outputs.map((output) => nameOf(this.outputs.of(output)!));
    const all = ["weir.outbox_streams", "weir.outbox", ...merged];
    for (const [i, name] of all.entries()) await this.execute(`create table backup_${i} as table ${name}`);
    return async () => {
      for (const name of all.toReversed()) await this.execute(`delete from ${name}`);
      for (const [i, name] of all.entries()) {
        await this.execute(`insert into ${name} select * from backup_${i}`);
      }
    };
  }

  get inTopic(): string[] {
    return this.log.records("tops").map(({ value }) => new TextDecoder().decode(value!));
  }

  get inTable(): unknown[] {
    return this.tables.rows(table as Sink<never> as CassandraTable<never>).map(({ n, top }) => `${n} ${top}`);
  }

  async waiting(): Promise<number> {
    const [row] = await this.execute("select sum(waiting)::integer as waiting from weir.outbox_streams");
    return row!.waiting as number;
  }
}

async function withRestorable(run: (restorable: Restorable) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "weir-restored-" });
  const database = await PgliteDatabase.open(`${parent}/warehouse`);
  const warehouse = await openSqlWarehouse(database);
  try {
    const restorable = new Restorable(
      warehouse,
      (text) => withSession(database, (session) => session.query(text)),
    );
    for (const output of restorable.outputs.outputs) {
      await restorable.outputs.createAggregate(output, { key: "text" });
    }
    await run(restorable);
  } finally {
    await warehouse.close();
    await Deno.remove(parent, { recursive: true });
  }
}

for (const process of ["the process that went on", "another process"]) {
  const next = async (restorable: Restorable, first: Relays) => {
    await restorable.execute("update weir.outbox_streams set holder = null");
    return process === "another process" ? restorable.relays("next") : first;
  };

  Deno.test(`after a warehouse was put back, ${process} delivers what comes anew`, async () => {
    await withRestorable(async (restorable) => {
      const { signal } = new AbortController();
      const first = restorable.relays("first");
      await restorable.bring(1);
      await first.relay(signal);
      // It waits in the backup, and goes out after that was made.
      await restorable.bring(2);
      const restore = await restorable.backup();
      await restorable.bring(7, 8, 9);
      await first.relay(signal);
      const before = ["1 1", "2 2", "3 7", "4 8", "5 9"];
      assert.deepEqual(restorable.inTopic, before);
      assert.deepEqual(restorable.inTable, ["5 9"]);

      await restore();
      assert.equal(await restorable.waiting(), 2);
      await restorable.bring(3, 4);
      const relays = await next(restorable, first);
      await relays.relay(signal);
      assert.deepEqual(restorable.inTopic, [...before, "3 3", "4 4"], "what waited was delivered already");
      assert.deepEqual(restorable.inTable, ["4 4"], "the latest result wins, though others had more records");
      assert.equal(await restorable.waiting(), 0);
    });
  });

  Deno.test(`after a warehouse was put back and its clock, too, ${process} delivers all that waits`, async () => {
    await withRestorable(async (restorable) => {
      const { signal } = new AbortController();
      const first = restorable.relays("first");
      await restorable.bring(1);
      const restore = await restorable.backup();
      await restorable.execute("update weir.outbox_streams set last_sequence = last_sequence + 3600000000");
      await restorable.bring(7, 8);
      await first.relay(signal);
      const before = ["1 1", "2 7", "3 8"];
      assert.deepEqual(restorable.inTopic, before);

      await restore();
      const relays = await next(restorable, first);
      await relays.relay(signal);
      assert.deepEqual(restorable.inTopic, [...before, "1 1"], "nothing tells that it was delivered");
      await restorable.bring(3);
      await relays.relay(signal);
      await restorable.bring(4);
      await relays.relay(signal);
      assert.deepEqual(restorable.inTopic, [...before, "1 1", "2 3", "3 4"]);
      assert.equal(await restorable.waiting(), 0);
    });
  });

  Deno.test(`after a warehouse was put back to before its streams, ${process} delivers what comes`, async () => {
    await withRestorable(async (restorable) => {
      const { signal } = new AbortController();
      const first = restorable.relays("first");
      await restorable.bring(1, 7);
      await first.relay(signal);
      await restorable.execute("delete from weir.outbox_streams");
      const relays = process === "another process" ? restorable.relays("next") : first;
      await restorable.bring(3);
      await relays.relay(signal);
      await restorable.bring(9);
      await relays.relay(signal);
      assert.deepEqual(restorable.inTopic, ["1 1", "2 7", "3 7", "4 9"]);
      assert.deepEqual(restorable.inTable, ["4 9"]);
      assert.equal(await restorable.waiting(), 0);
    });
  });
}
