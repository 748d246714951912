import assert from "node:assert/strict";
import type { Status } from "../../src/status/snapshot.ts";
import { seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { until } from "../support/chaos/until.ts";

const scenario =
  "a process frozen before COMMIT past its session changes nothing when it wakes up, and joins again";

/** The partitions that a process has. */
function owned({ pipelines: [orders] }: Status): number[] | undefined {
  const mine = orders?.partitions.filter(({ worker }) => worker !== null).map(({ partition }) => partition);
  return mine?.length ? mine : undefined;
}

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  await using job = await Job.open({ random: seeded(scenario) });
  job.positions.start();
  await using frozen = job.start({ failpoint: "warehouse.commit.before:20:stop" });
  await frozen.until("it has all partitions", (status) => owned(status)?.length === 4 || undefined);
  const load = new Load(job, 300);
  await until("it stands still", async () => await stateOf(frozen.pid) === "T");
  const before = await job.positions.read();

  await using other = job.start();
  await other.until("it has taken all over", (status) => owned(status)?.length === 4 || undefined);
  await until("it goes on where the frozen one was", async () => {
    const now = await job.positions.read();
    return now.every(({ next, epoch }, i) => next > before[i]!.next && epoch > before[i]!.epoch);
  });

  frozen.signal("SIGCONT");
  await frozen.until(
    "it has partitions again",
    ({ pipelines }) =>
      pipelines[0]?.state === "running" && owned({ pipelines } as Status)?.length === 2 || undefined,
  );
  await other.until("it has the others", (status) => owned(status)?.length === 2 || undefined);
  await load.stop();
  await job.caughtUp();
  const found = await job.check();
  assert.ok(found.good > 0);
  assert.deepEqual([await frozen.stop(), await other.stop()], [0, 0]);
});

/** As ps shows it: T is stopped. */
async function stateOf(pid: number): Promise<string> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0]!;
}
