/** A join of two topics, through crashes of all that takes part in it: every pair there is once, and no other one. */
import assert from "node:assert/strict";
import { readCommittedValues } from "../support/committed_records.ts";
import { uniqueName } from "../support/env.ts";
import { haveServers, kafkaClients, openStores } from "../support/main_job.ts";
import { Seeded } from "../support/seeded.ts";
import { inFolder, isThrough, startModule } from "../support/module_run.ts";
import { main } from "../support/weir_command.ts";
import { startWeir } from "../support/weir_process.ts";
import { PgliteDatabase } from "../../src/warehouse/pglite_database.ts";
import { withSession } from "../../src/warehouse/sql_database.ts";
import type { PipelineStatus, Status } from "../../src/status/snapshot.ts";

const api = new URL("../../src/mod.ts", import.meta.url).href;

/** Milliseconds that a pair may be apart. */
const within = 10_000;

/**
 * `order payment` for each pair, counted by itself and written to a topic. Both sides are kept as they were read, too. The
 * lateness is longer than all event times are apart: one topic may be read to its end before the other.
 */
function moduleText(orders: string, payments: string, schedule = ""): string {
  return `
    import { aggregate, count, delimited, joinWithin, kafka, map, pipeline, postgresTable, text, topic } from ${
    JSON.stringify(api)
  };
    const codec = delimited(["id", "key", "at"], ",");
    const eventTime = ({ at }) => Number(at);
    const kept = { columns: { id: "text", key: "text", at: "double" }, key: ["id"] };
    const keep = (stream, table) => stream.pipe(map((each) => ({ ...each, at: Number(each.at) }))).to(postgresTable(table, kept));
    export default pipeline("paid", {
      ${schedule}
      source: kafka("${orders}", { group: "${orders}", codec, eventTime, partitions: 4 }),
      sources: { payments: kafka("${payments}", { group: "${payments}", codec, eventTime, partitions: 3 }) },
      outputs: (orders, { payments }) => {
        const pairs = orders.pipe(joinWithin(payments, {
          by: ({ key }) => key,
          otherBy: ({ key }) => key,
          within: ${within},
          lateness: "1d",
          through: { topic: "${orders}.met", codec, otherCodec: codec },
          with: (order, payment) => order.id + " " + payment.id,
        }));
        return [
          keep(orders, "orders"),
          keep(payments, "payments"),
          pairs.pipe(aggregate({ by: (pair) => ({ pair }), compute: { times: count() } })).to(postgresTable("pairs")),
          pairs.to(topic("${orders}.pairs", { key: (pair) => pair, codec: text() })),
        ];
      },
    });`;
}

/** Pairs that are wrong or missing, or not there exactly once, as SQL finds them from what was read. */
const wrongPairs = `
  select coalesce(expected.pair, found.pair) as pair, times from (
    select o.id || ' ' || p.id as pair from orders o join payments p on o.key = p.key and abs(o.at - p.at) <= ${within}
  ) as expected full join pairs as found on found.pair = expected.pair
  where expected.pair is null or found.pair is null or times <> 1`;

/** Lines of one side, whose numbers go on after those that were made; out of order by up to half a minute. */
function linesOf(side: "o" | "p", made: number, amount: number, random: Seeded): string[] {
  const start = Date.UTC(2026, 0, 1);
  return Array.from({ length: amount }, (_, i) => {
    const n = made + i;
    return `${side}${n},k${n % 701},${start + n * 20 + random.integer(-30_000, 0)}`;
  });
}

interface Line {
  readonly id: string;
  readonly key: string;
  readonly at: number;
}

function parsed(lines: readonly string[]): Line[] {
  return lines.map((line) => {
    const [id, key, at] = line.split(",") as [string, string, string];
    return { id, key, at: Number(at) };
  });
}

/** What a comparison of all with all finds. */
function pairsOf(orders: readonly Line[], payments: readonly Line[]): string[] {
  const byKey = Map.groupBy(payments, ({ key }) => key);
  return orders.flatMap((order) =>
    (byKey.get(order.key) ?? []).filter(({ at }) => Math.abs(at - order.at) <= within)
      .map(({ id }) => `${order.id} ${id}`)
  ).sort();
}

/** What takes part, when all of it is there: orders, payments, and where they meet. */
function parts({ pipelines }: Status): readonly PipelineStatus[] | undefined {
  const found = pipelines.filter(({ name }) => name === "paid" || name.startsWith("paid/"));
  return found.length === 3 ? found : undefined;
}

const hasTaken = (...counts: readonly number[]) => (status: Status) =>
  parts(status)?.every(({ records }, i) => records.in >= counts[i]!) || undefined;

const start = (folder: string, env: Record<string, string> = {}, ...flags: string[]) =>
  startModule(folder, "paid.ts", env, ...flags);

