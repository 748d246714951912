/** Rows from Kafka into Cassandra and Postgres. */
import { benchmark, type BenchRoom } from "./benchmark.ts";
import { oneOf, toggle, wholeNumber } from "./flags.ts";
import { measureLimit } from "./limits/limit.ts";
import { type Figures, ratio } from "./medians.ts";
import { profiled } from "./profile_files.ts";
import { Runs } from "./runs.ts";
import type { Spark } from "./spark/spark.ts";
import { batchOf, measureSpark } from "./spark/spark_run.ts";
import { percent } from "./table.ts";
import { rawTables, sparkRowTables, weirTables } from "./tables.ts";
import { fill, freshTopic } from "./topics.ts";
import { userRecord } from "./users.ts";
import { measureWeir } from "./weir_rates.ts";
import type { KafkaClientName } from "./weir_run.ts";

const topic = "weir_bench_rows";

export const rows = benchmark({
  name: "rows",
  about: "rows from Kafka into Cassandra and Postgres, beside writing them directly, and Spark",
  flags: {
    rows: wholeNumber("how many rows; Spark has a steady rate from 300,000 on", 500_000),
    runs: wholeNumber("how often, for medians", 5),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
    profile: toggle("a run more, with CPU profiles as text"),
    "without-spark": toggle("leaves Spark out"),
  },
  async measure({ rows, runs, client, profile, "without-spark": withoutSpark }, room) {
    const { services, report } = room;
    await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
    await fill(services.kafka, topic, [0, rows], userRecord);
    const spark = withoutSpark ? undefined : await room.spark();
    const measured = new Runs();
    for (let run = 1; run <= runs; run++) {
      await measured.measure("raw writers", () => rawWriters(room, rows));
      await measured.measure("weir", () => weir(room, rows, client));
      if (spark) await measured.measure("spark", () => sparkRows(room, rows, spark));
      report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
    }
    const { found } = measured;
    const toRaw = ratio(found.weir!, found["raw writers"]!, "steadyPerSecond");
    const toSpark = ratio(found.weir!, found.spark ?? [], "steadyPerSecond");
    report(`\n${rows} rows into Cassandra and Postgres, medians of ${runs} runs\n${measured.medians()}`);
    report(`weir to raw writers: ${percent(toRaw)}; weir to spark: ${percent(toSpark)}`);
    report("Redpanda Connect is not measured: this command cannot install it");
    const profiles = profile ? await profiled((folder) => weir(room, rows, client, folder)) : undefined;
    if (profiles) report(`\n${profiles.join("\n\n")}`);
    return { rows, client, toRaw, toSpark, runs: found, profiles };
  },
});

async function rawWriters({ services }: BenchRoom, rows: number): Promise<Figures> {
  return await measureLimit("raw_writers.ts", [`${rows}`, services.cassandra, await rawTables(services)]);
}

async function weir(room: BenchRoom, rows: number, client: KafkaClientName, profileFolder?: string) {
  return await measureWeir(room, {
    pipeline: "bench/pipelines/rows.ts",
    databaseUrl: await weirTables(room.services),
    client,
    records: rows,
    ...(profileFolder !== undefined && { profileFolder }),
  });
}

async function sparkRows({ services }: BenchRoom, rows: number, spark: Spark) {
  const flags = { ...await sparkRowTables(services), topic, batch: batchOf(rows) };
  return await measureSpark(spark, { job: "rows.py", flags }, rows);
}
