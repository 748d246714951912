/** What a record costs as the job grows. */
import { benchmark, type BenchRoom } from "./benchmark.ts";
import type { Cost } from "./course.ts";
import { oneOf, toggle, wholeNumber, wholeNumbers } from "./flags.ts";
import { profiled } from "./profile_files.ts";
import { Runs } from "./runs.ts";
import { freshDatabase } from "./services.ts";
import { fill, freshTopic } from "./topics.ts";
import { keyedUser } from "./users.ts";
import { figuresOf, runWeir, type WeirCourse } from "./weir_rates.ts";
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
    records: wholeNumbers("where one run over all records is looked at", [
      10_000,
      100_000,
      1_000_000,
      5_000_000,
      10_000_000,
    ]),
    partitions: wholeNumbers("numbers of partitions", [8, 64, 256]),
    keys: wholeNumbers("numbers of keys", [10, 1_000, 100_000, 1_000_000]),
    base: wholeNumber("how many records, where partitions or keys grow", 3_000_000),
    runs: wholeNumber("how often, for medians", 3),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
    profile: toggle("a run more of each number of partitions and keys, with CPU profiles as text"),
  },
  async measure({ records, partitions, keys, base, runs, client, profile }, room) {
    const few = { records: base, partitions: Math.min(...partitions), keys: 1_000 };
    const looks = [...new Set(records)].sort((a, b) => a - b);
    const measured = new Runs();
    const profiles: Record<string, string[]> = {};
    const longest = { ...few, records: looks.at(-1)! };
    await withTopic(room, longest, async () => {
      for (let run = 1; run <= runs; run++) {
        await measured.measureSeveral(async () => parts(await count(room, longest, client), looks));
        room.report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
      }
    });
    // The same size may be among both; it is measured once.
    const sizes = [
      ...partitions.map((each) => ({ ...few, partitions: each })),
      ...keys.map((each) => ({ ...few, keys: each })),
    ];
    for (const [name, size] of new Map(sizes.map((size) => [nameOf(size), size]))) {
      await withTopic(room, size, async () => {
        for (let run = 1; run <= runs; run++) {
          await measured.measure(name, async () => figures(await count(room, size, client)));
        }
        if (profile) profiles[name] = await profiled((folder) => count(room, size, client, folder));
      });
      room.report(`\n${measured.latest()}`);
      if (profiles[name]) room.report(`\n${name}\n${profiles[name].join("\n\n")}`);
    }
    room.report(`\nmedians of ${runs} runs\n${measured.medians()}`);
    return { client, base, runs: measured.found, ...(profile && { profiles }) };
  },
});

function text(count: number): string {
  return count.toLocaleString("en-US");
}

function nameOf({ records, partitions, keys }: Size): string {
  return `${text(records)} records, ${partitions} partitions, ${text(keys)} keys`;
}

async function withTopic(
  { services: { kafka } }: BenchRoom,
  { records, partitions, keys }: Size,
  measure: () => Promise<void>,
) {
  await using _topic = await freshTopic(kafka, { topic, partitions });
  await fill(kafka, topic, [0, records], (n) => keyedUser(n, keys));
  await measure();
}

async function count(room: BenchRoom, { records }: Size, client: KafkaClientName, profileFolder?: string) {
  return await runWeir(room, {
    pipeline: "bench/pipelines/windows.ts",
    databaseUrl: await freshDatabase(room.services.postgres, "weir_bench_weir"),
    client,
    records,
    ...(profileFolder !== undefined && { profileFolder }),
  });
}

/** What a record costs at the start of a run and later on, so that what grows with what was done before shows. */
function parts({ course }: WeirCourse, looks: readonly number[]): Record<string, Cost> {
  return Object.fromEntries(
    looks.slice(1).map((
      to,
      i,
    ) => [`records ${text(looks[i]!)} to ${text(to)}`, course.between(looks[i]!, to)]),
  );
}

function figures(run: WeirCourse) {
  const { steadyPerSecond, cpuSecondsPerMillion, steadySeconds, peakMemoryMb } = figuresOf(run);
  return {
    perSecond: steadyPerSecond,
    cpuSecondsPerMillion,
    seconds: steadySeconds,
    peakMemoryMb,
    rowsPerRecord: run.written / run.course.done,
  };
}
