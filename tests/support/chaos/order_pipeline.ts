import { windowMs } from "./orders.ts";

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

/** What differs from job to job. */
export interface OrderPipelineOptions {
  readonly name: string;
  readonly partitions: number;
  /** How far behind orders may be before their windows close, in milliseconds. */
  readonly latenessMs: number;
  /** The URL of Weir's public API. */
  readonly api: string;
}

/**
 * The module of the job's pipeline. It counts the orders of each id, so that one that is applied twice is seen, beside
 * writing them to tables, windows and a topic. Behind a repartition it numbers the orders of each shop, which are in all
 * partitions. Partitions are idle whenever nothing comes for a moment, so that they are marked and woken all the time.
 */
export function orderPipeline({ name, partitions, latenessMs, api }: OrderPipelineOptions): string {
  return `
    import {
      aggregate, cassandraTable, count, filter, json, kafka, map, mapWithState, pipeline, postgresTable, repartition, sum,
      text, topic, tumbling, validate,
    } from ${JSON.stringify(api)};

    const order = {
      type: "record",
      name: "Order",
      fields: [
        { name: "id", type: "string" }, { name: "customer", type: "string" }, { name: "shop", type: "string" },
        { name: "amount", type: "double" }, { name: "note", type: "string" },
      ],
    } as const;
    const place = [{ name: "partition", type: "int" }, { name: "offset", type: "long" }] as const;
    const result = { type: "record", name: "Result", fields: [{ name: "id", type: "string" }, ...place] } as const;
    const placed = { type: "record", name: "Placed", fields: [{ name: "shop", type: "string" }, ...place] } as const;
    const numbered = {
      type: "record",
      name: "Numbered",
      fields: [{ name: "shop", type: "string" }, { name: "number", type: "int" }, ...place],
    } as const;
    const window = tumbling("${windowMs / 1_000}s");
    const linesOfWindows = {
      key: (row) => row.shop,
      codec: {
        ...text(),
        encode: (row) => new TextEncoder().encode([row.window_start.getTime(), row.shop, row.orders].join("|")),
      },
      partitions: 2,
    };

    ${bringAbout}

    export default pipeline("${name.replaceAll("_", "-")}", {
      source: kafka("${name}", {
        group: "${name}",
        codec: json(order),
        partitions: ${partitions},
        lateness: "${latenessMs}ms",
        idleAfter: "50ms",
      }),
      outputs: (stream) => {
        const orders = stream.pipe(
          validate((order) => order.amount >= 0 || "a negative amount"),
          filter((order) => order.shop !== "closed"),
          map(bringAbout),
        );
        const perShop = { by: (order) => ({ shop: order.shop }), window, compute: { orders: count() } };
        const ofShops = orders.pipe(
          map(({ shop }, { partition, offset }) => ({ shop, partition, offset })),
          repartition("${name}.by-shop", {
            key: ({ shop }) => shop,
            codec: json(placed),
            partitions: 3,
          }),
          mapWithState({
            by: ({ shop }) => shop,
            initial: () => 0,
            update: (last, each) => ({ state: last + 1, emit: [{ ...each, number: last + 1 }] }),
          }),
        );
        return [
          orders.pipe(map((order, { partition, offset }) => ({ id: order.id, partition, at: offset })))
            .to(postgresTable("orders", { columns: { id: "text", partition: "int", at: "bigint" }, key: ["id"] })),
          orders.pipe(aggregate({ by: (order) => ({ id: order.id }), compute: { times: count() } }))
            .to(postgresTable("applied")),
          orders.pipe(aggregate({
            ...perShop,
            compute: { orders: count(), total: sum((order) => order.amount) },
          })).to(postgresTable("shops")),
          orders.pipe(map(({ customer, id, amount }) => ({ customer, id, amount }))).to(cassandraTable("${name}.latest", {
            columns: { customer: "text", id: "text", amount: "double" },
            key: ["customer"],
          })),
          orders.pipe(map((order, { partition, offset }) => ({ id: order.id, partition, offset })))
            .to(topic("${name}.out", { key: (row) => row.id, codec: json(result), partitions: 2 })),
          orders.pipe(aggregate(perShop)).to(topic("${name}.shops", linesOfWindows)),
          orders.pipe(aggregate({ ...perShop, results: "final" })).to(topic("${name}.closed", linesOfWindows)),
          ofShops.pipe(map(({ shop, number, partition, offset }) => ({ shop, number, partition, at: offset })))
            .to(postgresTable("numbered", {
              columns: { shop: "text", number: "int", partition: "int", at: "bigint" },
              key: ["shop", "number"],
            })),
          ofShops.to(topic("${name}.numbered", { key: (row) => row.shop, codec: json(numbered), partitions: 2 })),
        ];
      },
    });`;
}
