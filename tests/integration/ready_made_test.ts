/** All ready-made pipelines in one real process, on embedded data. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { readyMade } from "../../src/pipelines/mod.ts";
import { openPglite } from "../../src/warehouse/pglite.ts";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;

Deno.test("every ready-made pipeline brings results, without anything but Deno", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-ready-made-" });
  const names = Object.keys(readyMade);
  try {
    await using weir = startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "run", ...names],
      dataDir: folder,
    });
    const pipelines = await weir.until(
      "all is read, and something written to every sink",
      ({ pipelines }) => {
        const dead = (name: string) => name.endsWith(".dead-letter");
        const isDone = pipelines.length === names.length &&
          pipelines.every(({ sinks, partitions, records }) =>
            records.in > 0 && partitions.every(({ lag }) => lag === 0) &&
            sinks.every(({ name, written }) => dead(name) || written > 0)
          );
        return isDone ? pipelines : undefined;
      },
    );
    assert.deepEqual(pipelines.map(({ name }) => name), names);
    for (const { name, state, records } of pipelines) {
      assert.equal(state, "running", name);
      assert.equal(records.in, records.out + records.filtered + records.deadLettered, name);
    }
    assert.equal(await weir.stop(), 0);

    const alerts = await inWarehouse(folder, async (select) => {
      const words = await select("select value from word_count where count > 5");
      assert.ok(words.some(({ value }) => value === "the"));
      const top = await select(
        "select top->0->>'page' as page, top->0->'views' as views from top_pages",
      );
      assert.ok(top.length >= 2 && top.every(({ page, views }) => page && Number(views) > 0));
      const sensors = await select("select distinct sensor from sensor_temperature where mean > 0");
      assert.equal(sensors.length, 5);
      assert.ok((await select("select 1 from words_per_minute")).length > 20);
      return await select("select card, rule, at from card_alerts");
    });
    assert.deepEqual(new Set(alerts.map(({ rule }) => rule)), new Set(["too far", "too many"]));
    const records = stored(
      `${folder}/log.db`,
      "select t.name from records r join topics t on t.id = r.topic where t.name = 'card_alerts'",
    );
    // Some may wait in the outbox still.
    assert.ok(records.length > 0 && records.length <= alerts.length, `${records.length} of ${alerts.length}`);
    assert.ok(stored(`${folder}/tables.db`, 'select * from "sensors.smoothed"').length >= 25);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

type Rows = readonly Readonly<Record<string, unknown>>[];

async function inWarehouse<T>(
  folder: string,
  look: (select: (query: string) => Promise<Rows>) => Promise<T>,
): Promise<T> {
  const warehouse = await openPglite({ directory: `${folder}/warehouse` });
  try {
    return await look((query) => warehouse.select(query, 1_000));
  } finally {
    await warehouse.close();
  }
}

function stored(file: string, query: string): Rows {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare(query).all();
  } finally {
    database.close();
  }
}
