/** Writes a steady stream of users to a topic, a few every few milliseconds: `feed.ts BROKER TOPIC RECORDS_PER_SECOND`. */
import { kafkaClient } from "./services.ts";
import { benchUser } from "./users.ts";

const [broker, topic, perSecond] = Deno.args;
const producer = (await kafkaClient(broker!)).producer();
await producer.connect();
const start = performance.now();
let sent = 0;
let running = true;
Deno.addSignalListener("SIGTERM", () => running = false);
while (running) {
  const due = Math.floor((performance.now() - start) / 1_000 * Number(perSecond));
  if (due > sent) {
    const messages = Array.from({ length: due - sent }, (_, i) => {
      const user = benchUser(sent + i);
      return { key: user.id!, value: JSON.stringify(user), timestamp: `${Date.now()}` };
    });
    sent = due;
    await producer.send({ topic: topic!, messages, acks: 1 });
  }
  await new Promise((resolve) => setTimeout(resolve, 2));
}
await producer.disconnect();
