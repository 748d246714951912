/**
 * @platformatic/kafka as it is: reads a topic from its start and parses each record as JSON on the main thread,
 * nothing else.
 *
 *     consume_platformatic.ts BROKER TOPIC RECORDS
 *
 * Prints its steady cost as one line of JSON.
 */
import { loadPlatformatic } from "../../src/log/platformatic_client.ts";
import { ParseMeter } from "./parse_meter.ts";

const [broker, topic, records] = Deno.args;
const meter = new ParseMeter(Number(records));
const { library, options } = await loadPlatformatic({ brokers: [broker!] });
const consumer = new library.Consumer({
  ...options,
  groupId: `bench-${crypto.randomUUID()}`,
  maxWaitTime: 100,
});
const stream = await consumer.consume({ topics: [topic!], mode: "earliest", autocommit: false });
stream.on("data", ({ value }) => {
  meter.parse(value);
  meter.batch();
});
console.log(JSON.stringify((await meter.done).steady()));
Deno.exit(0);
