import assert from "node:assert/strict";
import { liveLine } from "../../src/cli/screen.ts";
import { main } from "../support/weir_command.ts";
import { programEnv } from "../support/weir_process.ts";
import { samplePartition, samplePipeline, sampleStatus } from "../status/sample_status.ts";

const quiet = {
  partitions: [samplePartition()],
  records: { in: 5, out: 5, filtered: 0, deadLettered: 0, late: 0, ahead: 0 },
  rates: { inPerSecond: 20, outPerSecond: 1.25 },
  latencyMs: { p50: 1, p95: 2, p99: 276.4 },
};

Deno.test("the live line has each pipeline's rates, lag and latency", () => {
  const users = samplePipeline(quiet);
  const sales = samplePipeline({
    ...quiet,
    name: "sales",
    partitions: [samplePartition({ lag: 3 }), samplePartition({ lag: 4 })],
    latencyMs: { p50: null, p95: null, p99: null },
  });
  assert.equal(
    liveLine(sampleStatus({ pipelines: [users, sales] })),
    "users  20/s in  1.3/s out  lag 0  p99 276 ms  |  sales  20/s in  1.3/s out  lag 7",
  );
});

Deno.test("dead letters and what is wrong stand behind them, in one line whatever it is", () => {
  const users = samplePipeline({
    ...quiet,
    records: { ...quiet.records, deadLettered: 12 },
    state: "stalled",
    reason: "postgres users: no\n  connection\x1b[2J",
  });
  assert.equal(
    liveLine(sampleStatus({ pipelines: [users] })),
    "users  20/s in  1.3/s out  lag 0  p99 276 ms  dead letters 12  stalled: postgres users: no connection [2J",
  );
});

Deno.test({
  name: "a log of JSON that takes nothing more, as on a full disk, ends nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { code } = await new Deno.Command("sh", {
      args: ["-c", '"$0" run --allow-all "$1" run nowhere > /dev/full', Deno.execPath(), main],
      clearEnv: true,
      env: { ...programEnv(), WEIR_LOG: "json" },
      stderr: "null",
    }).output();
    assert.equal(code, 2);
  },
});
