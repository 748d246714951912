/** What it costs that several processes bring records of the same groups. */
import { partitionOf } from "../src/log/murmur2.ts";
import type { BenchRecord } from "./batches.ts";
import { benchmark, type BenchRoom } from "./benchmark.ts";
import { oneOf, wholeNumber, wholeNumbers } from "./flags.ts";
import { LockWatch } from "./lock_watch.ts";
import { Runs } from "./runs.ts";
import { freshDatabase } from "./services.ts";
import { fill, freshTopic } from "./topics.ts";
import { keyedUser } from "./users.ts";
import { measureWeir, type WeirFigures } from "./weir_rates.ts";
import type { KafkaClientName } from "./weir_run.ts";

const topic = "weir_bench_windows";
const partitions = 8;

/** How a group's value comes to its row in the warehouse: merged by SQL, or read, merged and written under a lock. */
const merges = { sql: "windows.ts", locked: "custom_counts.ts" } as const;

interface Case {
  readonly merge: keyof typeof merges;
  readonly processes: number;
  readonly records: number;
  readonly client: KafkaClientName;
}

export const contention = benchmark({
  name: "contention",
  about: "several processes of one worker each that count the same groups, beside each having its own",
  flags: {
    records: wholeNumber("how many records", 3_000_000),
    keys: wholeNumber("how many groups a window has, at least one a partition", 16, partitions),
    processes: wholeNumbers("numbers of processes", [1, 2, 4]),
    runs: wholeNumber("how often, for medians", 3),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
  },
  async measure({ records, keys, processes, runs, client }, room) {
    const spreads = {
      apart: (n: number) => recordOf(n, (partition) => ownGroup(n, partition, keys)),
      shared: (n: number) => recordOf(n, () => n % keys),
    };
    const measured = new Runs();
    for (let run = 1; run <= runs; run++) {
      for (const [spread, record] of Object.entries(spreads)) {
        await using _topic = await freshTopic(room.services.kafka, { topic, partitions });
        await fill(room.services.kafka, topic, [0, records], record);
        for (const merge of Object.keys(merges) as (keyof typeof merges)[]) {
          for (const each of processes) {
            const name = `${merge}, groups ${spread}, ${each} ${each === 1 ? "process" : "processes"}`;
            await measured.measure(name, () => count(room, { merge, processes: each, records, client }));
          }
        }
      }
      room.report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
    }
    room.report(`\n${records} records, medians of ${runs} runs\n${measured.medians()}`);
    return { records, keys, client, runs: measured.found };
  },
});

/** The groups that only one partition has. */
function ownGroup(n: number, partition: number, keys: number): number {
  const own = Math.floor(keys / partitions);
  return partition * own + n % own;
}

/** A user of a group, with a key that spreads the records over all partitions. */
function recordOf(n: number, group: (partition: number) => number): BenchRecord {
  const key = `${n}`;
  const { value, timestamp } = keyedUser(n, 1);
  const partition = partitionOf(new TextEncoder().encode(key), partitions);
  const user = { ...JSON.parse(value), username: `user${group(partition)}` };
  return { key, value: JSON.stringify(user), ...(timestamp !== undefined && { timestamp }) };
}

async function count(
  room: BenchRoom,
  { merge, processes, records, client }: Case,
): Promise<WeirFigures & { waitingSessions: number; deadlocks: number }> {
  const databaseUrl = await freshDatabase(room.services.postgres, "weir_bench_weir");
  await using locks = await LockWatch.start(databaseUrl);
  const figures = await measureWeir(room, {
    pipeline: `bench/pipelines/${merges[merge]}`,
    databaseUrl,
    client,
    records,
    settings: { WEIR_WORKERS: "1" },
    processes,
  });
  return { ...figures, ...await locks.found() };
}
