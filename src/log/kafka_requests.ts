/**
 * Requests that kafkajs 2.2.4 knows only in versions that say too little: Metadata without topic ids, and OffsetFetch that
 * passes over offsets of transactions. They are written and read here, and sent by the connections of kafkajs's admin.
 */
import { Buffer } from "node:buffer";
import type { Admin, Kafka } from "kafkajs";
import type { Offset } from "../record.ts";
import { topicIdOf } from "./brokers.ts";

/** kafkajs's admin, and the connections to brokers that it keeps to itself. */
export interface OpenAdmin {
  readonly admin: Admin;
  readonly cluster: Cluster;
}

/** What of kafkajs's connections to a cluster is needed here. */
export interface Cluster {
  readonly brokerPool: { findConnectedBroker(): Promise<Broker> };
  findGroupCoordinator(of: { readonly groupId: string }): Promise<Broker>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
}

interface Broker {
  /** What the broker knows, by the number of the request. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>;
  readonly connectionPool: { send<T>(request: ProtocolRequest<T>): Promise<T> };
}

interface ProtocolRequest<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiName: string;
    readonly apiVersion: number;
    readonly encode: () => Promise<Encoder>;
  };
  readonly response: {
    readonly decode: (bytes: Uint8Array) => Promise<T>;
    readonly parse: (answer: T) => Promise<T>;
  };
}

export interface Encoder {
  writeBoolean(value: boolean): Encoder;
  writeBuffer(bytes: Uint8Array): Encoder;
  writeInt8(value: number): Encoder;
  writeInt32(value: number): Encoder;
  /** Also of its digits. */
  writeInt64(value: number | string): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
}

interface Decoder {
  readBytes(length: number): Uint8Array;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readUVarInt(): number;
  readUVarIntString(): string | null;
}

/** kafkajs's parts that write and read requests. */
export interface Protocol {
  readonly Encoder: new () => Encoder;
  readonly Decoder: new (bytes: Uint8Array) => Decoder;
  readonly createErrorFromCode: (code: number) => Error;
}

/** The first version that tells the ids of topics: Kafka 2.8. */
const metadata = { apiKey: 3, apiName: "Metadata", apiVersion: 10 };
/** The first version that can ask for stable offsets: Kafka 2.5. */
const offsetFetch = { apiKey: 9, apiName: "OffsetFetch", apiVersion: 7 };

export async function loadProtocol(): Promise<Protocol> {
  const [{ default: Encoder }, { default: Decoder }, { default: { createErrorFromCode } }] = await Promise
    .all([
      import("kafkajs/src/protocol/encoder.js"),
      import("kafkajs/src/protocol/decoder.js"),
      import("kafkajs/src/protocol/error.js"),
    ]);
  return { Encoder, Decoder, createErrorFromCode };
}

/** Makes an admin client. kafkajs makes its connections by a hidden method, which shows them here on its way. */
export function openAdmin(kafka: Kafka): OpenAdmin {
  const hidden = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
    description === "private:Kafka:createCluster"
  )!;
  const makers = kafka as unknown as Record<symbol, (options: unknown) => Cluster>;
  const make = makers[hidden]!;
  let cluster: Cluster | undefined;
  makers[hidden] = (options) => cluster = make(options);
  try {
    const admin = kafka.admin();
    return { admin, cluster: cluster! };
  } finally {
    makers[hidden] = make;
  }
}

