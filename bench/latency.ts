/** Latency at steady rates. */
import { benchmark, type BenchRoom } from "./benchmark.ts";
import { startFeeder } from "./feeder.ts";
import { oneOf, toggle, wholeNumber, wholeNumbers } from "./flags.ts";
import { percentile } from "./medians.ts";
import { Runs } from "./runs.ts";
import { settingsFor } from "./services.ts";
import type { Spark } from "./spark/spark.ts";
import { startSpark } from "./spark/spark_run.ts";
import { sparkRowTables, weirTables } from "./tables.ts";
import { freshTopic } from "./topics.ts";
import { pause, until } from "./until.ts";
import { type KafkaClientName, startWeir } from "./weir_run.ts";

const topic = "weir_bench_rows";

/** The status tells of the last 60 to 70 seconds, so this much after the warm-up holds nothing of it. */
const statusSeconds = 70;

interface Interval {
  readonly perSecond: number;
  readonly warmup: number;
  readonly seconds: number;
}

export const latency = benchmark({
  name: "latency",
  about: "from a record's timestamp to the commit of its rows in both tables, at steady rates",
  flags: {
    rates: wholeNumbers("records a second", [500, 5_000]),
    runs: wholeNumber("how often, for medians", 3),
    warmup: wholeNumber("seconds that are not measured, at the start of each run", 30),
    seconds: wholeNumber("seconds that are measured", statusSeconds, statusSeconds),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
    "without-spark": toggle("leaves Spark out"),
  },
  async measure({ rates, runs, warmup, seconds, client, "without-spark": withoutSpark }, room) {
    const spark = withoutSpark ? undefined : await room.spark();
    const measured = new Runs();
    for (let run = 1; run <= runs; run++) {
      for (const perSecond of rates) {
        const interval = { perSecond, warmup, seconds };
        await measured.measure(`weir at ${perSecond}/s`, () => weir(room, interval, client));
        if (spark) {
          await measured.measure(`spark at ${perSecond}/s`, () => sparkLatency(room, interval, spark));
        }
      }
      room.report(`\nrun ${run} of ${runs}\n${measured.latest()}`);
    }
    room.report(`\nlatency over ${seconds} s after ${warmup} s of warm-up, medians of ${runs} runs`);
    room.report(measured.medians());
    return { rates, warmup, seconds, client, runs: measured.found };
  },
});

async function weir(
  room: BenchRoom,
  { perSecond, warmup, seconds }: Interval,
  client: KafkaClientName,
) {
  const { services } = room;
  await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
  const settings = { ...settingsFor(room, await weirTables(services)), KAFKA_CLIENT: client };
  await using run = startWeir({ pipeline: "bench/pipelines/rows.ts", settings });
  await run.running();
  await using _feeder = startFeeder(services, topic, perSecond);
  await until("records come through", async () => await run.committed() > 0);
  await pause(warmup * 1_000);
  const [before, cpuBefore, from] = [await run.committed(), run.cpuSeconds(), performance.now()];
  await pause(seconds * 1_000);
  const elapsed = (performance.now() - from) / 1_000;
  const cores = (run.cpuSeconds() - cpuBefore) / elapsed;
  const { latencyMs: { p50, p95, p99 }, records } = await run.pipeline();
  return {
    p50: p50 ?? NaN,
    p95: p95 ?? NaN,
    p99: p99 ?? NaN,
    cores,
    recordsPerSecond: (records.in - before) / elapsed,
    peakMemoryMb: run.memoryMb("peak"),
  };
}

async function sparkLatency({ services }: BenchRoom, { perSecond, warmup, seconds }: Interval, spark: Spark) {
  await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
  const flags = { ...await sparkRowTables(services), topic, batch: "1000000", latencies: "yes" };
  await using run = await startSpark(spark, { job: "rows.py", flags });
  await using _feeder = startFeeder(services, topic, perSecond);
  const latencies: number[] = [];
  let first: number | undefined;
  let measured: { readonly from: number; readonly cpu: number } | undefined;
  let elapsed = 0;
  for await (const batch of run.batches) {
    const now = performance.now();
    first ??= now;
    if (now - first < warmup * 1_000) continue;
    if (!measured) {
      // This batch began before the interval that it opens.
      measured = { from: now, cpu: run.cpuSeconds() };
      continue;
    }
    for (const each of batch.latencies ?? []) latencies.push(each);
    elapsed = (now - measured.from) / 1_000;
    if (elapsed >= seconds) break;
  }
  return {
    p50: percentile(latencies, 50),
    p95: percentile(latencies, 95),
    p99: percentile(latencies, 99),
    cores: (run.cpuSeconds() - measured!.cpu) / elapsed,
    recordsPerSecond: latencies.length / elapsed,
    peakMemoryMb: run.memoryMb("peak"),
  };
}
