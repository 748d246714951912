/** Positions that the log no longer has: named, and resolved by the command that the message names. */
import assert from "node:assert/strict";
import { haveServers, kafkaClients, openStores, testUser } from "../support/main_job.ts";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const users = (count: number, from = 0) =>
  Array.from(
    { length: count },
    (_, n) => ({ key: `user-${from + n}`, value: JSON.stringify(testUser(from + n)) }),
  );

async function weir(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", main, ...args],
    env,
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

for (const client of kafkaClients) {
  Deno.test({
    name: `${client}: a topic made anew stops the pipeline, and a reset lets it go on`,
    ignore: !haveServers,
    fn: async () => {
      await using stores = await openStores(client);
      const topics = ["users_created", "users_created.dead-letter", "users_enriched"];
      const start = () =>
        startWeir({
          command: [Deno.execPath(), "run", "--allow-all", main],
          dataDir: "unused",
          env: stores.env,
        });
      await stores.createTopics(topics, 1);
      await stores.cql("drop keyspace if exists spark_streams");
      await stores.produce("users_created", users(300));
      {
        await using first = start();
        await first.until("all is written", ({ pipelines: [p] }) => (p?.records.in ?? 0) >= 300 || undefined);
        assert.equal(await first.stop(), 0);
      }
      await stores.createTopics(topics, 1);
      await stores.produce("users_created", users(5, 1_000));

      const stopped = await weir(["run", "--status-port", "0"], stores.env);
      assert.equal(stopped.code, 1, stopped.output);
      assert.match(
        stopped.output,
        /partition 0 of users_created at offset 3\d\d: .*made anew; .*weir offsets reset users --to earliest/,
      );

      const reset = await weir(["offsets", "reset", "users", "--to", "earliest"], stores.env);
      assert.equal(reset.code, 0, reset.output);
      assert.match(reset.output, /partition 0 of users_created goes on at 0/);
      {
        await using second = start();
        await second.until(
          "the new records are written",
          ({ pipelines: [p] }) => (p?.records.in ?? 0) >= 5 || undefined,
        );
        // A process that runs and has nothing to do learns of it, too.
        const { records } = await second.until(
          "it has nothing left",
          ({ pipelines: [p] }) => p?.partitions.every(({ lag }) => lag === 0) && p || undefined,
        );
        const again = await weir(["offsets", "reset", "users", "--to", "1"], stores.env);
        assert.equal(again.code, 0, again.output);
        await second.until(
          "it reads again from there",
          ({ pipelines: [p] }) => p && p.records.in >= records.in + 4 && p.state === "running" || undefined,
        );
        assert.equal(await second.stop(), 0);
      }
      const [rows] = await stores.database.query(
        "select count(*)::text as n from users where id like 'user-10__'",
      );
      assert.equal(rows!.n, "5");
      const shown = JSON.parse((await weir(["offsets", "show", "users", "--json"], stores.env)).output);
      assert.equal(shown.partitions[0].lag, 0);
    },
  });
}