for (const client of kafkaClients) {
  Deno.test({
    name: `${client}: every pair of two topics is found once when processes are killed on all sides`,
    ignore: !haveServers,
    fn: () =>
      inFolder("weir-join-topics-", async (folder) => {
        await using stores = await openStores(client);
        const [orders, payments] = [uniqueName("orders"), uniqueName("payments")];
        await stores.createTopics([orders], 4);
        await stores.createTopics([payments], 3);
        await Deno.writeTextFile(`${folder}/paid.ts`, moduleText(orders, payments));
        const random = new Seeded(1);
        const made = { o: 0, p: 0 };
        const produce = async (side: "o" | "p", amount: number) => {
          const lines = linesOf(side, made[side], amount, random);
          made[side] += amount;
          // Of another key than the join's.
          const records = lines.map((value) => ({ key: `c${random.integer(0, 50)}`, value }));
          await stores.produce(side === "o" ? orders : payments, records);
        };
        const few = ["--max-batch-records", "100"];
        for (const counts of [[400, 1, 1], [1, 400, 400]]) {
          await produce("o", 2_000);
          await produce("p", 2_000);
          await using weir = start(folder, stores.env, ...few);
          await weir.until("some went through", hasTaken(...counts));
          await weir.kill();
        }
        await using first = start(folder, stores.env, ...few);
        await using second = start(folder, stores.env, ...few);
        const owned = (status: Status) =>
          parts(status)?.map(({ partitions }) => partitions.filter(({ worker }) => worker !== null).length);
        await second.until("the other takes part", (status) => {
          const counts = owned(status);
          return counts?.[0] === 2 && counts[1]! < 3 && counts[2] === 2 || undefined;
        });
        await produce("p", 2_000);
        await first.until("it has taken some", hasTaken(0, 1, 1));
        await first.kill();
        await produce("o", 2_000);
        await second.until("all is through", (status) =>
          String(owned(status)) === "4,3,4" && parts(status)!.every(isThrough) || undefined);
        const select = async (query: string) => {
          const [{ count } = {}] = await stores.database.query(
            `select count(*)::text as count from ${query}`,
          );
          return Number(count);
        };
        const expected = pairsOf(
          parsed(await readCommittedValues(orders)),
          parsed(await readCommittedValues(payments)),
        );
        assert.ok(expected.length > 2_000, `${expected.length} pairs`);
        while (await select("pairs") < expected.length) {
          await second.until("more is written", () =>
            true);
        }
        while (await select("weir.outbox") > 0) await second.until("more is published", () => true);
        assert.equal(await second.stop(), 0);
        assert.deepEqual([await select("orders"), await select("payments")], [made.o, made.p]);
        assert.deepEqual(await stores.database.query(wrongPairs), []);
        assert.deepEqual((await readCommittedValues(`${orders}.pairs`)).sort(), expected);
        assert.equal((await readCommittedValues(`${orders}.met`)).length, made.o + made.p);
      }),
  });
}

/** Produces the payments of the embedded test, whose log takes no records from elsewhere. */
const payers = `
  import { kafka, map, pipeline, postgresTable, text } from ${JSON.stringify(api)};
  const lines = LINES;
  export default pipeline("payers", {
    schedule: {
      cron: "0 0 1 1 *",
      produce: async function* () {
        for (const value of lines) yield { key: value.slice(-2), value };
      },
    },
    source: kafka("payments", { group: "payers", codec: text(), partitions: 3 }),
    outputs: (lines) => [
      lines.pipe(map((line) => ({ line }))).to(postgresTable("payers", { columns: { line: "text" }, key: ["line"] })),
    ],
  });`;

Deno.test("embedded: every pair of two topics is found once when the process is killed", async () => {
  await inFolder("weir-join-topics-", async (folder) => {
    const random = new Seeded(2);
    // Each start makes lines of its own, as far as it comes.
    const write = async (orders: readonly string[], payments: readonly string[]) => {
      const schedule = `schedule: {
        cron: "0 0 1 1 *",
        produce: async function* () {
          for (const line of ${JSON.stringify(orders)}) {
            const [id, key, at] = line.split(",");
            yield { key: at.slice(-2), value: { id, key, at } };
          }
        },
      },`;
      await Deno.writeTextFile(`${folder}/paid.ts`, moduleText("orders", "payments", schedule));
      await Deno.writeTextFile(`${folder}/payers.ts`, payers.replace("LINES", JSON.stringify(payments)));
    };
    for (const [i, counts] of [[1, 1, 1], [300, 1, 100], [1, 300, 100]].entries()) {
      await write(linesOf("o", i * 1_000, 1_000, random), linesOf("p", i * 1_000, 1_000, random));
      await using weir = start(folder, {}, `${folder}/payers.ts`, "--max-batch-records", "50");
      await weir.until("some went through", hasTaken(...counts));
      await weir.kill();
    }
    await write([], []);
    await using last = start(folder, {}, `${folder}/payers.ts`);
    const made = await last.until("all is through", (status) => {
      const found = parts(status);
      if (!found?.every(isThrough)) return undefined;
      const [orders, payments, met] = found.map(({ partitions }) =>
        partitions.reduce((sum, { position }) => sum + (position ?? 0), 0)
      );
      return met === orders! + payments! ? { orders, payments } : undefined;
    });
    assert.equal(await last.stop(), 0);
    const database = await PgliteDatabase.open(`${folder}/data/warehouse`);
    const query = (text: string) => withSession(database, (session) => session.query(text));
    assert.deepEqual(await query(wrongPairs), []);
    const [{ orders, payments, pairs } = {}] = await query(
      "select (select count(*) from orders) as orders, (select count(*) from payments) as payments, " +
        "(select count(*) from pairs) as pairs",
    );
    await database.close();
    assert.deepEqual([Number(orders), Number(payments)], [made.orders, made.payments]);
    assert.ok(Number(pairs) > 100, `${pairs} pairs`);
    await using shown = startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "offsets", "show", `${folder}/paid.ts`],
      dataDir: `${folder}/data`,
    });
    await shown.ended;
    assert.match(
      shown.printed(),
      /^orders, read as orders$[^]*^payments, read as payments$[^]*^orders\.met, read as orders\/orders\.met$/m,
    );
  });
});