/** The id of a topic; undefined when the broker does not know such ids. */
export async function fetchTopicId(
  protocol: Protocol,
  cluster: Cluster,
  topic: string,
): Promise<string | undefined> {
  const broker = await cluster.brokerPool.findConnectedBroker();
  if (!knows(broker, metadata)) return undefined;
  return await send(protocol, broker, metadata, (encoder) => {
    encoder.writeUVarInt(1 + 1).writeBuffer(Buffer.alloc(16)).writeUVarIntString(topic).writeUVarInt(0);
    // Neither is the topic to be made, nor is it told what may be done with the cluster and the topic.
    encoder.writeBoolean(false).writeBoolean(false).writeBoolean(false);
  }, (decoder) => {
    decoder.readInt32(); // throttle time
    readArray(decoder, () => {
      decoder.readInt32(); // node
      decoder.readUVarIntString(); // host
      decoder.readInt32(); // port
      decoder.readUVarIntString(); // rack
      skipTags(decoder);
    });
    decoder.readUVarIntString(); // cluster
    decoder.readInt32(); // controller
    decoder.readUVarInt(); // topics, of which there is one
    check(protocol, decoder.readInt16());
    decoder.readUVarIntString(); // name
    // What comes after that is not looked at.
    return topicIdOf(decoder.readBytes(16));
  });
}

/**
 * What a group has committed, by partition; a negative number where it never has. Throws UNSTABLE_OFFSET_COMMIT while a
 * transaction that moves one of the offsets is not ended. Undefined when the broker cannot be asked in this way.
 */
export async function fetchStableOffsets(
  protocol: Protocol,
  cluster: Cluster,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, Offset> | undefined> {
  const broker = await cluster.findGroupCoordinator({ groupId: group });
  if (!knows(broker, offsetFetch)) return undefined;
  return await send(protocol, broker, offsetFetch, (encoder) => {
    encoder.writeUVarIntString(group).writeUVarInt(1 + 1).writeUVarIntString(topic);
    encoder.writeUVarInt(partitions.length + 1);
    for (const partition of partitions) encoder.writeInt32(partition);
    encoder.writeUVarInt(0);
    encoder.writeBoolean(true); // stable ones
  }, (decoder) => {
    const offsets = new Map<number, Offset>();
    decoder.readInt32(); // throttle time
    readArray(decoder, () => {
      decoder.readUVarIntString(); // topic
      readArray(decoder, () => {
        const partition = decoder.readInt32();
        offsets.set(partition, Number(decoder.readInt64()));
        decoder.readInt32(); // leader epoch
        decoder.readUVarIntString(); // metadata
        check(protocol, decoder.readInt16());
        skipTags(decoder);
      });
      skipTags(decoder);
    });
    check(protocol, decoder.readInt16());
    return offsets;
  });
}

function knows({ versions }: Broker, { apiKey, apiVersion }: typeof metadata): boolean {
  return (versions[apiKey]?.maxVersion ?? 0) >= apiVersion;
}

/** Both requests are of a flexible version: headers and structures end with tagged fields, and lengths are varints. */
async function send<T>(
  { Encoder, Decoder }: Protocol,
  broker: Broker,
  request: typeof metadata,
  write: (encoder: Encoder) => void,
  read: (decoder: Decoder) => T,
): Promise<T> {
  // deno-lint-ignore require-await -- kafkajs's
  const encode = async () => {
    const encoder = new Encoder().writeUVarInt(0);
    write(encoder);
    return encoder.writeUVarInt(0);
  };
  // deno-lint-ignore require-await -- kafkajs's; it looks for what is to be waited for in what it gets
  const decode = async (bytes: Uint8Array) => {
    const decoder = new Decoder(bytes);
    skipTags(decoder);
    return { answer: read(decoder) };
  };
  const parse = (decoded: { readonly answer: T }) => Promise.resolve(decoded);
  const { answer } = await broker.connectionPool.send({
    request: { ...request, encode },
    response: { decode, parse },
  });
  return answer;
}

function readArray(decoder: Decoder, read: () => void): void {
  for (let left = decoder.readUVarInt() - 1; left > 0; left--) read();
}

function skipTags(decoder: Decoder): void {
  for (let left = decoder.readUVarInt(); left > 0; left--) {
    decoder.readUVarInt();
    decoder.readBytes(decoder.readUVarInt());
  }
}

function check({ createErrorFromCode }: Protocol, code: number): void {
  if (code !== 0) throw createErrorFromCode(code);
}
