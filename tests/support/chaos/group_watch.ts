import type { Job } from "./job.ts";

/** What a rebalance would change: who is a member of the job's group, and who owns each partition. */
export interface GroupState {
  readonly state: string;
  readonly members: readonly string[];
  /** By partition: goes up by one with each new owner. */
  readonly epochs: readonly number[];
}

export async function groupState({ kafka, name, positions }: Job): Promise<GroupState> {
  const { groups: [group] } = await kafka.admin.describeGroups([name]);
  return {
    state: group!.state,
    members: group!.members.map(({ memberId }) => memberId).sort(),
    epochs: (await positions.read()).map(({ epoch }) => epoch),
  };
}

/** The resident memory of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))!;
  return Number(kilobytes) * 1_024;
}
