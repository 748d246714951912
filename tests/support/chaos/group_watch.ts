import type { Job } from "./job.ts";

/** What a rebalance would change: who is a member of the job's groups, and who owns each partition. */
export interface GroupState {
  /** Of the group that reads the job's topic, and of the one behind its repartition. */
  readonly states: readonly string[];
  readonly members: readonly string[];
  /** By partition of the job's topic: goes up by one with each new owner. */
  readonly epochs: readonly number[];
}

export async function groupState({ kafka, name, byShop, positions }: Job): Promise<GroupState> {
  const { groups } = await kafka.admin.describeGroups([name, `${name}/${byShop}`]);
  return {
    states: groups.map(({ state }) => state),
    members: groups.flatMap(({ members }) => members.map(({ memberId }) => memberId)).sort(),
    epochs: (await positions.read()).map(({ epoch }) => epoch),
  };
}

/** The resident memory of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))!;
  return Number(kilobytes) * 1_024;
}
