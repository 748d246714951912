/** What a record costs as the job grows. */
import { benchmark, type BenchRoom } from "./benchmark.ts";
import { oneOf, wholeNumber, wholeNumbers } from "./flags.ts";
import { type Figures, medians } from "./medians.ts";
import { freshDatabase } from "./services.ts";
import { latest, table } from "./table.ts";
import { fill, freshTopic } from "./topics.ts";
import { keyedUser } from "./users.ts";
import { measureWeir } from "./weir_rates.ts";
import type { KafkaClientName } from "./weir_run.ts";

const topic = "weir_bench_windows";

interface Size {
  readonly records: number;
  readonly partitions: number;
  readonly keys: number;
}

export const growth = benchmark({
  name: "growth",
  about: "what a record of the windowed count costs with more records, partitions and keys, each by itself",
  flags: {
    records: wholeNumbers("numbers of records, with the fewest partitions and 1,000 keys", [
      10_000,
      100_000,
      1_000_000,
      10_000_000,
    ]),
    partitions: wholeNumbers("numbers of partitions", [8, 64, 256]),
    keys: wholeNumbers("numbers of keys", [10, 1_000, 100_000, 1_000_000]),
    base: wholeNumber("how many records, where partitions or keys grow", 1_000_000),
    runs: wholeNumber("how often, for medians", 3),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
  },
  async measure({ records, partitions, keys, base, runs, client }, room) {
    const few = { partitions: Math.min(...partitions), keys: 1_000 };
    const sizes: Size[] = [
      ...records.map((each) => ({ ...few, records: each })),
      ...partitions.map((each) => ({ ...few, records: base, partitions: each })),
      ...keys.map((each) => ({ ...few, records: base, keys: each })),
    ];
    // The same size may end more than one row of growth; it is measured once.
    const different = new Map(sizes.map((size) => [nameOf(size), size]));
    const found: Record<string, Figures[]> = {};
    for (const [name, size] of different) {
      found[name] = await measured(room, size, runs, client);
      room.report(table(latest({ [name]: found[name] })));
    }
    room.report(`\nmedians of ${runs} runs`);
    room.report(table(Object.fromEntries(Object.entries(found).map(([of, all]) => [of, medians(all)]))));
    return { client, runs: found };
  },
});

function nameOf({ records, partitions, keys }: Size): string {
  return `${records} records, ${partitions} partitions, ${keys} keys`;
}

async function measured(room: BenchRoom, size: Size, runs: number, client: KafkaClientName) {
  const { services } = room;
  await using _topic = await freshTopic(services.kafka, { topic, partitions: size.partitions });
  await fill(services.kafka, topic, [0, size.records], (n) => keyedUser(n, size.keys));
  const found: Figures[] = [];
  for (let run = 0; run < runs; run++) {
    found.push({
      ...await measureWeir(room, {
        pipeline: "bench/pipelines/windows.ts",
        databaseUrl: await freshDatabase(services.postgres, "weir_bench_weir"),
        client,
        records: size.records,
      }),
    });
  }
  return found;
}
