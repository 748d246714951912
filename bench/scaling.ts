/** More workers, more processes. */
import { benchmark } from "./benchmark.ts";
import { oneOf, wholeNumber, wholeNumbers } from "./flags.ts";
import { Runs } from "./runs.ts";
import { freshDatabase } from "./services.ts";
import { fill, freshTopic } from "./topics.ts";
import { keyedUser } from "./users.ts";
import { measureWeir } from "./weir_rates.ts";

const topic = "weir_bench_windows";

export const scaling = benchmark({
  name: "scaling",
  about: "the windowed count with more workers, and with more processes of one worker each",
  flags: {
    records: wholeNumber("how many records", 1_000_000),
    workers: wholeNumbers("numbers of workers in one process", [1, 2]),
    processes: wholeNumbers("numbers of processes", [1, 2]),
    runs: wholeNumber("how often, for medians", 3),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
  },
  async measure({ records, workers, processes, runs, client }, room) {
    const { services, report } = room;
    await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
    await fill(services.kafka, topic, [0, records], (n) => keyedUser(n, 1_000));
    const sizes = [
      ...workers.map((each) => ({ name: `${each} workers`, workers: each, processes: 1 })),
      // One process of one worker is among the former.
      ...processes.filter((each) => each > 1).map((each) => ({
        name: `${each} processes`,
        workers: 1,
        processes: each,
      })),
    ];
    const measured = new Runs();
    for (let run = 1; run <= runs; run++) {
      for (const size of sizes) {
        await measured.measure(size.name, async () =>
          await measureWeir(room, {
            pipeline: "bench/pipelines/windows.ts",
            databaseUrl: await freshDatabase(services.postgres, "weir_bench_weir"),
            client,
            records,
            settings: { WEIR_WORKERS: `${size.workers}` },
            processes: size.processes,
          }));
      }
      report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
    }
    report(`\n${records} records, medians of ${runs} runs\n${measured.medians()}`);
    return { records, client, runs: measured.found };
  },
});
