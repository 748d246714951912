import type { Consumer, Message, Producer } from "@platformatic/kafka";
import { Fenced } from "../errors.ts";
import type { ProducedRecord, RecordHeader } from "../record.ts";
import { closeTimeout, within } from "./brokers.ts";
import type { Cursor } from "./mod.ts";
import { answers, isAbsent, type PlatformaticClients, retryDelay } from "./platformatic_client.ts";
import { type Bytes, producedMessage, serializers } from "./platformatic_producer.ts";
import { endingPause, onceEnded, type TransactionalProducer } from "./publisher.ts";

/** Milliseconds after which the broker ends a transaction by itself, and waits for replicas at most. */
const timeout = 60_000;

type Bytewise = Producer<Bytes, Bytes, RecordHeader, Bytes>;
/** The library exports no name for it. */
type Transaction = Awaited<ReturnType<Bytewise["beginTransaction"]>>;

/** A transactional producer of @platformatic/kafka, which takes the id over when the first transaction begins. */
export class PlatformaticTransactionalProducer implements TransactionalProducer {
  readonly #id: string;
  readonly #clients: PlatformaticClients;
  readonly #producer: Bytewise;
  /** The coordinators of the cursors' groups, each with the consumer that has found it, closed again. */
  readonly #groups = new Map<string, { readonly consumer: Consumer; readonly coordinatorId: number }>();
  #transaction: Transaction | undefined;
  readonly #turn = { next: 0 };

  constructor(id: string, clients: PlatformaticClients) {
    this.#id = id;
    this.#clients = clients;
    this.#producer = new clients.library.Producer({
      ...clients.options,
      retryDelay: (_client, _operation, attempt, _retries, error) =>
        isEnding(error) ? endingPause : retryDelay(attempt),
      timeout,
      idempotent: true,
      transactionalId: id,
      serializers,
    });
  }

  open(): Promise<void> {
    return this.#try("take over", () => this.begin());
  }

  async begin(): Promise<void> {
    // The library's own 0 names a producer, which the broker would compare with the one that has the id.
    this.#transaction ??= await this.#producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
  }

  sendOffsets(group: string, cursors: readonly Cursor[]): Promise<void> {
    return this.#try(`move the cursor ${group} of`, async () => {
      const { consumer, coordinatorId } = await this.#group(group);
      const transaction = this.#transaction!;
      await onceEnded(() => transaction.addConsumer(consumer), isEnding);
      // The library takes what a member of the group has read, and commits the offset after it.
      const read = { consumer: { groupId: group, coordinatorId, generationId: -1, memberId: "" } };
      for (const { topic, partition, offset } of cursors) {
        const message = { topic, partition, offset: BigInt(offset) - 1n, metadata: read };
        await transaction.addOffset(message as unknown as Message);
      }
    });
  }

  send(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    return this.#try(`write to topic "${topic}" as`, async () => {
      const { topics } = await this.#producer.metadata({ topics: [topic] });
      const partitions = topics.get(topic)!.partitionsCount;
      const messages = records.map((record) => producedMessage(topic, record, partitions, this.#turn));
      await this.#transaction!.send({ messages });
    });
  }

  commit(): Promise<void> {
    return this.#try("commit a transaction of", async () => {
      await this.#transaction!.commit();
      this.#transaction = undefined;
    });
  }

  async close(): Promise<void> {
    const consumers = Array.from(this.#groups.values(), ({ consumer }) => consumer.close(true));
    await within(closeTimeout, Promise.allSettled([...consumers, this.#producer.close(true)])).catch(
      () => {},
    );
  }

  async #group(group: string): Promise<{ readonly consumer: Consumer; readonly coordinatorId: number }> {
    const known = this.#groups.get(group);
    if (known) return known;
    const { library, options } = this.#clients;
    const consumer = new library.Consumer({ ...options, groupId: group });
    try {
      const found = { consumer, coordinatorId: await consumer.findGroupCoordinator() };
      this.#groups.set(group, found);
      return found;
    } finally {
      consumer.close(true).catch(() => {});
    }
  }

  async #try(what: string, request: () => Promise<void>): Promise<void> {
    try {
      await request();
    } catch (error) {
      const said = answers(error);
      if (said.includes("INVALID_PRODUCER_EPOCH") || said.includes("PRODUCER_FENCED")) {
        throw new Fenced(`Cannot ${what} publisher ${this.#id}: a later one has taken over`, {
          cause: error,
        });
      }
      const absent = isAbsent(error) ? ": the topic does not exist" : "";
      throw new Error(`Cannot ${what} publisher ${this.#id}${absent}`, { cause: error });
    }
  }
}

/** The broker is still ending the transaction before. */
function isEnding(error: unknown): boolean {
  return answers(error).includes("CONCURRENT_TRANSACTIONS");
}
