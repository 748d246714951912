/** What processes use, as Linux tells it in /proc. A process that has ended uses nothing. */

/** Linux counts CPU time in hundredths of a second, whatever its clock does. */
const ticksPerSecond = 100;

/** User and system time of processes and of those that they had started and waited for, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const each of pids) {
    const fields = stat(each);
    // utime, stime, and cutime, cstime for children that have ended and were waited for.
    if (fields) { for (const field of [11, 12, 13, 14]) ticks += Number(fields[field]); }
  }
  return ticks / ticksPerSecond;
}

/** Memory that processes hold, in MB: now, or the sum of the most that each has held. */
export function memoryMb(pids: readonly number[], which: "now" | "peak"): number {
  const line = which === "now" ? /^VmRSS:\s+(\d+) kB/m : /^VmHWM:\s+(\d+) kB/m;
  return pids.reduce((sum, each) => sum + Number(line.exec(read(`/proc/${each}/status`))?.[1] ?? 0), 0) /
    1024;
}

/** A process and all below it. Looks at every process there is, which takes milliseconds. */
export function tree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? Number(stat(Number(name))?.[1]) : NaN;
    if (!Number.isNaN(parent)) children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  const below = (each: number): number[] => [each, ...(children.get(each) ?? []).flatMap(below)];
  return below(pid);
}

/** The fields of /proc/PID/stat after the name, which may hold blanks: state, parent, ... */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // It has ended meanwhile.
    return "";
  }
}
