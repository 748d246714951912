/** After a crash. */
import { benchmark } from "./benchmark.ts";
import { startFeeder } from "./feeder.ts";
import { oneOf, wholeNumber } from "./flags.ts";
import { type Figures, medians } from "./medians.ts";
import { settingsFor } from "./services.ts";
import { table } from "./table.ts";
import { weirTables } from "./tables.ts";
import { freshTopic } from "./topics.ts";
import { until } from "./until.ts";
import { startWeir } from "./weir_run.ts";

const topic = "weir_bench_rows";

export const takeover = benchmark({
  name: "takeover",
  about: "seconds from kill -9 until a replacement that is started at once has written new rows",
  flags: {
    runs: wholeNumber("how often, for medians", 5),
    rate: wholeNumber("records a second meanwhile", 500),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
  },
  async measure({ runs, rate, client }, room) {
    const { services, report } = room;
    await using _topic = await freshTopic(services.kafka, { topic, partitions: 8 });
    const settings = { ...settingsFor(room, await weirTables(services)), KAFKA_CLIENT: client };
    const start = () => startWeir({ pipeline: "bench/pipelines/rows.ts", settings });
    await using stack = new AsyncDisposableStack();
    let current = stack.use(start());
    await current.running();
    await using _feeder = startFeeder(services, topic, rate);
    const found: Figures[] = [];
    for (let run = 1; run <= runs; run++) {
      await until("rows are written", async () => await current.committed() > 0);
      await current.kill();
      const killed = performance.now();
      current = stack.use(start());
      await until("the replacement writes", async () => await current.committed() > 0, 20);
      const first = (performance.now() - killed) / 1_000;
      // The dead one's partitions come as soon as its group has noticed, all at once.
      await until(
        "it has every partition",
        async () => (await current.pipeline()).partitions.every(({ position }) => position !== null),
        20,
      );
      found.push({ "first rows": first, "all partitions": (performance.now() - killed) / 1_000 });
      report(`run ${run} of ${runs}\n${table({ seconds: found.at(-1)! })}`);
    }
    report(`\nseconds after kill -9, medians of ${runs} runs\n${table({ seconds: medians(found) })}`);
    return { rate, client, runs: { seconds: found } };
  },
});
