import assert from "node:assert/strict";
import { testPipeline } from "../../src/mod.ts";
import webTraffic from "../../src/pipelines/web_traffic.ts";

const noon = Date.parse("2026-01-31T12:00:00Z");
const view = (site: string, path: string, visitor: string, region = "europe") => ({
  value: { site, path, visitor, region },
});

Deno.test("web_traffic: views of one region are counted by page, with what is known of the site", async () => {
  const test = await testPipeline(webTraffic, { now: noon });
  await test.send(
    view("shop.example", "/", "ada"),
    view("shop.example", "/", "bob"),
    view("shop.example", "/", "eve", "asia"),
    view("news.example", "/", "eve"),
    view("nowhere.example", "/", "eve"),
  );
  const minute = { window_start: new Date(noon), window_end: new Date(noon + 60_000) };
  assert.deepEqual(test.rows("top_pages"), [
    { ...minute, category: "news", page: "news.example/", views: 1n, last_visitor: "eve" },
    { ...minute, category: "shop", page: "shop.example/", views: 2n, last_visitor: "bob" },
  ]);
  assert.deepEqual(test.counts, { in: 5, out: 3, filtered: 2, deadLettered: 0, late: 0, ahead: 0 });
  test.refer("sites", [{ site: "nowhere.example", owner: "Eve", category: "lost" }]);
  await test.send(view("nowhere.example", "/", "eve"), view("shop.example", "/", "ada"));
  assert.deepEqual(test.rows("top_pages").map(({ category, views }) => [category, views]), [
    ["lost", 1n],
    ["news", 1n],
    ["shop", 2n],
  ]);
});

Deno.test("web_traffic: in a run some pages have many more views than others, and some are left out", async () => {
  const test = await testPipeline(webTraffic, { now: noon });
  assert.equal(await test.produce(), 200);
  const { out, filtered, late } = test.counts;
  assert.deepEqual([out + filtered, late], [200, 0]);
  assert.ok(filtered > 50 && out > 50, `${out} of 200`);
  const rows = test.rows("top_pages");
  assert.equal(rows.reduce((sum, { views }) => sum + Number(views), 0), out);
  const views = rows.map(({ views }) => Number(views)).sort((a, b) => b - a);
  assert.ok(views[0]! >= 4 * views.at(-1)!, `${views}`);
});
