import { loadavg } from "node:os";
import { pause } from "./until.ts";

/** How busy the machine was before something was measured. */
export interface Load {
  /** The average of processes that ran or waited over the last minute, what was measured before included. */
  readonly loadAverage: number;
  /** The share of all cores that was busy in the last second, 0 to 100. */
  readonly busyPercent: number;
}

/** What a machine with idle servers stays below. */
const quietPercent = 10;

/**
 * Waits until hardly anything runs: what was measured before, or a server that tidies up, would slow down what comes
 * next. Goes on after `patienceMs` in any case; the load then tells what the figure is worth.
 */
export async function quiet(
  patienceMs: number,
  clock: { times(): CpuTimes; pause(ms: number): Promise<void> } = { times: cpuTimes, pause },
): Promise<Load> {
  for (let waited = 0;; waited += intervalMs) {
    const before = clock.times();
    await clock.pause(intervalMs);
    const busyPercent = busyBetween(before, clock.times()) * 100;
    if (busyPercent < quietPercent || waited + intervalMs >= patienceMs) {
      return { loadAverage: loadavg()[0]!, busyPercent };
    }
  }
}

const intervalMs = 1_000;

/** Time that all cores together have spent since the machine started, in any unit. */
export interface CpuTimes {
  readonly all: number;
  readonly idle: number;
}

function busyBetween(before: CpuTimes, after: CpuTimes): number {
  const all = after.all - before.all;
  return all === 0 ? 0 : 1 - (after.idle - before.idle) / all;
}

function cpuTimes(): CpuTimes {
  return parseCpuTimes(Deno.readTextFileSync("/proc/stat"));
}

/** Reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; what follows is in user. */
export function parseCpuTimes(stat: string): CpuTimes {
  const times = stat.slice(0, stat.indexOf("\n")).trim().split(/ +/).slice(1, 9).map(Number);
  return { all: times.reduce((sum, each) => sum + each, 0), idle: times[3]! + times[4]! };
}
