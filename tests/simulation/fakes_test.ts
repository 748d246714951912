/** The fakes keep the promises of the ports that they stand for: held to the suites of the real adapters. */
import { resetPart } from "../contract/warehouse_resets.ts";
import { checkpointPart, commitPart, runsPart } from "../contract/warehouse_suite.ts";
import { logSuite } from "../contract/log_suite.ts";
import { Seeded } from "../support/seeded.ts";
import { FakeLog } from "./fake_log.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { HeldTime } from "./held_time.ts";
import { noFaults, Wire } from "./wire.ts";

/** A wire without faults, on a time that goes on by itself for as long as there is something to come. */
function ownWire(): Wire {
  const time = new HeldTime();
  let running = false;
  const go = async () => {
    while (!time.idle) await time.run(Infinity, () => time.idle);
    running = false;
  };
  const timers = {
    get now() {
      return time.now;
    },
    after(milliseconds: number, run: () => void) {
      time.after(milliseconds, run);
      if (running) return;
      running = true;
      go();
    },
  };
  return new Wire("the suite", timers, new Seeded(1), noFaults(), () => {});
}

Deno.test("the fake warehouse keeps the warehouse's promises", async (t) => {
  const fake = new FakeWarehouse();
  const warehouse = fake.connect(ownWire());
  const step = async (name: string, run: () => Promise<void>) => void await t.step(name, run);
  await checkpointPart(warehouse, step);
  await resetPart(warehouse, step);
  await commitPart(
    { open: () => Promise.resolve(warehouse), query: (text) => select(fake, text) },
    warehouse,
    step,
  );
  await runsPart(warehouse, step);
});

/** Answers the one statement that the suite reads tables with: texts in hexadecimal digits, in the order of a key. */
function select(fake: FakeWarehouse, text: string): Promise<Record<string, string | null>[]> {
  const [, schema, table, key] = text.match(/ from "(.+?)"\."(.+?)" as t order by t\."(.+?)"$/)!;
  const rows = fake.rows(`${schema}.${table}`).sort((a, b) => a[key!]! < b[key!]! ? -1 : 1);
  const hex = (value: string | null) => value === null ? null : new TextEncoder().encode(value).toHex();
  return Promise.resolve(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, hex(value)]))),
  );
}

logSuite({
  name: "the fake log",
  ignore: false,
  open: () => {
    const wire = ownWire();
    const fake = new FakeLog({
      time: {
        get now() {
          return Date.now();
        },
        after: (milliseconds, run) => wire.time.after(milliseconds, run),
      },
      random: wire.random,
      trace: () => {},
      fetches: 1_000,
    });
    const log = fake.connect(wire);
    return Promise.resolve({
      log,
      createLargeTopic: (topic) => Promise.resolve(fake.createTopic(topic, 1, 4_000_000)),
      close: () => log.close(),
    });
  },
});
