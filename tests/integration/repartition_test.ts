/** States behind a repartition, through crashes and changes of owner on both sides of it: each record counts in them once. */
import assert from "node:assert/strict";
import { haveServers, kafkaClients, openStores } from "../support/main_job.ts";
import { uniqueName } from "../support/env.ts";
import { readCommitted, readCommittedValues } from "../support/committed_records.ts";
import { inFolder, isThrough, startModule } from "../support/module_run.ts";
import { main } from "../support/weir_command.ts";
import { PgliteDatabase } from "../../src/warehouse/pglite_database.ts";
import { withSession } from "../../src/warehouse/sql_database.ts";
import type { PipelineStatus, Status } from "../../src/status/snapshot.ts";

const api = new URL("../../src/mod.ts", import.meta.url).href;

/** Keys of the source, and keys of the states: each of these is in all partitions of the source. */
const shops = 13;
const cards = 97;

/**
 * Numbers the records of each card, which are spread over the partitions of the source. One in a hundred fails before
 * the repartition, another one behind it, after it was counted.
 */
function moduleText(topic: string, produced: number): string {
  return `
    import { delimited, kafka, map, mapWithState, pipeline, postgresTable, repartition, text, topic } from ${
    JSON.stringify(api)
  };
    const codec = delimited(["card", "n", "origin", "place"], ",");
    export default pipeline("cards", {
      schedule: {
        cron: "0 0 1 1 *",
        produce: async function* () {
          for (let n = 0; n < ${produced}; n++) {
            yield { key: "s" + n % ${shops}, value: { card: "c" + n % ${cards}, n: String(n) } };
          }
        },
      },
      source: kafka("${topic}", { group: "${topic}", codec: delimited(["card", "n"], ","), partitions: 4 }),
      outputs: (payments) => {
        const placed = payments.pipe(map(function before({ card, n }, { partition, offset }) {
          if (n.endsWith("33")) throw new Error("no 33");
          return { card, n, origin: String(partition), place: String(offset) };
        }));
        const numbered = placed.pipe(
          repartition("${topic}.by_card", { key: ({ card }) => card, codec, partitions: 3 }),
          mapWithState({
            by: ({ card }) => card,
            initial: () => 0,
            update: (count, payment) => ({ state: count + 1, emit: [{ ...payment, number: count + 1 }] }),
          }),
          map(function behind(row) {
            if (row.n.endsWith("77")) throw new Error("no 77");
            return row;
          }),
        );
        const columns = { card: "text", number: "int", n: "int", origin: "int", place: "bigint" };
        return [
          placed.pipe(map(({ origin, place }) => ({ id: origin + " " + place }))).to(
            postgresTable("placed", { columns: { id: "text" }, key: ["id"] }),
          ),
          numbered.pipe(map((row) => ({ ...row, n: Number(row.n), origin: Number(row.origin), place: BigInt(row.place) })))
            .to(postgresTable("numbered", { columns, key: ["card", "number"] })),
          numbered.pipe(map(({ card, number }) => card + " " + number)).to(
            topic("${topic}.numbered", { key: (line) => line.split(" ")[0], codec: text() }),
          ),
        ];
      },
    });`;
}

/**
 * In SQL: cards whose numbers are not 1, 2, 3, ..., that have not the order of their records in each partition of the
 * source, or that are not what the states say.
 */
const wrongCards = `
  select coalesce(r.card, s.card) as card from (
    select card, count(*) as rows, count(distinct origin || ' ' || place) as places, max(number) as last,
      bool_and(number_of_origin = place_of_origin) as in_order
    from (
      select *, row_number() over (partition by card, origin order by number) as number_of_origin,
        row_number() over (partition by card, origin order by place) as place_of_origin
      from numbered
    ) as n group by card
  ) as r full join (select key::jsonb #>> '{}' as card, value::integer as state from weir.state) as s on s.card = r.card
  where r.card is null or s.card is null or not in_order or rows <> places or rows <> last or last <> state`;

