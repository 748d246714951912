import { runSeeds } from "./seeds.ts";
import { simulate } from "./simulation.ts";

/** Seeds that once found a bug. */
const found = [
  1362, // pauses were forgotten after an assignment
  10087, // an outdated assignment left partitions paused
  1328, // a worker hung while it opened its pipeline
];

Deno.test(
  "whatever goes wrong, every record ends where it should, once",
  () => runSeeds({ run: (seed) => simulate({ seed }), count: 150, found }),
);
