import type { BenchRoom } from "./benchmark.ts";
import type { Settings } from "./environment.ts";
import { settingsFor } from "./services.ts";
import { type KafkaClientName, startWeir, type WeirRun } from "./weir_run.ts";
import { pause, until } from "./until.ts";

/** What a process that empties a topic took. */
export interface WeirFigures {
  /** From the start of the process to the last commit. */
  readonly overallPerSecond: number;
  /** From the first commit that was seen to the last. */
  readonly steadyPerSecond: number;
  /** From the first commit that was seen to the last. */
  readonly cpuSecondsPerMillion: number;
  /** From the start of the process to the last commit. */
  readonly cpuSecondsInAll: number;
  readonly peakMemoryMb: number;
}

export interface WeirJob {
  /** The path of a pipeline's module from the checkout's folder. */
  readonly pipeline: string;
  /** An empty database: the position is in it, so the topic is read from its start. */
  readonly databaseUrl: string;
  readonly client: KafkaClientName;
  readonly records: number;
  /** What differs from the defaults beside the room's own. */
  readonly settings?: Settings;
  /** How many processes share the topic. Default: 1. */
  readonly processes?: number;
  readonly profileFolder?: string;
}

/** Runs a pipeline until so many records are in the warehouse. */
export async function measureWeir(room: BenchRoom, job: WeirJob): Promise<WeirFigures> {
  const { pipeline, databaseUrl, client, records, settings, processes = 1, profileFolder } = job;
  const start = performance.now();
  await using stack = new AsyncDisposableStack();
  const runs: WeirRun[] = Array.from({ length: processes }, () =>
    stack.use(startWeir({
      pipeline,
      settings: { ...settingsFor(room, databaseUrl), KAFKA_CLIENT: client, ...settings },
      ...(profileFolder !== undefined && { profileFolder }),
    })));
  await Promise.all(runs.map((run) => run.running()));
  const sum = (figures: readonly number[]) => figures.reduce((total, each) => total + each, 0);
  const committed = async () => await Promise.all(runs.map((run) => run.committed()));
  const cpu = () => sum(runs.map((run) => run.cpuSeconds()));

  let first = 0;
  await until("each process commits", async () => {
    const counts = await committed();
    first = sum(counts);
    return counts.every((count) => count > 0) || first >= records;
  }, 10);
  const [firstAt, firstCpu] = [performance.now(), cpu()];
  while (sum(await committed()) < records) {
    // Often enough for one percent, and no oftener: an answer is work for Weir.
    await pause(Math.min(100, Math.max(10, (performance.now() - firstAt) / 100)));
  }
  const end = performance.now();
  const rest = records - first;
  return {
    overallPerSecond: records / (end - start) * 1_000,
    steadyPerSecond: rest > 0 ? rest / (end - firstAt) * 1_000 : NaN,
    cpuSecondsPerMillion: rest > 0 ? (cpu() - firstCpu) / rest * 1e6 : NaN,
    cpuSecondsInAll: cpu(),
    peakMemoryMb: sum(runs.map((run) => run.memoryMb("peak"))),
  };
}
