import assert from "node:assert/strict";
import { cpuSeconds, memoryMb, tree } from "../../bench/process_use.ts";

/** Runs something beside a process that waits until it is told to end. */
async function beside(look: (pid: number) => void): Promise<number> {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  try {
    look(child.pid);
  } finally {
    await child.stdin.close();
    await child.status;
  }
  return child.pid;
}

Deno.test("a process's tree is itself and all below it", async () => {
  await beside((pid) => {
    const below = tree(Deno.pid);
    assert.equal(below[0], Deno.pid);
    assert.ok(below.includes(pid));
    assert.deepEqual(tree(pid), [pid]);
  });
});

Deno.test("memory is added up over processes, and at its peak is no less than now", async () => {
  await beside((pid) => {
    const [own, both] = [memoryMb([Deno.pid], "peak"), memoryMb([Deno.pid, pid], "peak")];
    assert.ok(own > 1, `${own}`);
    assert.ok(both > own, `${both}`);
    assert.ok(memoryMb([pid], "now") <= memoryMb([pid], "peak"));
  });
});

Deno.test("a process that has ended uses nothing", async () => {
  const gone = await beside(() => {});
  assert.equal(cpuSeconds([gone]), 0);
  assert.equal(memoryMb([gone], "peak"), 0);
  assert.ok(cpuSeconds([Deno.pid, gone]) > 0);
});
