import assert from "node:assert/strict";
import { ServiceError } from "../../src/errors.ts";
import { openPglite } from "../../src/warehouse/pglite.ts";
import { PgliteDatabase } from "../../src/warehouse/pglite_database.ts";
import { withSession } from "../../src/warehouse/sql_database.ts";
import { openSqlWarehouse } from "../../src/warehouse/sql_warehouse.ts";
import { rowsOf } from "../contract/warehouse_fixture.ts";
import { committed, source, table } from "./committing_process.ts";

/** A new database costs seconds, so the tests share one, each with what the one before left. */
Deno.test("the embedded warehouse and its directory", async (t) => {
  const parent = await Deno.makeTempDir({ prefix: "weir-warehouse-" });
  const directory = `${parent}/warehouse`;
  try {
    await t.step("what a creation left that was interrupted is replaced", async () => {
      await Deno.mkdir(`${directory}.new/base`, { recursive: true });
      await Deno.writeTextFile(`${directory}.new/PG_VERSION`, "half");
      const warehouse = await openPglite({ directory });
      assert.equal(await warehouse.describe(), `PGlite (PostgreSQL 18) in ${directory}`);
      await warehouse.close();
      assert.deepEqual([...Deno.readDirSync(parent)].map((entry) => entry.name), ["warehouse"]);
    });

    await t.step("what was committed survives kill -9", async () => {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-all", new URL("./committing_process.ts", import.meta.url).href, directory],
        stdout: "piped",
      }).spawn();
      let printed = "";
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        printed += text;
        if (committed(printed) >= 40) break;
      }
      child.kill("SIGKILL");
      await child.status;

      const database = await PgliteDatabase.open(directory);
      const warehouse = await openSqlWarehouse(database);
      const query = async (text: string) => {
        const rows = await withSession(database, (session) => session.query(text));
        return rows as Record<string, string | null>[];
      };
      const [position] = await warehouse.positions(source);
      assert.ok(position!.next >= committed(printed), `${position!.next} of ${committed(printed)}`);
      const rows = await rowsOf({ open: () => Promise.resolve(warehouse), query }, table, ["id", "n"]);
      assert.deepEqual(
        rows,
        [{ id: 1, n: position!.next }, { id: 2, n: position!.next }].map(
          ({ id, n }) => ({ id: `${id}`, n: `${n}` }),
        ),
      );
      await warehouse.close();
    });

    await t.step("a database that is given up is opened anew, without what was not committed", async () => {
      const database = await PgliteDatabase.open(directory);
      const count = "select count(*)::text as runs from weir.runs";
      const first = await database.session();
      await first.run("begin; insert into weir.runs (pipeline, scheduled_at) values ('lost', now())");
      assert.deepEqual(await first.query(count), [{ runs: "1" }]);
      first.release(false);
      const second = await database.session();
      assert.deepEqual(await second.query(count), [{ runs: "0" }]);
      second.release(true);
      await database.close();
      await assert.rejects(database.session(), /is closed/);
    });
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("a directory that cannot be made is refused", async () => {
  const file = await Deno.makeTempFile();
  try {
    await assert.rejects(
      openPglite({ directory: `${file}/warehouse` }),
      (error: Error) =>
        error instanceof ServiceError &&
        error.message.startsWith(`the embedded warehouse in ${file}/warehouse cannot`),
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a directory with other files is left alone", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/letter.txt`, "dear");
    await assert.rejects(
      openPglite({ directory }),
      (error: Error) =>
        error instanceof ServiceError && error.message.includes("it holds other files (letter.txt)"),
    );
    assert.equal(await Deno.readTextFile(`${directory}/letter.txt`), "dear");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
