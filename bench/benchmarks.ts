import type { Benchmark } from "./benchmark.ts";
import { contention } from "./contention.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { rows } from "./rows.ts";
import { scaling } from "./scaling.ts";
import { start } from "./start.ts";
import { takeover } from "./takeover.ts";
import { windows } from "./windows.ts";

/** All that there are; the first is the one that runs when none is named. */
export const benchmarks: readonly Benchmark[] = [
  rows,
  windows,
  latency,
  start,
  memory,
  scaling,
  contention,
  growth,
  takeover,
];
