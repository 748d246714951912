import { openKafka } from "../../src/log/kafka.ts";
import { service, uniqueName } from "./env.ts";
import { LogReader } from "./log_reader.ts";

/** All values of a topic, as a reader of committed records sees them. What ends transactions takes offsets, too. */
export async function readCommitted(topic: string): Promise<string[]> {
  const log = await openKafka({ brokers: [service("kafka")!] });
  const group = uniqueName("reader");
  const ends = await log.offsets(topic, group);
  const reader = new LogReader(log.consumer(topic, group));
  await reader.consumer.start(reader);
  await reader.until(
    "the end",
    () => ends.every(({ partition, end }) => (reader.positions.get(partition) ?? -1) >= end),
  );
  await reader.consumer.stop();
  await log.close();
  const decoder = new TextDecoder();
  return reader.records().map(({ value }) => decoder.decode(value!));
}
