/** From the start of a process to its first row. */
import { benchmark, type BenchRoom } from "./benchmark.ts";
import type { Settings } from "./environment.ts";
import { wholeNumber } from "./flags.ts";
import type { Figures } from "./medians.ts";
import { Runs } from "./runs.ts";
import { settingsFor } from "./services.ts";
import { weirTables } from "./tables.ts";
import { fill, freshTopic } from "./topics.ts";
import { until } from "./until.ts";
import { userRecord } from "./users.ts";
import { startWeir } from "./weir_run.ts";

const topic = "weir_bench_rows";

/** The records that wait at each start, as many as the ready-made schedules make. */
const waiting = 20;

export const start = benchmark({
  name: "start",
  about: "seconds from the start of a process to its first rows in the tables",
  flags: { runs: wholeNumber("how often, for medians", 5) },
  async measure({ runs }, room) {
    // Packages are downloaded, and the code is compiled, before anything is measured.
    await embedded(room);
    const measured = new Runs();
    for (let run = 1; run <= runs; run++) {
      await measured.measure("seconds", async () => ({ ...await embedded(room), ...await real(room) }));
      room.report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
    }
    room.report(`\nseconds to the first rows, medians of ${runs} runs\n${measured.medians()}`);
    return { runs: measured.found };
  },
});

/** `deno task start`, on an empty data directory and again on the same. */
async function embedded({ set }: BenchRoom): Promise<Figures> {
  const folder = await Deno.makeTempDir({ prefix: "weir-bench-" });
  try {
    const settings = { ...set, WEIR_DATA_DIR: `${folder}/data` };
    return {
      "embedded, new": await firstRows("users", settings),
      "embedded, again": await firstRows("users", settings),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The job of the other benchmarks with records that wait, where it has to make its tables, and again. */
async function real(room: BenchRoom): Promise<Figures> {
  const { services } = room;
  await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
  const settings = settingsFor(room, await weirTables(services));
  const afterWaiting = async (from: number) => {
    await fill(services.kafka, topic, [from, from + waiting], userRecord);
    return await firstRows("bench/pipelines/rows.ts", settings);
  };
  return { "real, new": await afterWaiting(0), "real, again": await afterWaiting(waiting) };
}

/** Seconds until every table has rows. */
async function firstRows(pipeline: string, settings: Settings): Promise<number> {
  const started = performance.now();
  await using run = startWeir({ pipeline, settings });
  const tables = ["cassandra", "postgres"];
  await until("there are rows", async () => {
    const { records, sinks } = await run.pipeline();
    return records.in > 0 &&
      sinks.filter(({ kind }) => tables.includes(kind)).every(({ written }) => written > 0);
  }, 10);
  return (performance.now() - started) / 1_000;
}
