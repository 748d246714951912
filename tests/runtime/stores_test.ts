import assert from "node:assert/strict";
import { kafka, map, pipeline, postgresTable, repartition, text, topic, union } from "weir";
import { openEmbeddedLog } from "../../src/log/embedded.ts";
import { stagesOf } from "../../src/pipeline.ts";
import { prepareStores, type Services } from "../../src/runtime/stores.ts";

const codec = text();
const byLine = (topic: string, more: { readonly partitions?: number } = {}) =>
  repartition(topic, { key: (line: string) => line, codec, ...more });
const lines = (name: string) => postgresTable(name, { columns: { line: "text" }, key: ["line"] });
const asLine = map((line: string) => ({ line }));

/** Prepares a pipeline's plans in their order, and tells how many partitions topics have then. */
async function partitionsAfter(already: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const plan = pipeline("p", {
    source: kafka("orders", { group: "o", codec, partitions: 2 }),
    sources: { payments: kafka("payments", { group: "p", codec, partitions: 3 }) },
    outputs: (orders, { payments }) => {
      const both = orders.pipe(union(payments), byLine("both"));
      return [
        both.pipe(asLine).to(lines("a")),
        both.pipe(union(payments), byLine("again"), asLine).to(lines("b")),
        payments.pipe(byLine("few", { partitions: 1 }), asLine).to(lines("c")),
        orders.to(topic("out", { key: () => null, codec, partitions: 7 })),
      ];
    },
  });
  const folder = await Deno.makeTempDir({ prefix: "weir-stores-" });
  const log = openEmbeddedLog({ file: `${folder}/log.db` });
  try {
    for (const [name, partitions] of Object.entries(already)) await log.createTopic(name, { partitions });
    for (const each of stagesOf(plan)) await prepareStores(each, { log } as unknown as Services);
    const topics = ["orders", "payments", "both", "again", "few", "out", "payments.dead-letter"];
    const counts = await Promise.all(topics.map((name) => log.offsets(name, "any")));
    return Object.fromEntries(topics.map((name, i) => [name, counts[i]!.length]));
  } finally {
    await log.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a topic of dead letters takes those of all sources whose records may end there", async () => {
  const [small, large] = [100_000, 5_000_000];
  const described = (one?: string) =>
    pipeline("p", {
      source: kafka("orders", { group: "o", codec }),
      sources: {
        payments: kafka("payments", { group: "p", codec }),
        parcels: kafka("parcels", { group: "q", codec }),
      },
      outputs: (orders, { payments, parcels }) => [
        orders.pipe(union(payments.pipe(union(orders), byLine("met"))), byLine("both"), asLine).to(
          lines("a"),
        ),
        parcels.pipe(asLine).to(lines("b")),
      ],
      ...(one !== undefined && { deadLetter: topic(one) }),
    });
  const sizes = async (plan: ReturnType<typeof described>, named: readonly string[]) => {
    const folder = await Deno.makeTempDir({ prefix: "weir-stores-" });
    const open = (maxRecordBytes: number) => openEmbeddedLog({ file: `${folder}/log.db`, maxRecordBytes });
    try {
      for (const [name, bytes] of [["payments", large], ["orders", small], ["parcels", small]] as const) {
        const log = open(bytes);
        await log.createTopic(name, { partitions: 1 });
        await log.close();
      }
      const log = open(small);
      for (const each of stagesOf(plan)) await prepareStores(each, { log } as unknown as Services);
      const value = new Uint8Array(large);
      const took = await Promise.all(
        named.map((name) =>
          log.produce(name, [{ key: null, value, headers: [] }]).then(() => true, () => false)
        ),
      );
      await log.close();
      return took;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  const own = ["orders.dead-letter", "payments.dead-letter", "parcels.dead-letter"];
  assert.deepEqual(await sizes(described(), own), [true, true, false], "payments go on behind orders, too");
  assert.deepEqual(await sizes(described("bad"), ["bad"]), [true]);
});

Deno.test("a topic that several plans write to gets as many partitions as the largest before it has", async () => {
  const few = { few: 1, out: 7 };
  assert.deepEqual(await partitionsAfter({}), {
    ...few,
    orders: 2,
    payments: 3,
    both: 3,
    again: 3,
    "payments.dead-letter": 3,
  });
  assert.deepEqual(await partitionsAfter({ orders: 5, payments: 4 }), {
    ...few,
    orders: 5,
    payments: 4,
    both: 5,
    again: 5,
    "payments.dead-letter": 3,
  });
  const { both, again } = await partitionsAfter({ both: 2, payments: 6 });
  assert.deepEqual([both, again], [2, 6], "one that is there stays as it is");
});
