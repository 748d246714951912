import { Course } from "../course.ts";
import { cleanEnvironment } from "../environment.ts";
import { cpuSeconds, memoryMb, tree } from "../process_use.ts";
import type { Spark } from "./spark.ts";

/** What a job prints after each micro-batch. */
export interface SparkBatch {
  readonly rows: number;
  /** How long each row took from its record's timestamp to the end of the batch, in ms; if the job was asked to. */
  readonly latencies?: readonly number[];
}

export interface SparkOptions {
  /** A file of this folder. */
  readonly job: "rows.py" | "windows.py";
  /** The job's flags by name. */
  readonly flags: Readonly<Record<string, string>>;
}

/** A Spark driver that runs a job in local mode, with two threads. Disposing of it ends it. */
export interface SparkRun extends AsyncDisposable {
  /** The batches as they end. */
  readonly batches: AsyncIterable<SparkBatch>;
  /** Of Python and of the JVM below it. */
  cpuSeconds(): number;
  memoryMb(which: "now" | "peak"): number;
}

export async function startSpark(spark: Spark, { job, flags }: SparkOptions): Promise<SparkRun> {
  const files = [...Deno.readDirSync(spark.jars)].map(({ name }) => `${spark.jars}/${name}`);
  const folder = await Deno.makeTempDir({ prefix: "weir-spark-" });
  const child = new Deno.Command(spark.python, {
    args: [
      new URL(job, import.meta.url).pathname,
      ...Object.entries({ ...flags, checkpoint: `${folder}/checkpoint` }).flatMap((
        [name, value],
      ) => [`--${name}`, value]),
    ],
    ...cleanEnvironment({
      PYSPARK_SUBMIT_ARGS: `--master local[2] --driver-memory 2g --jars ${files.join(",")} pyspark-shell`,
      SPARK_LOCAL_IP: "127.0.0.1",
      SPARK_LOCAL_DIRS: folder,
    }),
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const log = new Response(child.stderr).text();
  return {
    batches: batchesOf(child, log),
    cpuSeconds: () => cpuSeconds(tree(child.pid)),
    memoryMb: (which) => memoryMb(tree(child.pid), which),
    async [Symbol.asyncDispose]() {
      // The JVM outlives Python by some seconds, if one lets it.
      for (const pid of tree(child.pid)) killIfThere(pid);
      await child.status;
      await log;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/**
 * The lines of a job that are batches. Throws with the end of its log when it ends by itself; one that gives nothing
 * for too long is ended.
 */
async function* batchesOf(child: Deno.ChildProcess, log: Promise<string>): AsyncGenerator<SparkBatch> {
  const giveUp = () => tree(child.pid).forEach(killIfThere);
  let alarm = setTimeout(giveUp, patienceMs);
  try {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      clearTimeout(alarm);
      alarm = setTimeout(giveUp, patienceMs);
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line.startsWith("{")) yield JSON.parse(line);
    }
    const { code } = await child.status;
    throw new Error(`Spark's job ended with code ${code}: ${(await log).slice(-3_000)}`);
  } finally {
    clearTimeout(alarm);
  }
}

/** Ten times what a micro-batch takes on a slow machine. */
const patienceMs = 300_000;

function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What a job that empties a topic took. */
export interface SparkFigures {
  /** From the start of the process to the end of the last batch. */
  readonly overallPerSecond: number;
  /** From the end of a batch to that of a later one; see {@linkcode Course.steady}. */
  readonly steadyPerSecond: number;
  /** Over the same batches. */
  readonly cpuSecondsPerMillion: number;
  /** How long they took. */
  readonly steadySeconds: number;
  readonly peakMemoryMb: number;
}

/**
 * Records in a micro-batch: a fifth, but at least 100,000. In one run each, rows went through at 10,000/s in a second
 * batch of 100,000, and at 6,200/s in batches of 50,000. A little more, since Spark rounds down for each partition, and
 * would leave a last batch of a few records.
 */
export function batchOf(records: number): string {
  return `${Math.max(100_000, Math.ceil(records / 5)) + 1_000}`;
}

/** Runs a job until so many rows are through. */
export async function measureSpark(spark: Spark, options: SparkOptions, rows: number): Promise<SparkFigures> {
  const start = performance.now();
  await using run = await startSpark(spark, options);
  const course = new Course(rows);
  let done = 0;
  for await (const batch of run.batches) {
    done += batch.rows;
    course.look(done, () => ({ at: performance.now() / 1_000, cpuSeconds: run.cpuSeconds() }));
    if (done >= rows) break;
  }
  const end = performance.now();
  const { perSecond, cpuSecondsPerMillion, seconds } = course.steady();
  return {
    overallPerSecond: done / (end - start) * 1_000,
    steadyPerSecond: perSecond,
    cpuSecondsPerMillion,
    steadySeconds: seconds,
    peakMemoryMb: run.memoryMb("peak"),
  };
}