/** In the order of each card: what is not the number that follows the one before. */
function wrongLines(lines: readonly string[]): string[] {
  const last = new Map<string, number>();
  return lines.filter((line) => {
    const [card, number] = line.split(" ") as [string, string];
    const expected = (last.get(card) ?? 0) + 1;
    last.set(card, Number(number));
    return Number(number) !== expected;
  });
}

/** The stages, when there are both. */
function stages({ pipelines }: Status): { first: PipelineStatus; second: PipelineStatus } | undefined {
  const [first, second] = pipelines;
  return first && second && { first, second };
}

const hasTaken = (first: number, second: number) => (status: Status) => {
  const found = stages(status);
  return found && found.first.records.in >= first && found.second.records.in >= second || undefined;
};

const start = (folder: string, env: Record<string, string> = {}, ...flags: string[]) =>
  startModule(folder, "cards.ts", env, ...flags);

for (const client of kafkaClients) {
  Deno.test({
    name: `${client}: states behind a repartition are exact when processes are killed on either side of it`,
    ignore: !haveServers,
    fn: () =>
      inFolder("weir-repartition-", async (folder) => {
        await using stores = await openStores(client);
        const topic = uniqueName("cards");
        await stores.createTopics([topic], 4);
        await Deno.writeTextFile(`${folder}/cards.ts`, moduleText(topic, 0));
        let made = 0;
        const produce = (count: number) =>
          stores.produce(
            topic,
            Array.from(
              { length: count },
              () => ({ key: `s${made % shops}`, value: `c${made % cards},${made++}` }),
            ),
          );
        const select = async (query: string) => {
          const [{ count } = {}] = await stores.database.query(
            `select count(*)::text as count from ${query}`,
          );
          return Number(count);
        };
        const few = ["--max-batch-records", "100"];
        await produce(9_000);
        for (const [first, second] of [[500, 1], [1, 500]] as const) {
          await using weir = start(folder, stores.env, ...few);
          await weir.until("some went through", hasTaken(first, second));
          await weir.kill();
        }
        await using first = start(folder, stores.env, ...few);
        await using second = start(folder, stores.env, ...few);
        await produce(6_000);
        const owned = (each: PipelineStatus) =>
          each.partitions.filter(({ worker }) => worker !== null).length;
        await second.until("the other takes part", (status) => {
          const found = stages(status);
          return found && owned(found.first) === 2 && owned(found.second) < 3 || undefined;
        });
        await produce(3_000);
        await first.until("it has taken some", hasTaken(1, 1));
        await first.kill();
        const expected = 18_000 - 180;
        await second.until("all is through", (status) => {
          const found = stages(status);
          return found && owned(found.first) === 4 && owned(found.second) === 3 && isThrough(found.first) &&
              isThrough(found.second) || undefined;
        });
        while (await select("numbered") + 180 < expected) await second.until("more is written", () => true);
        while (await select("weir.outbox") > 0) await second.until("more is published", () => true);
        assert.equal(await second.stop(), 0);
        assert.deepEqual(await stores.database.query(wrongCards), []);
        assert.equal(await select("numbered"), expected - 180);
        assert.equal(await select("placed"), expected);
        assert.equal((await readCommitted(`${topic}.by_card`)).length, expected);
        const lines = await readCommittedValues(`${topic}.numbered`);
        assert.equal(lines.length, expected - 180);
        assert.deepEqual(wrongLines(lines), []);
      }),
  });
}

