import assert from "node:assert/strict";
import { serveStatus } from "../../src/status/server.ts";
import type { Status } from "../../src/status/snapshot.ts";
import { samplePipeline, sampleStatus } from "../status/sample_status.ts";
import { freePort } from "../support/services/ports.ts";
import { type Ended, weir } from "../support/weir_command.ts";

/** What `weir status` says of a process that is like this. */
async function statusOf(status: Status, ...flags: readonly string[]): Promise<Ended> {
  const server = await serveStatus({ host: "127.0.0.1", port: 0, status: () => status, report: assert.fail });
  try {
    return await weir(["status", ...flags], { STATUS_PORT: `${server.address.port}` });
  } finally {
    await server.close();
  }
}

Deno.test("a process that is well is shown, with exit code 0", async () => {
  const { code, output } = await statusOf(sampleStatus());
  assert.equal(code, 0, output);
  assert.match(output, /^weir 0\.1\.0 at http:\/\/127\.0\.0\.1:\d+ since 2026-03-01T11:00:00\.000Z\n/);
  const lines = output.trimEnd().split("\n").slice(1);
  assert.deepEqual(lines, [
    "  pipeline   users  running  in 2410  out 2400  filtered 7  dead letters 3  lag 67  p99 17 ms",
    "  log        up  3 brokers at a:9092",
    "  tables     up  Cassandra 5.0 at b:9042",
    "  warehouse  up  PostgreSQL 17 at c:5432",
    "  schedule   users  * * * * *  runs 60  failures 1",
  ]);
});

Deno.test("one that is not says why, with exit code 1", async () => {
  const { code, output } = await statusOf(
    sampleStatus({ pipelines: [samplePipeline({ state: "stalled", reason: "cassandra t: timed out" })] }),
  );
  assert.equal(code, 1, output);
  assert.match(output, /\nPipeline users is stalled: cassandra t: timed out\n$/);
});

Deno.test("--json is what /status answers", async () => {
  const { code, output } = await statusOf(sampleStatus(), "--json");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(output), sampleStatus());
});

Deno.test("nobody there, or somebody else, is exit code 1 and says what to set", async () => {
  const nobody = await weir(["status", "--status-port", `${freePort()}`]);
  assert.equal(nobody.code, 1);
  assert.match(
    nobody.output,
    /^weir: No Weir answers at http:\/\/127\.0\.0\.1:\d+: .*; start one, or set STATUS_HOST/,
  );
  for (const body of ["<html>", '{"status":"UP"}', "null"]) {
    await using other = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(body),
    );
    const ended = await weir(["status", "--status-port", `${other.addr.port}`]);
    assert.equal(ended.code, 1, ended.output);
    assert.match(ended.output, /^weir: (No Weir answers at|What answers at) .*STATUS_PORT\n$/);
  }
});
