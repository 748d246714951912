/** Windows on a real Kafka, Cassandra and Postgres: two processes, of which one is killed in the middle. */
import assert from "node:assert/strict";
import { uniqueName } from "../support/env.ts";
import { haveServers, kafkaClients, openStores } from "../support/main_job.ts";
import { readCommittedValues } from "../support/committed_records.ts";
import { Seeded } from "../support/seeded.ts";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;
const size = 8_000;
const window = 10_000;
const lateness = 2_000;

/** Counts, sums and lists per key and window: final ones to a table and a topic, each update to Cassandra. */
function moduleText(name: string): string {
  return `
    import { aggregate, cassandraTable, count, custom, json, kafka, map, pipeline, postgresTable, sum, topic, tumbling }
      from ${JSON.stringify(api)};
    const reading = { type: "record", name: "Reading", fields: [
      { name: "key", type: "string" }, { name: "at", type: "long" }, { name: "n", type: "int" } ] };
    const result = { type: "record", name: "Result", fields: [
      { name: "window_start", type: "long" }, { name: "window_end", type: "long" }, { name: "key", type: "string" },
      { name: "records", type: "long" }, { name: "total", type: "double" }, { name: "all", type: "string" } ] };
    const perKey = (results) => aggregate({
      by: (r) => ({ key: r.key }),
      window: tumbling(${window}),
      compute: {
        records: count(),
        total: sum((r) => r.n),
        all: custom({
          init: () => [],
          add: (held, r) => [...held, r.n],
          merge: (a, b) => [...a, ...b].toSorted((a, b) => a - b),
          result: (held) => held.join(","),
          type: "text",
        }),
      },
      results,
    });
    export default pipeline("windows", {
      source: kafka("${name}", { group: "${name}", codec: json(reading), eventTime: (r) => Number(r.at),
        lateness: ${lateness}, idleAfter: "1s" }),
      outputs: (stream) => [
        stream.pipe(perKey("final")).to(postgresTable("finals")),
        stream.pipe(perKey("final")).to(topic("${name}_finals", {
          key: (row) => row.key,
          codec: json(result),
        })),
        stream.pipe(perKey("updates")).to(cassandraTable("${name}.updates", {
          columns: { key: "text", window_start: "timestamp", records: "bigint", total: "double", all: "text" },
          key: ["key", "window_start"],
        })),
      ],
    });`;
}

for (const client of kafkaClients) {
  Deno.test({
    name: `windows over several processes by ${client} are exact, and final ones come once`,
    ignore: !haveServers,
    async fn() {
      await using stores = await openStores(client);
      const name = uniqueName("windows");
      const folder = await Deno.makeTempDir({ prefix: "weir-windows-" });
      const file = `${folder}/windows.js`;
      await Deno.writeTextFile(file, moduleText(name));
      await stores.createTopics([name], 8);
      const random = new Seeded(17);
      const first = Date.now() - 3_600_000;
      const records = Array.from({ length: size }, (_, i) => ({
        key: `k${random.integer(0, 40)}`,
        at: first + i * 100 - random.integer(0, lateness - 1),
        n: random.integer(-9, 9),
      }));
      await stores.produce(name, records.map((value) => ({ key: value.key, value: JSON.stringify(value) })));

      const start = () =>
        startWeir({
          command: [Deno.execPath(), "run", "--allow-all", main, "run", file, "--max-batch-records", "50"],
          dataDir: `${folder}/unused`,
          env: stores.env,
        });
      try {
        await using killed = start();
        await killed.until("it has begun", ({ pipelines: [p] }) => p && p.records.in > 200 || undefined);
        await using survivor = start();
        await survivor.until(
          "both have partitions",
          ({ pipelines: [p] }) =>
            p?.partitions.some(({ worker }) => worker !== null) &&
              p.partitions.some(({ worker }) => worker === null) || undefined,
        );
        await killed.kill();
        const watermark = Math.max(...records.map(({ at }) => at)) - lateness;
        await survivor.until(
          "everything is through",
          ({ pipelines: [p] }) =>
            p?.state === "running" && p.partitions.every(({ lag, position }) =>
                lag === 0 && position !== null
              ) &&
              Date.parse(p.watermark ?? "") === watermark && p.sinks.every(({ kind, waiting }) =>
                waiting === 0 || kind === "postgres" || kind === "dead-letter"
              ) ||
            undefined,
        );
        assert.equal(await survivor.stop(), 0);

        const expected = new Map<string, { total: number; all: number[] }>();
        for (const { key, at, n } of records) {
          const id = `${Math.floor(at / window) * window} ${key}`;
          const group = expected.get(id) ?? { total: 0, all: [] };
          expected.set(id, { total: group.total + n, all: [...group.all, n] });
        }
        const all = [...expected].map(([id, { total, all }]) =>
          `${id} ${all.length} ${total} ${all.toSorted((a, b) => a - b)}`
        ).toSorted();
        const closed = all.filter((line) => Number(line.split(" ")[0]) + window <= watermark);
        const finals = await stores.database.query(
          `select (extract(epoch from window_start) * 1000)::bigint::text || ' ' || key || ' ' || records::text
             || ' ' || total::text || ' ' || "all" as line from finals`,
        );
        assert.deepEqual(finals.map(({ line }) => line).toSorted(), closed);
        const written = (await readCommittedValues(`${name}_finals`)).map((text) => {
          const { window_start, window_end, key, records, total, all } = JSON.parse(text);
          assert.equal(window_end, window_start + window);
          return [window_start, key, records, total, all].join(" ");
        });
        assert.deepEqual(written.toSorted(), closed);
        const updates = await stores.cql(`select * from ${name}.updates`);
        const lines = updates.map(({ key, window_start, records, total, all }) =>
          `${(window_start as Date).getTime()} ${key} ${records} ${total} ${all}`
        );
        assert.deepEqual(lines.toSorted(), all);
      } finally {
        await stores.cql(`drop keyspace if exists ${name}`);
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
