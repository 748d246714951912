import type { MessageToProduce } from "@platformatic/kafka";
import { partitionOf } from "../src/log/murmur2.ts";

/** A record of a benchmark's topic. */
export interface BenchRecord {
  readonly key: string;
  readonly value: string;
  /** Milliseconds since 1970; default: now. */
  readonly timestamp?: number;
}

/** A record as @platformatic/kafka takes it. */
export type BenchMessage = MessageToProduce<string, string, string, string>;

/** About 100 kB of users. */
const batchRecords = 250;

/** What one request carries. */
const requestRecords = 2_000;

/** Collects each partition's records into batches, and batches into requests. */
export class Batches {
  readonly #topic: string;
  readonly #partitions: BenchMessage[][];
  #full: BenchMessage[] = [];

  constructor(topic: string, partitions: number) {
    this.#topic = topic;
    this.#partitions = Array.from({ length: partitions }, () => []);
  }

  /** Takes a record, and gives a request's worth of whole batches when there is one. */
  add({ key, value, timestamp }: BenchRecord): BenchMessage[] | undefined {
    const partition = partitionOf(encoder.encode(key), this.#partitions.length);
    const batch = this.#partitions[partition]!;
    batch.push({
      topic: this.#topic,
      partition,
      key,
      value,
      ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }),
    });
    if (batch.length < batchRecords) return undefined;
    this.#partitions[partition] = [];
    this.#full.push(...batch);
    if (this.#full.length < requestRecords) return undefined;
    return this.#take();
  }

  /** What is left, a request's worth at a time. */
  *rest(): Generator<BenchMessage[]> {
    for (const batch of this.#partitions.splice(0)) {
      this.#full.push(...batch);
      if (this.#full.length >= requestRecords) yield this.#take();
    }
    if (this.#full.length > 0) yield this.#take();
  }

  #take(): BenchMessage[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }
}

const encoder = new TextEncoder();
