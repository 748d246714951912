/** Memory under overload. */
import { benchmark } from "./benchmark.ts";
import { oneOf, wholeNumber } from "./flags.ts";
import { median, slope } from "./medians.ts";
import { settingsFor } from "./services.ts";
import { figure, table } from "./table.ts";
import { weirTables } from "./tables.ts";
import { fill, freshTopic } from "./topics.ts";
import { pause } from "./until.ts";
import { userRecord } from "./users.ts";
import { startWeir } from "./weir_run.ts";

const topic = "weir_bench_rows";

/** Records that always wait in the topic, about 90 MB, and how many are written at once. */
const backlog = 200_000;
const chunk = 20_000;

/** Users repeat after so many, so that the tables stop growing. */
const users = 1_000_000;

/** What is read may go after a while, so that the disk does not fill up; it holds far more than the backlog. */
const config = { "retention.ms": "-1", "retention.bytes": `${2 ** 28}`, "segment.bytes": `${2 ** 26}` };

export const memory = benchmark({
  name: "memory",
  about: "memory while more comes in than goes through, at full speed with real services",
  flags: {
    minutes: wholeNumber("how long", 10),
    client: oneOf("Weir's client for Kafka", "kafkajs", "platformatic"),
  },
  async measure({ minutes, client }, room) {
    const { services, report } = room;
    await using _topic = await freshTopic(services.kafka, { topic, partitions: 8, config });
    const write = (from: number, to: number) =>
      fill(services.kafka, topic, [from, to], (n) => userRecord(n % users));
    let produced = backlog;
    await write(0, produced);
    const settings = { ...settingsFor(room, await weirTables(services)), KAFKA_CLIENT: client };
    await using run = startWeir({ pipeline: "bench/pipelines/rows.ts", settings });
    await run.running();

    /** Minutes and MB, every second. */
    const samples: [number, number][] = [];
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 60_000;
    const sampler = setInterval(() => {
      samples.push([elapsed(), run.memoryMb("now")]);
      if (samples.length % 60 === 0) report(`${figure(elapsed())} min: ${figure(samples.at(-1)![1])} MB`);
    }, 1_000);
    const looks = { all: 0, idle: 0 };
    try {
      while (elapsed() < minutes) {
        const waiting = produced - await run.committed();
        looks.all++;
        if (waiting <= 0) looks.idle++;
        if (waiting > backlog) await pause(100);
        else {
          await write(produced, produced + chunk);
          produced += chunk;
        }
      }
    } finally {
      clearInterval(sampler);
    }
    // A machine that is busy elsewhere may starve the producer for a moment.
    if (looks.idle > looks.all / 100) {
      throw new Error("Weir caught up with the producer again and again, so this was no overload");
    }
    const settled = samples.filter(([at]) => at > minutes / 5);
    const found = {
      "start MB": median(samples.slice(0, 5).map(([, mb]) => mb)),
      "peak MB": run.memoryMb("peak"),
      "end MB": median(samples.slice(-30).map(([, mb]) => mb)),
      "MB a minute": slope(settled),
      recordsPerSecond: await run.committed() / elapsed() / 60,
    };
    report(
      `\n${minutes} minutes of overload; the slope leaves out the first fifth\n${table({ weir: found })}`,
    );
    return { minutes, client, runs: { weir: [found] }, samples };
  },
});