async function weir(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", main, ...args, "--data-dir", `${folder}/data`],
    env,
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test({
  name: "a stage whose topic was made anew fails the whole pipeline, until its position is set",
  ignore: !haveServers,
  fn: () =>
    inFolder("weir-repartition-", async (folder) => {
      await using stores = await openStores("platformatic");
      const topic = uniqueName("cards");
      const file = `${folder}/cards.ts`;
      await stores.createTopics([topic], 4);
      await Deno.writeTextFile(file, moduleText(topic, 0));
      const produce = (count: number) =>
        stores.produce(
          topic,
          Array.from({ length: count }, (_, n) => ({ key: `s${n % shops}`, value: `c1,${n}` })),
        );
      const through = (status: Status) => {
        const found = stages(status);
        return found && [found.first, found.second].every(isThrough) && found.second.records.in >= 30 ||
          undefined;
      };
      await produce(30);
      {
        await using first = start(folder, stores.env);
        await first.until("all is through", through);
        assert.equal(await first.stop(), 0);
      }
      await stores.createTopics([`${topic}.by_card`], 3);
      const failed = await weir(folder, ["run", "--status-port", "0", file], stores.env);
      assert.equal(failed.code, 1, failed.output);
      assert.match(
        failed.output,
        /^cards\/\S+: Cannot go on in partition \d of \S+ at offset \d+.*: the topic was deleted and made anew; .* weir offsets reset cards --topic \S+ --to earliest$/m,
      );
      assert.match(failed.output, /^cards: cards\/\S+ has failed: Cannot go on/m);

      const reset = await weir(
        folder,
        ["offsets", "reset", file, "--topic", `${topic}.by_card`, "--to", "earliest"],
        stores.env,
      );
      assert.equal(reset.code, 0, reset.output);
      assert.match(reset.output, /^partition 0 of \S+\.by_card goes on at 0$/m);
      const other = await weir(
        folder,
        ["offsets", "reset", file, "--topic", "x", "--to", "earliest"],
        stores.env,
      );
      assert.deepEqual([other.code, other.output.trim()], [
        2,
        `weir: --topic is "x": cards reads ${topic}, ${topic}.by_card`,
      ]);
      await produce(30);
      await using second = start(folder, stores.env);
      await second.until("what came since is through", through);
      assert.equal(await second.stop(), 0);
      const shown = await weir(folder, ["offsets", "show", "--json", file], stores.env);
      const { stages: [behind], ...source } = JSON.parse(shown.output);
      assert.deepEqual([source.topic, source.group], [topic, topic]);
      assert.deepEqual([behind.topic, behind.group], [`${topic}.by_card`, `${topic}/${topic}.by_card`]);
      const lags = [...source.partitions, ...behind.partitions].map(({ lag }: { lag: number }) => lag);
      assert.deepEqual(lags, [0, 0, 0, 0, 0, 0, 0]);
      const [{ state } = {}] = await stores.database.query("select value as state from weir.state");
      assert.equal(state, "60");
    }),
});

Deno.test("embedded: states behind a repartition are exact when the process is killed", async () => {
  await inFolder("weir-repartition-", async (folder) => {
    const file = `${folder}/cards.ts`;
    await Deno.writeTextFile(file, moduleText("payments", 3_000));
    for (const [first, second] of [[1, 1], [500, 1], [1, 500]] as const) {
      await using weir = start(folder, {}, "--max-batch-records", "100");
      await weir.until("some went through", hasTaken(first, second));
      await weir.kill();
    }
    await Deno.writeTextFile(file, moduleText("payments", 0));
    await using last = start(folder);
    const made = await last.until("all is through", (status) => {
      const found = stages(status);
      if (!found || ![found.first, found.second].every(isThrough)) return undefined;
      const [source, behind] = [found.first, found.second].map(({ partitions }) =>
        partitions.reduce((sum, { position }) => sum + (position ?? 0), 0)
      );
      return behind! >= source! * 0.99 ? { source, behind } : undefined;
    });
    assert.equal(await last.stop(), 0);
    const database = await PgliteDatabase.open(`${folder}/data/warehouse`);
    const query = (text: string) => withSession(database, (session) => session.query(text));
    assert.deepEqual(await query(wrongCards), []);
    const [{ placed, numbered } = {}] = await query(
      "select (select count(*) from placed) as placed, (select count(*) from numbered) as numbered",
    );
    await database.close();
    assert.equal(Number(placed), made.behind);
    assert.ok(Number(placed) > 500);
    const shown = await weir(folder, ["offsets", "show", file]);
    assert.equal(shown.code, 0, shown.output);
    assert.match(
      shown.output,
      /^payments, read as payments$[^]*^payments\.by_card, read as payments\/payments\.by_card$/m,
    );
    assert.ok(Number(numbered) < Number(placed) && Number(numbered) >= Number(placed) * 0.98);
  });
});
