/** The standalone binary does the main job by itself, on the embedded default, and goes on where it was stopped. */
import assert from "node:assert/strict";
import type { PipelineStatus } from "../../src/status/snapshot.ts";
import { binary } from "../support/binary.ts";
import { startWeir } from "../support/weir_process.ts";

const program = binary();

Deno.test({
  name: "the binary runs users on embedded data and goes on after a stop",
  ignore: program === undefined,
}, async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "weir-binary-" });
  try {
    const first = await runOnce(dataDir);
    const second = await runOnce(dataDir);
    const before = positions(second) - second.records.in;
    assert.ok(
      before >= positions(first),
      `The second run started at ${before} records, the first had stored ${positions(first)}`,
    );
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

/** Runs the binary until all that was produced is in all sinks, and stops it. */
async function runOnce(dataDir: string): Promise<PipelineStatus> {
  await using weir = startWeir({ command: [program!, "run", "users"], dataDir });
  const status = await weir.until("all records are in all sinks", ({ pipelines }) => {
    const users = pipelines.find(({ name }) => name === "users");
    return users !== undefined && isDone(users) ? users : undefined;
  });
  assert.equal(await weir.stop(), 0, "SIGTERM ends it with exit code 0");
  return status;
}

function isDone({ state, sinks, partitions }: PipelineStatus): boolean {
  const tables = sinks.filter(({ kind }) => kind === "cassandra" || kind === "postgres");
  return state === "running" && tables.length >= 2 && tables.every(({ written }) => written > 0) &&
    partitions.length > 0 && partitions.every(({ lag }) => lag === 0);
}

function positions({ partitions }: PipelineStatus): number {
  return partitions.reduce((sum, { position }) => sum + (position ?? 0), 0);
}
