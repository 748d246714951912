/** A windowed count by key. */
import { benchmark, type BenchRoom } from "./benchmark.ts";
import { toggle, wholeNumber } from "./flags.ts";
import { measureLimit } from "./limits/limit.ts";
import { ratio } from "./medians.ts";
import { profiled } from "./profile_files.ts";
import { Runs } from "./runs.ts";
import { freshDatabase } from "./services.ts";
import type { Spark } from "./spark/spark.ts";
import { batchOf, measureSpark } from "./spark/spark_run.ts";
import { percent } from "./table.ts";
import { sparkCountTables } from "./tables.ts";
import { fill, freshTopic } from "./topics.ts";
import { keyedUser } from "./users.ts";
import { measureWeir } from "./weir_rates.ts";
import type { KafkaClientName } from "./weir_run.ts";

const topic = "weir_bench_windows";
const clients = ["kafkajs", "platformatic"] as const;

export const windows = benchmark({
  name: "windows",
  about: "a windowed count by key, beside consuming and JSON.parse alone, and Spark",
  flags: {
    records: wholeNumber("how many records, of 430 bytes", 4_000_000),
    keys: wholeNumber("how many keys they have", 1_000),
    runs: wholeNumber("how often, for medians", 5),
    profile: toggle("a run more with each client, with CPU profiles as text"),
    "without-spark": toggle("leaves Spark out"),
  },
  async measure({ records, keys, runs, profile, "without-spark": withoutSpark }, room) {
    const { services, report } = room;
    await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
    await fill(services.kafka, topic, [0, records], (n) => keyedUser(n, keys));
    const spark = withoutSpark ? undefined : await room.spark();
    const measured = new Runs();
    for (let run = 1; run <= runs; run++) {
      for (const client of clients) {
        const args = [services.kafka, topic, `${records}`];
        await measured.measure(`parse, ${client}`, () => measureLimit(`consume_${client}.ts`, args));
        await measured.measure(`weir, ${client}`, () => weir(room, records, client));
      }
      if (spark) await measured.measure("spark", () => sparkCount(room, records, spark));
      report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
    }
    const { found } = measured;
    const ratios = Object.fromEntries(clients.map((client) => [client, {
      toParse: ratio(found[`weir, ${client}`]!, found[`parse, ${client}`]!, "steadyPerSecond"),
      toSpark: ratio(found[`weir, ${client}`]!, found.spark ?? [], "steadyPerSecond"),
    }]));
    report(`\n${records} records of ${keys} keys, counted by minute and key, medians of ${runs} runs`);
    report(measured.medians());
    for (const [client, { toParse, toSpark }] of Object.entries(ratios)) {
      report(
        `weir with ${client}: ${percent(toParse)} of consuming and parsing alone, ${
          percent(toSpark)
        } of spark`,
      );
    }
    const profiles: Record<string, string[]> = {};
    for (const client of profile ? clients : []) {
      profiles[client] = await profiled((folder) => weir(room, records, client, folder));
      report(`\nweir with ${client}\n${profiles[client].join("\n\n")}`);
    }
    return { records, keys, ratios, runs: found, profiles };
  },
});

async function weir(
  room: BenchRoom,
  records: number,
  client: KafkaClientName,
  profileFolder?: string,
) {
  return await measureWeir(room, {
    pipeline: "bench/pipelines/windows.ts",
    databaseUrl: await freshDatabase(room.services.postgres, "weir_bench_weir"),
    client,
    records,
    ...(profileFolder !== undefined && { profileFolder }),
  });
}

async function sparkCount({ services }: BenchRoom, records: number, spark: Spark) {
  const flags = { ...await sparkCountTables(services), topic, batch: batchOf(records) };
  return await measureSpark(spark, { job: "windows.py", flags }, records);
}
