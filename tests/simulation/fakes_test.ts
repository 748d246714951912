/** The fakes keep the promises of the ports that they stand for: held to the suites of the real adapters. */
import { checkpointPart, commitPart, runsPart } from "../contract/warehouse_suite.ts";
import { logSuite } from "../contract/log_suite.ts";
import { Seeded } from "../support/seeded.ts";
import { FakeLog } from "./fake_log.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { noFaults, Wire } from "./wire.ts";

/** Real time and no faults: the suites wait for what they expect. */
function realWire(): Wire {
  const time = {
    get now() {
      return Date.now();
    },
    after: (milliseconds: number, run: () => void) => void setTimeout(run, milliseconds),
  };
  return new Wire("the suite", time, new Seeded(1), noFaults(), () => {});
}

Deno.test("the fake warehouse keeps the warehouse's promises", async (t) => {
  const fake = new FakeWarehouse();
  const warehouse = fake.connect(realWire());
  const step = async (name: string, run: () => Promise<void>) => void await t.step(name, run);
  await checkpointPart(warehouse, step);
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
    const wire = realWire();
    const fake = new FakeLog({
      time: wire.time,
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
