import assert from "node:assert/strict";
import { KafkaClient } from "./chaos/kafka_client.ts";
import { readCommitted } from "./committed_records.ts";
import { service, uniqueName } from "./env.ts";

const promise =
  "what is read as committed has no aborted records and none of an open transaction, however they mix";

Deno.test({ name: promise, ignore: service("kafka") === undefined }, async () => {
  await using client = await KafkaClient.connect(service("kafka")!);
  const topic = uniqueName("transactions");
  await client.createTopic(topic, 1);
  const producers = await Promise.all([1, 2, 3].map(async (n) => {
    const producer = client.kafka.producer({
      transactionalId: uniqueName(`producer_${n}`),
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    return producer;
  }));
  const send = (value: string) => ({ topic, messages: [{ value }] });
  const [first, second, third] = await Promise.all(producers.map((producer) => producer.transaction()));
  await first!.send(send("aborted 1"));
  await second!.send(send("committed 1"));
  await first!.send(send("aborted 2"));
  await second!.send(send("committed 2"));
  await second!.commit();
  await first!.abort();
  const again = await producers[0]!.transaction();
  await third!.send(send("aborted 3"));
  await again.send(send("committed 3"));
  await third!.abort();
  await again.commit();
  const open = await producers[1]!.transaction();
  await open.send(send("open"));
  await client.produce(topic, [{ key: null, value: new TextEncoder().encode("plain") }]);

  const read = await readCommitted(topic, { leaveOpen: true });
  assert.deepEqual(read.map(({ value }) => new TextDecoder().decode(value!)), [
    "committed 1",
    "committed 2",
    "committed 3",
    "plain",
  ]);
  await open.abort();
  await Promise.all(producers.map((producer) => producer.disconnect()));
  await client.admin.deleteTopics({ topics: [topic] });
});
