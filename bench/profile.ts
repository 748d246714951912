/** A CPU profile as V8 writes it: what was on top of the stack, sample by sample. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** The id of a node for each sample. */
  readonly samples: readonly number[];
  /** How long after the sample before it each was taken. */
  readonly timeDeltas: readonly number[];
}

/** Where a thread's time went. Shares are of the time that it was busy, 0 to 1, except `idle`, which is of all. */
export interface ProfileSummary {
  readonly seconds: number;
  readonly busySeconds: number;
  readonly idle: number;
  readonly garbageCollection: number;
  /** Native code that no function stands for, most of it in the runtime and the kernel. */
  readonly native: number;
  /** By self time, the longest first. */
  readonly functions: readonly SelfTime[];
  readonly files: readonly SelfTime[];
}

export interface SelfTime {
  readonly name: string;
  readonly share: number;
}

/** The names that V8 gives what is no function. */
const special = { garbageCollection: "(garbage collector)", native: "(program)" };

/** What waits: V8's own names, and Deno's for a new worker that waits until the profiler is there. */
const waiting = ["(idle)", "(root)", "op_worker_maybe_wait_for_debugger"];

/** Sums up a profile. `root` is the folder whose files are named from it. */
export function summarize({ nodes, samples, timeDeltas }: CpuProfile, root: string): ProfileSummary {
  const selfTimes = new Map<number, number>();
  let total = 0;
  samples.forEach((id, i) => {
    // A clock that steps back must not take time from others.
    const time = Math.max(0, timeDeltas[i] ?? 0);
    selfTimes.set(id, (selfTimes.get(id) ?? 0) + time);
    total += time;
  });
  let idleTime = 0;
  const kinds = new Map<string, number>();
  const functions = new Map<string, number>();
  const files = new Map<string, number>();
  const add = (to: Map<string, number>, name: string, time: number) =>
    to.set(name, (to.get(name) ?? 0) + time);
  for (const { id, callFrame: { functionName, url, lineNumber } } of nodes) {
    const time = selfTimes.get(id) ?? 0;
    if (time === 0) continue;
    if (waiting.includes(functionName)) {
      idleTime += time;
      continue;
    }
    if (Object.values(special).includes(functionName)) {
      add(kinds, functionName, time);
      continue;
    }
    const file = url === "" ? "(built in)" : fileName(url, root);
    add(functions, `${functionName || "(anonymous)"} ${file}${url === "" ? "" : `:${lineNumber + 1}`}`, time);
    add(files, file, time);
  }
  const busy = total - idleTime;
  const shareOfBusy = (time: number) => busy === 0 ? 0 : time / busy;
  const sorted = (times: Map<string, number>): SelfTime[] =>
    [...times].map(([name, time]) => ({ name, share: shareOfBusy(time) })).sort((a, b) => b.share - a.share);
  return {
    seconds: total / 1e6,
    busySeconds: busy / 1e6,
    idle: total === 0 ? 0 : idleTime / total,
    garbageCollection: shareOfBusy(kinds.get(special.garbageCollection) ?? 0),
    native: shareOfBusy(kinds.get(special.native) ?? 0),
    functions: sorted(functions),
    files: sorted(files),
  };
}

/** A summary as text, with the longest functions and files. */
export function profileText(thread: string, summary: ProfileSummary, longest = 25): string {
  const share = (of: number) => `${(of * 100).toFixed(1)}%`;
  const list = (times: readonly SelfTime[]) =>
    times.slice(0, longest).map((each) => `  ${share(each.share).padStart(6)}  ${each.name}`);
  return [
    `${thread}: busy ${summary.busySeconds.toFixed(1)} s of ${summary.seconds.toFixed(1)} s, idle ${
      share(summary.idle)
    }; of the busy time garbage collection ${share(summary.garbageCollection)}, native code ${
      share(summary.native)
    }`,
    "self time by function",
    ...list(summary.functions),
    "self time by file",
    ...list(summary.files),
  ].join("\n");
}

/** `src/x.ts` in the checkout, `kafkajs/2.2.4/src/x.js` in a package; anything else as it is. */
function fileName(url: string, root: string): string {
  const path = url.startsWith("file://") ? decodeURIComponent(url.slice("file://".length)) : url;
  if (path.startsWith(root)) return path.slice(root.length);
  return /\/(?:npm\/[^/]+|node_modules)\/((?!.*\/node_modules\/).+)$/.exec(path)?.[1] ?? path;
}
