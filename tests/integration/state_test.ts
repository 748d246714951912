/** States of operators through crashes and changes of owner: each record counts in them exactly once. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { haveServers, kafkaClients, openStores } from "../support/main_job.ts";
import { uniqueName } from "../support/env.ts";
import { readCommittedValues } from "../support/committed_records.ts";
import { inFolder, startModule } from "../support/module_run.ts";
import { PgliteDatabase } from "../../src/warehouse/pglite_database.ts";
import { withSession } from "../../src/warehouse/sql_database.ts";
import type { Status } from "../../src/status/snapshot.ts";

const api = new URL("../../src/mod.ts", import.meta.url).href;

/**
 * Numbers the records of each key, and writes a row and a record for each number; one in a hundred fails after it was
 * counted.
 */
function moduleText(topic: string, produced: number): string {
  return `
    import { delimited, kafka, map, mapWithState, pipeline, postgresTable, text, topic } from ${
    JSON.stringify(api)
  };
    export default pipeline("numbering", {
      schedule: {
        cron: "0 0 1 1 *",
        produce: async function* () {
          for (let n = 0; n < ${produced}; n++) {
            yield { key: "k" + n % 97, value: { who: "k" + n % 97, n: String(n) } };
          }
        },
      },
      source: kafka("${topic}", { group: "${topic}", codec: delimited(["who", "n"], ",") }),
      outputs: (stream) => {
        const numbered = stream.pipe(
          mapWithState({
            by: (row) => row.who,
            initial: () => 0,
            update: (count, { who, n }, { partition, offset }) => ({
              state: count + 1,
              emit: [{ who, number: count + 1, n, partition, position: offset }],
            }),
          }),
          map(function check(row) {
            if (row.n.endsWith("77")) throw new Error("no 77");
            return row;
          }),
        );
        return [
          numbered.to(postgresTable("numbered", {
            columns: { who: "text", number: "int", n: "text", partition: "int", position: "bigint" },
            key: ["who", "number"],
          })),
          numbered.pipe(map(({ who, number }) => who + " " + number)).to(
            topic("${topic}.numbered", { key: (line) => line.split(" ")[0], codec: text() }),
          ),
        ];
      },
    });`;
}

/** In SQL: keys whose numbers are not 1, 2, 3, ... in the order of their records, or are not what the states say. */
const wrongKeys = `
  select coalesce(r.who, s.who) as who from (
    select who, count(*) as rows, max(number) as last, bool_and(number = place) as in_order
    from (select *, row_number() over (partition by who order by position) as place from numbered) as n group by who
  ) as r full join (select key::jsonb #>> '{}' as who, value::integer as state from weir.state) as s on s.who = r.who
  where r.who is null or s.who is null or not in_order or rows <> last or last <> state`;

/** In the order of each key: what is not the number that follows the one before. */
function wrongLines(lines: readonly string[]): string[] {
  const last = new Map<string, number>();
  return lines.filter((line) => {
    const [who, number] = line.split(" ") as [string, string];
    const expected = (last.get(who) ?? 0) + 1;
    last.set(who, Number(number));
    return Number(number) !== expected;
  });
}

const isDone = (records: number) => ({ pipelines: [numbering] }: Status) =>
  numbering?.state === "running" && numbering.records.in >= records && numbering.partitions.length > 0 &&
    numbering.partitions.every(({ lag }) => lag === 0) || undefined;

const hasTaken = (records: number) => ({ pipelines: [numbering] }: Status) =>
  numbering && numbering.records.in >= records || undefined;

const start = (folder: string, env: Record<string, string> = {}, ...flags: string[]) =>
  startModule(folder, "numbering.ts", env, ...flags);

for (const client of kafkaClients) {
  Deno.test({
    name: `${client}: states go on exactly when processes join, leave and are killed`,
    ignore: !haveServers,
    fn: () =>
      inFolder("weir-state-", async (folder) => {
        await using stores = await openStores(client);
        const topic = uniqueName("numbers");
        await stores.createTopics([topic], 4);
        await Deno.writeTextFile(`${folder}/numbering.ts`, moduleText(topic, 0));
        let made = 0;
        const produce = (count: number) =>
          stores.produce(
            topic,
            Array.from({ length: count }, () => ({ key: `k${made % 97}`, value: `k${made % 97},${made++}` })),
          );
        await produce(12_000);
        const args = ["--max-batch-records", "100"];
        await using first = start(folder, stores.env, ...args);
        await first.until("some are counted", hasTaken(1_000));
        await using second = start(folder, stores.env, ...args);
        await second.until("the other takes part", ({ pipelines: [numbering] }) =>
          numbering?.partitions.filter(({ worker }) =>
              worker !== null
            ).length === 2 || undefined);
        await produce(6_000);
        await second.until("it has counted some", hasTaken(200));
        await first.kill();
        await produce(6_000);
        await second.until("it has taken over", isDone(1));
        assert.equal(await second.stop(), 0);
        await using third = start(folder, stores.env);
        await produce(1_000);
        await third.until("all is counted", isDone(1_000));
        for (let left = 1; left > 0;) {
          const [{ waiting } = {}] = await stores.database.query(
            "select count(*)::text as waiting from weir.outbox",
          );
          left = Number(waiting);
          if (left > 0) await third.until("more is published", () => true);
        }
        assert.equal(await third.stop(), 0);
        assert.deepEqual(await stores.database.query(wrongKeys), []);
        const [{ rows } = {}] = await stores.database.query("select count(*)::text as rows from numbered");
        assert.equal(Number(rows), 25_000 - 250);
        const lines = await readCommittedValues(`${topic}.numbered`);
        assert.equal(lines.length, 25_000 - 250);
        assert.deepEqual(wrongLines(lines), []);
      }),
  });
}

Deno.test("embedded: states go on exactly when the process is killed", async () => {
  await inFolder("weir-state-", async (folder) => {
    await Deno.writeTextFile(`${folder}/numbering.ts`, moduleText("numbers", 6_000));
    for (const enough of [1, 3_000]) {
      await using weir = start(folder, {}, "--max-batch-records", "100");
      await weir.until("some are counted", hasTaken(enough));
      await weir.kill();
    }
    await using weir = start(folder);
    await weir.until("all is counted", isDone(6_000));
    assert.equal(await weir.stop(), 0);
    const database = await PgliteDatabase.open(`${folder}/data/warehouse`);
    const query = (text: string) => withSession(database, (session) => session.query(text));
    assert.deepEqual(await query(wrongKeys), []);
    const [{ rows, records } = {}] = await query(
      "select (select count(*) from numbered) as rows, (select sum(next_offset) from weir.positions) as records",
    );
    assert.equal(Number(rows), Number(records) * 0.99);
    const [{ waiting } = {}] = await query("select count(*) as waiting from weir.outbox");
    await database.close();
    const lines = published(`${folder}/data/log.db`);
    assert.deepEqual(wrongLines(lines), []);
    assert.equal(lines.length + Number(waiting), Number(rows));
  });
});

/** The values of the topic of numbers, in the order of each key. */
function published(file: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare(
    `select cast(value as text) as line from records
     where topic = (select id from topics where name = 'numbers.numbered') order by partition, "offset"`,
  ).all();
  database.close();
  return rows.map(({ line }) => String(line));
}
