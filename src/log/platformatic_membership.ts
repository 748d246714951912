import type { Consumer, ConsumerGroupJoinPayload } from "@platformatic/kafka";
import type { Offset } from "../record.ts";
import { closeTimeout, membership, within } from "./brokers.ts";
import type { Membership } from "./group_consumer.ts";
import type { ConsumerListener } from "./mod.ts";
import { answers, type Library, type PlatformaticClients } from "./platformatic_client.ts";
import { fetchRecordSets } from "./platformatic_fetch.ts";
import { PlatformaticReader } from "./platformatic_reader.ts";

/**
 * One membership in a consumer group by one consumer of @platformatic/kafka. The library joins, and joins again when
 * the group changes; its stream is not used, since it hides what it was asked for and reads ahead of a pause.
 *
 *     joining -> assigned (positions asked for, nothing is read) -> open (reading) -> ended
 *                   ^_______________ rebalance __________________________/
 *
 * The group is a classic one: the new protocol leaves it to the broker how soon the dead are noticed, by default 45 s.
 */
export class PlatformaticMembership implements Membership {
  readonly #library: Library;
  readonly #consumer: Consumer;
  readonly #reader: PlatformaticReader;
  readonly #topic: string;
  readonly #group: string;
  readonly #listener: ConsumerListener;
  readonly #opened: () => void;
  readonly #ended = Promise.withResolvers<void>();
  #joining: Promise<unknown> = Promise.resolve();
  #leaving: Promise<void> | undefined;
  #left = false;
  /** Counts assignments, to know an outdated answer. */
  #generation = 0;
  #assigned: readonly number[] = [];
  /** What the owner has sought before the positions were known. */
  readonly #sought = new Map<number, Offset>();

  constructor(
    { library, options, decompress }: PlatformaticClients,
    topic: string,
    group: string,
    listener: ConsumerListener,
    opened: () => void,
  ) {
    this.#library = library;
    this.#topic = topic;
    this.#group = group;
    this.#listener = listener;
    this.#opened = opened;
    this.#consumer = new library.Consumer({
      ...options,
      groupId: group,
      sessionTimeout: membership.sessionTimeout,
      heartbeatInterval: membership.heartbeatInterval,
      rebalanceTimeout: membership.rebalanceTimeout,
      // kafkajs's name for the same assignment, so that members of both kinds can share a group.
      protocols: [{ name: "RoundRobinAssigner", version: 1 }],
    });
    fetchRecordSets(library, this.#consumer);
    this.#reader = new PlatformaticReader(this.#consumer, topic, decompress, {
      fetched: (batch) => listener.fetched(batch),
      topicChanged: () => this.#ended.resolve(),
      failed: (error) => this.#end(error),
    });
  }

  async run(): Promise<void> {
    this.#consumer.on("consumer:group:join", (event) => this.#assign(event));
    // So that the member that assigns partitions knows of all that there are now.
    this.#consumer.on("consumer:group:rebalance", () => this.#consumer.clearMetadata());
    this.#consumer.on("error", (error: Error) => this.#end(error));
    this.#consumer.topics.track(this.#topic);
    this.#joining = this.#consumer.joinGroup();
    this.#joining.catch((error) => this.#end(error));
    await this.#ended.promise;
  }

  #assign({ assignments = [] }: ConsumerGroupJoinPayload): void {
    if (this.#left) return;
    const generation = ++this.#generation;
    const assigned = assignments.find(({ topic }) => topic === this.#topic)?.partitions ?? [];
    this.#assigned = assigned.toSorted((a, b) => a - b);
    this.#reader.clear();
    this.#sought.clear();
    const isCurrent = () => generation === this.#generation && !this.#left;
    const asked = (async () => {
      // First, so that what the owner finds in the log is of this topic or of a later one, of which nothing is fetched.
      const topicId = this.#assigned.length > 0 ? await this.#reader.topicId() : undefined;
      // The owner knows better by then, or may not be called any more.
      if (!isCurrent()) return;
      const positions = await this.#listener.assigned(this.#assigned);
      if (isCurrent()) this.#start(topicId, positions);
    })();
    asked.catch((error) => {
      if (generation === this.#generation) this.#end(error);
    });
  }

  #start(topicId: string | undefined, positions: ReadonlyMap<number, Offset>): void {
    const open = this.#assigned.map((partition) => {
      const next = this.#sought.get(partition) ?? positions.get(partition);
      if (next === undefined) throw new Error(`No position was given for partition ${partition}`);
      return [partition, next] as const;
    });
    // There is none without partitions.
    if (topicId !== undefined) this.#reader.open(topicId, open);
    this.#opened();
  }

  seek(partition: number, offset: Offset): void {
    if (this.#reader.isOpen(partition)) this.#reader.seek(partition, offset);
    else if (this.#assigned.includes(partition)) this.#sought.set(partition, offset);
  }

  pause(partitions: readonly number[]): void {
    this.#reader.pause(partitions);
  }

  resume(partitions: readonly number[]): void {
    this.#reader.resume(partitions);
  }

  /** By the bare request: the library's own commit joins anew when the group is changing, and then commits again. */
  async commit(positions: ReadonlyMap<number, Offset>): Promise<boolean> {
    const { memberId, generationId } = this.#consumer;
    const own = [...positions].filter(([partition]) => this.#assigned.includes(partition));
    if (own.length === 0) return true;
    if (this.#left || memberId === null) return false;
    const partitions = own.map(([partitionIndex, offset]) => ({
      partitionIndex,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
    }));
    try {
      const coordinator = await this.#consumer.findGroupCoordinator();
      const connection = (await this.#consumer.connectToBrokers([coordinator])).get(coordinator);
      if (!connection) throw new Error(`the group's coordinator, broker ${coordinator}, is not known`);
      const topics = [{ name: this.#topic, partitions }];
      await this.#library.offsetCommitV8.api.async(
        connection,
        this.#group,
        generationId,
        memberId,
        null,
        topics,
      );
      return true;
    } catch (error) {
      if (this.#left || isRebalance(error)) return false;
      throw new Error(`Cannot commit positions in topic "${this.#topic}"`, { cause: error });
    }
  }

  leave(): Promise<void> {
    this.#left = true;
    this.#reader.clear();
    this.#ended.resolve();
    // A member that goes while it joins would hold up the others until its session ends: so first let it.
    this.#leaving ??= this.#joining.catch(() => {}).then(() => this.#close());
    return within(closeTimeout, this.#leaving).catch(() => {});
  }

  async #close(): Promise<void> {
    try {
      await this.#consumer.leaveGroup(true);
    } finally {
      await this.#consumer.close(true).catch(() => this.#consumer.connections.close());
    }
  }

  #end(error: unknown): void {
    this.#reader.clear();
    this.#ended.reject(new Error(`Reading topic "${this.#topic}" was interrupted`, { cause: error }));
  }
}

/** Another member has joined or gone: the positions can be told after the next assignment. */
function isRebalance(error: unknown): boolean {
  const lost = ["REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID"];
  return answers(error).some((answer) => lost.includes(answer));
}
