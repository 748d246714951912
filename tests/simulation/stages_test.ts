import { runSeeds } from "./seeds.ts";
import { StagesSimulation } from "./stages.ts";

Deno.test(
  "whatever goes wrong on either side of a repartition, each record passes it and counts once",
  () => runSeeds({ run: (seed) => new StagesSimulation({ seed }).run(), count: 60 }),
);
