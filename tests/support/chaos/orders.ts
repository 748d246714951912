/**
 * The records of the chaos tests, and what becomes of each by the job's rules. It is told here a second time, by code
 * that shares nothing with the pipeline, so that results can be counted anew from the raw topic.
 */
import type { Seeded } from "../seeded.ts";

/** The length of the job's windows, in milliseconds of event time. */
export const windowMs = 5_000;

export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly shop: string;
  readonly amount: number;
  readonly note: string;
}

/** A record as a producer sends it. */
export interface Sent {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  /** Default: by the key. */
  readonly partition?: number;
  /** Milliseconds since 1970. Default: now. */
  readonly timestamp?: number;
}

/** What a record is: one that all sinks get, one that is filtered, or one that is to be a dead letter. */
export function judge(value: Uint8Array | null): Order | "filtered" | "dead" {
  let order: Order;
  try {
    order = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value!));
  } catch {
    return "dead";
  }
  if (typeof order !== "object" || order === null || Array.isArray(order)) return "dead";
  for (const name of ["id", "customer", "shop", "note"] as const) {
    if (typeof order[name] !== "string") return "dead";
  }
  if (typeof order.amount !== "number" || !Number.isFinite(order.amount) || order.amount < 0) return "dead";
  if (order.shop === "closed") return "filtered";
  return order;
}

/** A record: one of twenty is filtered, one of twenty a dead letter. */
export function randomOrder(random: Seeded, id: string): Sent {
  const customer = `customer ${random.integer(0, 199)}`;
  const shop = random.chance(0.05) ? "closed" : `shop ${random.integer(0, 4)}`;
  const order: Order = { id, customer, shop, amount: random.integer(0, 1_000), note: "x".repeat(300) };
  const text = JSON.stringify(random.chance(0.025) ? { ...order, amount: -1 } : order);
  const bytes = new TextEncoder().encode(random.chance(0.025) ? text.slice(0, -9) : text);
  return { key: customer, value: bytes };
}

/** What a worker may come to by a record: an error out of reach of any try, an endless loop, its end. */
export const workerFaults = ["throw", "hang", "end"] as const;
export type WorkerFault = typeof workerFaults[number];

/**
 * A good order that is a worker's ruin for as long as a file is there, in the module's folder; then it is like any other,
 * or its partition would never go on.
 */
export function faultyOrder(random: Seeded, id: string, fault: WorkerFault, file: string): Sent {
  const customer = `customer ${random.integer(0, 199)}`;
  const order: Order = { id, customer, shop: "shop 0", amount: 1, note: `${fault} by ${file}` };
  return { key: customer, value: new TextEncoder().encode(JSON.stringify(order)) };
}

/** A good order that is ahead of its time, for which windows close. */
export function closingOrder(id: string, partition: number, timestamp: number): Sent {
  const customer = `closing customer ${partition}`;
  const order: Order = { id, customer, shop: "shop 0", amount: 1, note: "" };
  return { key: customer, value: new TextEncoder().encode(JSON.stringify(order)), partition, timestamp };
}
