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

/** In the pipeline's module: what brings the faults about. */
const bringAbout = `
    function isThere(file) {
      try {
        Deno.statSync(new URL(file, import.meta.url));
        return true;
      } catch {
        return false;
      }
    }
    function bringAbout(order) {
      const [, fault, file] = /^(throw|hang|end) by (.+)$/.exec(order.note) ?? [];
      if (fault === undefined || !isThere(file)) return order;
      if (fault === "throw") setTimeout(() => { throw new Error("a bug"); });
      if (fault === "end") self.close();
      while (fault === "hang" && isThere(file));
      return order;
    }`;

/**
 * The module of the job's pipeline. It counts the orders of each id, so that one that is applied twice is seen, beside
 * writing them to tables, windows and a topic.
 *
 * @param api The URL of Weir's public API.
 */
export function orderPipeline(name: string, partitions: number, api: string): string {
  return `
    import {
      aggregate, cassandraTable, count, filter, json, kafka, map, pipeline, postgresTable, sum, text, topic, tumbling,
      validate,
    } from ${JSON.stringify(api)};

    const order = {
      type: "record",
      name: "Order",
      fields: [
        { name: "id", type: "string" }, { name: "customer", type: "string" }, { name: "shop", type: "string" },
        { name: "amount", type: "double" }, { name: "note", type: "string" },
      ],
    } as const;
    const result = {
      type: "record",
      name: "Result",
      fields: [{ name: "id", type: "string" }, { name: "partition", type: "int" }, { name: "offset", type: "long" }],
    } as const;

    ${bringAbout}

    export default pipeline("${name.replaceAll("_", "-")}", {
      source: kafka("${name}", { group: "${name}", codec: json(order), partitions: ${partitions} }),
      outputs: (stream) => {
        const orders = stream.pipe(
          validate((order) => order.amount >= 0 || "a negative amount"),
          filter((order) => order.shop !== "closed"),
          map(bringAbout),
        );
        return [
          orders.pipe(map((order, { partition, offset }) => ({ id: order.id, partition, at: offset })))
            .to(postgresTable("orders", { columns: { id: "text", partition: "int", at: "bigint" }, key: ["id"] })),
          orders.pipe(aggregate({ by: (order) => ({ id: order.id }), compute: { times: count() } }))
            .to(postgresTable("applied")),
          orders.pipe(aggregate({
            by: (order) => ({ shop: order.shop }),
            window: tumbling("${windowMs / 1_000}s"),
            compute: { orders: count(), total: sum((order) => order.amount) },
          })).to(postgresTable("shops")),
          orders.pipe(map(({ customer, id, amount }) => ({ customer, id, amount }))).to(cassandraTable("${name}.latest", {
            columns: { customer: "text", id: "text", amount: "double" },
            key: ["customer"],
          })),
          orders.pipe(map((order, { partition, offset }) => ({ id: order.id, partition, offset })))
            .to(topic("${name}.out", { key: (row) => row.id, codec: json(result), partitions: 2 })),
          orders.pipe(aggregate({
            by: (order) => ({ shop: order.shop }),
            window: tumbling("${windowMs / 1_000}s"),
            compute: { orders: count() },
          })).to(topic("${name}.shops", {
            key: (row) => row.shop,
            codec: {
              ...text(),
              encode: (row) =>
                new TextEncoder().encode([row.window_start.getTime(), row.shop, row.orders].join("|")),
            },
            partitions: 2,
          })),
        ];
      },
    });`;
}
