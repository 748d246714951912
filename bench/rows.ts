/**
 * Rows from Kafka into Cassandra and Postgres, beside what writing the same rows directly to both reaches, in turn on the
 * same servers; then the latency at a steady 500 records/s.
 *
 *     deno task bench [--rows 500000] [--runs 3] [--seconds 30]
 *
 * Prints medians, and writes them with all runs to bench/results/rows.json.
 */
import { parseArgs } from "node:util";
import {
  type BenchServices,
  benchServices,
  cassandraClient,
  freshDatabase,
  kafkaClient,
} from "./services.ts";
import { benchUser } from "./users.ts";
import { median, startWeir, until } from "./weir_run.ts";

const topic = "bench_rows";
const partitions = 8;

interface Measured {
  readonly rowsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly peakMemoryMb?: number;
}

export async function fillTopic(kafka: string, rows: number): Promise<void> {
  const client = await kafkaClient(kafka);
  const admin = client.admin();
  await admin.connect();
  if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
  await until(async () => !(await admin.listTopics()).includes(topic));
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  const producer = client.producer();
  await producer.connect();
  for (let at = 0; at < rows; at += 2_000) {
    const messages = Array.from({ length: Math.min(2_000, rows - at) }, (_, i) => {
      const user = benchUser(at + i);
      return { key: user.id!, value: JSON.stringify(user) };
    });
    await producer.send({ topic, messages, acks: -1 });
  }
  await producer.disconnect();
}

async function measureRaw({ cassandra, postgres }: BenchServices, rows: number): Promise<Measured> {
  const script = new URL("./raw_writers.ts", import.meta.url).pathname;
  const url = await freshDatabase(postgres, "weir_bench_raw");
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", script, `${rows}`, cassandra, url],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("the raw writers failed");
  const { seconds, cpuSeconds } = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  return { rowsPerSecond: rows / seconds, cpuSecondsPerMillion: cpuSeconds / rows * 1e6 };
}

async function measureWeir(services: BenchServices, rows: number): Promise<Measured> {
  await dropTable(services);
  const url = await freshDatabase(services.postgres, "weir_bench");
  await using run = await startWeir("bench/rows_pipeline.ts", services, url);
  const counted = async () => (await run.status()).pipelines[0]!.records.in;
  await until(async () => await counted() > 0, 20);
  const [first, start, cpuBefore] = [await counted(), performance.now(), await run.cpuSeconds()];
  await until(async () => await counted() >= rows);
  const seconds = (performance.now() - start) / 1_000;
  const cpu = await run.cpuSeconds() - cpuBefore;
  return {
    rowsPerSecond: (rows - first) / seconds,
    cpuSecondsPerMillion: cpu / (rows - first) * 1e6,
    peakMemoryMb: await run.peakMemoryMb(),
  };
}

async function measureLatency(services: BenchServices, perSecond: number, seconds: number) {
  await dropTable(services);
  await fillTopic(services.kafka, 0);
  const url = await freshDatabase(services.postgres, "weir_bench");
  await using run = await startWeir("bench/rows_pipeline.ts", services, url);
  await using feeder = startFeeder(services.kafka, perSecond);
  // The first seconds warm up; the status covers about the last minute, so the start is left out by a second look.
  await new Promise((resolve) => setTimeout(resolve, 70_000));
  const before = await run.cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const cores = (await run.cpuSeconds() - before) / seconds;
  const { latencyMs, records } = (await run.status()).pipelines[0]!;
  void feeder;
  return { perSecond, ...latencyMs, cores, records: records.in };
}

/** Feeds the topic from a process of its own, so that its work is not counted as Weir's. */
function startFeeder(kafka: string, perSecond: number): AsyncDisposable {
  const script = new URL("./feed.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", script, kafka, topic, `${perSecond}`],
    stderr: "inherit",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function dropTable({ cassandra }: BenchServices): Promise<void> {
  const client = await cassandraClient(cassandra);
  await client.execute("drop table if exists weir_bench.users");
  await client.shutdown();
}

function medians(runs: readonly Measured[]) {
  return {
    rowsPerSecond: Math.round(median(runs.map((run) => run.rowsPerSecond))),
    cpuSecondsPerMillion: Number(median(runs.map((run) => run.cpuSecondsPerMillion)).toFixed(1)),
    peakMemoryMb: Math.round(median(runs.map((run) => run.peakMemoryMb ?? NaN))),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "500000" },
      runs: { type: "string", default: "3" },
      seconds: { type: "string", default: "30" },
    },
  });
  const rows = Number(values.rows);
  const services = await benchServices();
  try {
    await fillTopic(services.kafka, rows);
    const raw: Measured[] = [];
    const weir: Measured[] = [];
    for (let run = 0; run < Number(values.runs); run++) {
      raw.push(await measureRaw(services, rows));
      weir.push(await measureWeir(services, rows));
      console.log(`run ${run + 1}: raw ${JSON.stringify(raw.at(-1))}, weir ${JSON.stringify(weir.at(-1))}`);
    }
    const ratio = median(weir.map((run, i) => run.rowsPerSecond / raw[i]!.rowsPerSecond));
    console.log(`\n${rows} rows into Cassandra and Postgres, medians of ${values.runs} runs`);
    console.table({ "raw writers": medians(raw), weir: medians(weir) });
    console.log(`weir / raw writers: ${(ratio * 100).toFixed(0)}%`);
    const latency = Number(values.seconds) > 0
      ? await measureLatency(services, 500, Number(values.seconds))
      : undefined;
    if (latency) console.table({ "latency, ms": latency });
    const results = new URL("./results/", import.meta.url);
    await Deno.mkdir(results, { recursive: true });
    await Deno.writeTextFile(
      new URL("rows.json", results),
      JSON.stringify({ rows, ratio, raw, weir, latency }, null, 2),
    );
  } finally {
    await services.stop();
  }
}
