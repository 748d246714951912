import assert from "node:assert/strict";
import { readiness } from "../../src/status/readiness.ts";
import { emptyStatus, samplePipeline, sampleStatus } from "./sample_status.ts";

Deno.test("a process whose pipelines run and whose services are up is ready", () => {
  assert.deepEqual(readiness(sampleStatus()), { ready: true, reasons: [] });
});

Deno.test("a process without pipelines is not ready", () => {
  assert.deepEqual(readiness(emptyStatus()), { ready: false, reasons: ["No pipeline has started yet"] });
});

for (const state of ["stalled", "failed", "draining"] as const) {
  Deno.test(`a pipeline that is ${state} makes it not ready, and the reason is told`, () => {
    const pipelines = [
      samplePipeline(),
      samplePipeline({ name: "other", state, reason: "Cassandra is down" }),
    ];
    assert.deepEqual(readiness(sampleStatus({ pipelines })), {
      ready: false,
      reasons: [`Pipeline other is ${state}: Cassandra is down`],
    });
  });
}

Deno.test("a service that is down makes it not ready", () => {
  const status = sampleStatus({
    services: [{ role: "tables", kind: "cassandra", state: "down", detail: "no host answers" }],
  });
  assert.deepEqual(readiness(status).reasons, ["The tables (cassandra) is down: no host answers"]);
});
