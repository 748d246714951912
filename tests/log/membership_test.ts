/** Memberships as the client libraries call them, where the broker tells the topic's id late. */
import assert from "node:assert/strict";
import type { Membership } from "../../src/log/group_consumer.ts";
import type { KafkaClient } from "../../src/log/kafka_client.ts";
import type { RecordSetsRack } from "../../src/log/kafka_fetch.ts";
import { KafkaMembership } from "../../src/log/kafka_membership.ts";
import type { ConsumerListener } from "../../src/log/mod.ts";
import type { PlatformaticClients } from "../../src/log/platformatic_client.ts";
import { PlatformaticMembership } from "../../src/log/platformatic_membership.ts";

interface Fake {
  readonly membership: Membership;
  /** The library says that partition 0 is assigned. */
  assign(): void;
  /** By which id is fetched now, and from where on. */
  fetched(): { readonly id: string | undefined; readonly from: number } | undefined;
}

/** @param topicId Answers each request for the topic's id. */
type Make = (listener: ConsumerListener, opened: () => void, topicId: () => Promise<string>) => Fake;

const kafkajs: Make = (listener, opened, topicId) => {
  let rack: RecordSetsRack | undefined;
  let from: number | undefined;
  const listeners = new Map<string, (event: unknown) => void>();
  const consumer = {
    events: { GROUP_JOIN: "join", CRASH: "crash" },
    on: (event: string, listener: (event: unknown) => void) => void listeners.set(event, listener),
    connect: () => Promise.resolve(),
    subscribe: () => Promise.resolve(),
    run: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    pause: () => {},
    resume: () => {},
    seek: ({ offset }: { offset: string }) => void (from = Number(offset)),
  };
  const kafka = {
    consumer: ({ rackId }: { rackId: RecordSetsRack }) => {
      rack = rackId;
      return consumer;
    },
  };
  const client = { kafka, failure: (_: string, error: unknown) => error } as unknown as KafkaClient;
  return {
    membership: new KafkaMembership(client, "users", "group", listener, opened, topicId),
    assign: () => listeners.get("join")!({ payload: { memberAssignment: { users: [0] } } }),
    fetched: () => from === undefined ? undefined : { id: rack!.topicId, from },
  };
};

const platformatic: Make = (listener, opened, topicId) => {
  const fetches: { id: string; from: number }[] = [];
  const listeners = new Map<string, (event: unknown) => void>();
  class Consumer {
    readonly topics = { track: () => {} };
    on(event: string, listener: (event: unknown) => void): void {
      listeners.set(event, listener);
    }
    joinGroup = () => Promise.resolve();
    leaveGroup = () => Promise.resolve();
    close = () => Promise.resolve();
    metadata = async () => {
      const id = await topicId();
      return { topics: new Map([["users", { id, partitions: [{ leader: 1 }], partitionsCount: 1 }]]) };
    };
    fetch = ({ topics: [{ topicId, partitions: [{ fetchOffset }] }] }: FetchRequest) => {
      fetches.push({ id: topicId, from: Number(fetchOffset) });
      return new Promise(() => {});
    };
  }
  const library = { Consumer, kGetApi: Symbol() };
  const clients = { library, options: {}, decompress: () => {} } as unknown as PlatformaticClients;
  return {
    membership: new PlatformaticMembership(clients, "users", "group", listener, opened),
    assign: () =>
      listeners.get("consumer:group:join")!({ assignments: [{ topic: "users", partitions: [0] }] }),
    fetched: () => fetches.at(-1),
  };
};

interface FetchRequest {
  readonly topics: readonly [{ topicId: string; partitions: readonly [{ fetchOffset: bigint }] }];
}

for (const [name, make] of Object.entries({ kafkajs, platformatic })) {
  Deno.test(`${name}: the owner is not told of an assignment after the end, or after the next one`, async () => {
    const ids: PromiseWithResolvers<string>[] = [];
    let isAsked = Promise.withResolvers<void>();
    const topicId = () => {
      ids.push(Promise.withResolvers());
      isAsked.resolve();
      return ids.at(-1)!.promise;
    };
    let told = 0;
    const opened = Promise.withResolvers<void>();
    const listener = {
      assigned: () => Promise.resolve(new Map([[0, ++told]])),
      fetched: () => {},
      failed: () => {},
    };
    const { membership, assign, fetched } = make(listener, () => opened.resolve(), topicId);
    const running = membership.run();
    assign();
    assign();
    await isAsked.promise;
    assert.equal(ids.length, 2);
    ids[1]!.resolve("before");
    await opened.promise;
    // What asks for it again when it fetches gets the same.
    ids.at(-1)!.resolve("before");
    ids[0]!.resolve("made anew meanwhile");
    await settled();
    assert.deepEqual([told, fetched()], [1, { id: "before", from: 1 }]);

    isAsked = Promise.withResolvers();
    const before = ids.length;
    assign();
    await isAsked.promise;
    await membership.leave();
    for (const id of ids.slice(before)) id.resolve("before");
    await settled();
    await running;
    assert.equal(told, 1);
  });
}

/** All that can go on without anything from outside has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
