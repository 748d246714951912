/**
 * kafkajs as it is: reads a topic from its start and parses each record as JSON on the main thread, nothing else.
 *
 *     consume_kafkajs.ts BROKER TOPIC RECORDS
 *
 * Prints its steady cost as one line of JSON.
 */
import { loadKafkaClients } from "../../src/log/kafka_client.ts";
import { ParseMeter } from "./parse_meter.ts";

const [broker, topic, records] = Deno.args;
const meter = new ParseMeter(Number(records));
const { kafka } = (await loadKafkaClients({ brokers: [broker!] }))();
const consumer = kafka.consumer({ groupId: `bench-${crypto.randomUUID()}`, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topics: [topic!], fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatch: ({ batch }) => {
    for (const { value } of batch.messages) meter.parse(value!);
    meter.batch();
    return Promise.resolve();
  },
});
console.log(JSON.stringify((await meter.done).steady()));
Deno.exit(0);
