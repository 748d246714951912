import type { BenchRoom } from "./benchmark.ts";
import { Course } from "./course.ts";
import type { Settings } from "./environment.ts";
import { settingsFor } from "./services.ts";
import { Hopeless, pause, until } from "./until.ts";
import { type KafkaClientName, startWeir, type WeirRun } from "./weir_run.ts";

/** What a process that reads a topic to its end took. */
export interface WeirFigures {
  /** Over the middle of the run; see {@linkcode Course.steady}. */
  readonly steadyPerSecond: number;
  /** Over the same. */
  readonly cpuSecondsPerMillion: number;
  /** How long the middle was. */
  readonly steadySeconds: number;
  /** From the start of the process to the last commit. */
  readonly overallPerSecond: number;
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

/** A run from the start of the process to the commit of the last record. */
export interface WeirCourse {
  readonly course: Course;
  readonly overallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMemoryMb: number;
  /** Rows that went to its sinks. */
  readonly written: number;
}

/** Runs a pipeline until so many records are in the warehouse, and gives what a record took. */
export async function measureWeir(room: BenchRoom, job: WeirJob): Promise<WeirFigures> {
  return figuresOf(await runWeir(room, job));
}

export function figuresOf({ course, overallSeconds, cpuSeconds, peakMemoryMb }: WeirCourse): WeirFigures {
  const { perSecond, cpuSecondsPerMillion, seconds } = course.steady();
  return {
    steadyPerSecond: perSecond,
    cpuSecondsPerMillion,
    steadySeconds: seconds,
    overallPerSecond: course.done / overallSeconds,
    cpuSecondsInAll: cpuSeconds,
    peakMemoryMb,
  };
}

/** Runs a pipeline until so many records are in the warehouse. */
export async function runWeir(room: BenchRoom, job: WeirJob): Promise<WeirCourse> {
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
  const committed = async () => await Promise.all(runs.map((run) => run.committed()));
  const memory = () => sum(runs.map((run) => run.memoryMb("peak")));
  const cpu = () => sum(runs.map((run) => run.cpuSeconds()));

  const course = new Course(records);
  const look = (counts: readonly number[]) =>
    course.look(sum(counts), () => ({
      at: performance.now() / 1_000,
      cpuSeconds: cpu(),
      peakMemoryMb: memory(),
    }));
  await until("each process commits", async () => {
    const counts = await committed();
    // What one does before all take part belongs to the start.
    if (!counts.every((count) => count > 0) && sum(counts) < records) return false;
    look(counts);
    return true;
  }, 10);
  const firstAt = performance.now();
  let progress = firstAt;
  while (course.done < records) {
    const now = performance.now();
    // Often enough for one percent, and no oftener: an answer is work for Weir.
    await pause(Math.min(100, Math.max(10, (now - firstAt) / 100)));
    const before = course.done;
    look(await committed());
    if (course.done > before) progress = now;
    else if (now - progress > patienceMs) {
      const { state, reason } = await runs[0]!.pipeline();
      throw new Hopeless(
        `Weir is ${state}${reason ? `, ${reason}` : ""}, and has committed nothing for ${
          patienceMs / 1_000
        } s after ${course.done} of ${records} records`,
      );
    }
  }
  const overallSeconds = (performance.now() - start) / 1_000;
  const statuses = await Promise.all(runs.map((run) => run.pipeline()));
  return {
    course,
    overallSeconds,
    cpuSeconds: cpu(),
    peakMemoryMb: memory(),
    written: sum(statuses.flatMap(({ sinks }) => sinks.map(({ written }) => written))),
  };
}

/** A run that does nothing for so long will not end. */
const patienceMs = 120_000;

function sum(figures: readonly number[]): number {
  return figures.reduce((total, each) => total + each, 0);
}
