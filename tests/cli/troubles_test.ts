import assert from "node:assert/strict";
import { Troubles } from "../../src/cli/troubles.ts";
import type { ServiceStatus, Status } from "../../src/status/snapshot.ts";
import { samplePipeline, sampleStatus } from "../status/sample_status.ts";

const stalled = (reason: string) =>
  sampleStatus({ pipelines: [samplePipeline({ state: "stalled", reason })], services: [] });
const running = sampleStatus({ pipelines: [samplePipeline()], services: [] });

/** What is said of statuses that come a second apart. */
function said(...statuses: readonly Status[]): string[] {
  const troubles = new Troubles();
  return statuses.flatMap((status, second) => troubles.look(status, second * 1_000));
}

Deno.test("a pipeline that stalls is told once, with why, and once when it runs again", () => {
  const down = Array.from({ length: 10 }, (_, i) => stalled(`cassandra t: try ${i}`));
  assert.deepEqual(said(running, ...down), ["users: stalled: cassandra t: try 3"]);
  assert.deepEqual(said(running, ...down, running, running, running, running, running), [
    "users: stalled: cassandra t: try 3",
    "users: runs again after 10 s",
  ]);
});

Deno.test("what is over within three seconds is not told, however often it comes", () => {
  const blink = [stalled("joining"), stalled("joining"), stalled("joining"), running];
  assert.deepEqual(said(...blink, ...blink, ...blink), []);
});

Deno.test("one that comes and goes is told once", () => {
  const down = Array.from({ length: 5 }, () => stalled("overloaded"));
  assert.deepEqual(said(...down, running, ...down, running, ...down), ["users: stalled: overloaded"]);
});

Deno.test("one that fails or drains says so elsewhere", () => {
  const ending = sampleStatus({ pipelines: [samplePipeline({ state: "draining" })], services: [] });
  const failed = sampleStatus({
    pipelines: [samplePipeline({ state: "failed", reason: "Offset 5 is gone" })],
    services: [],
  });
  assert.deepEqual(said(running, ending, ending, ending, ending, ending), []);
  assert.deepEqual(said(running, failed, failed, failed, failed, failed), []);
});

Deno.test("a service that is down is told, too, each by itself", () => {
  const service = (state: ServiceStatus["state"], detail: string) =>
    sampleStatus({
      pipelines: [samplePipeline()],
      services: [
        { role: "warehouse", kind: "postgres", state, detail },
        { role: "tables", kind: "embedded", state: "up", detail: "here" },
      ],
    });
  const down = service("down", "connection refused");
  const up = service("up", "fine");
  assert.deepEqual(said(down, down, down, down, down, up, up, up, up), [
    "the warehouse (postgres) is down: connection refused",
    "the warehouse (postgres) is up again after 5 s",
  ]);
});
