import assert from "node:assert/strict";
import { testPipeline } from "../../src/mod.ts";
import webTraffic from "../../src/pipelines/web_traffic.ts";

const noon = Date.parse("2026-01-31T12:00:00Z");
const view = (site: string, path: string, visitor: string, region = "europe") => ({
  value: { site, path, visitor, region },
});

Deno.test("web_traffic: the top pages of one region's views, by what is known of their sites", async () => {
  const test = await testPipeline(webTraffic, { now: noon });
  await test.send(
    view("shop.example", "/", "ada"),
    view("shop.example", "/offers", "bob"),
    view("shop.example", "/", "bob"),
    view("shop.example", "/", "eve", "asia"),
    view("news.example", "/", "eve"),
    view("nowhere.example", "/", "eve"),
  );
  const minute = { window_start: new Date(noon), window_end: new Date(noon + 60_000) };
  assert.deepEqual(test.rows("top_pages"), [
    {
      ...minute,
      category: "news",
      views: 1n,
      top: [{ page: "news.example/", views: 1 }],
      last_visitor: "eve",
    },
    {
      ...minute,
      category: "shop",
      views: 3n,
      top: [{ page: "shop.example/", views: 2 }, { page: "shop.example/offers", views: 1 }],
      last_visitor: "bob",
    },
  ]);
  assert.deepEqual(test.counts, { in: 6, out: 4, filtered: 2, deadLettered: 0, late: 0, ahead: 0 });
  test.refer("sites", [{ site: "nowhere.example", owner: "Eve", category: "lost" }]);
  await test.send(view("nowhere.example", "/", "eve"), view("shop.example", "/", "ada"));
  assert.deepEqual(test.rows("top_pages").map(({ category, views }) => [category, views]), [
    ["lost", 1n],
    ["news", 1n],
    ["shop", 3n],
  ]);
});

Deno.test("web_traffic: the top are three pages, over all batches, and of as many views by their names", async () => {
  const test = await testPipeline(webTraffic, { now: noon });
  const look = async (...paths: string[]) => {
    await test.send(...paths.map((path) => view("shop.example", path, "ada")));
    return (test.rows("top_pages")[0]!.top as { page: string; views: number }[]).map(({ page, views }) =>
      `${page.slice("shop.example/".length)} ${views}`
    );
  };
  assert.deepEqual(await look("/d", "/c", "/b", "/a"), ["a 1", "b 1", "c 1"]);
  assert.deepEqual(await look("/d", "/d", "/b"), ["d 3", "b 2", "a 1"]);
  await test.restart();
  assert.deepEqual(await look("/c", "/c", "/c"), ["c 4", "d 3", "b 2"]);
});

Deno.test("web_traffic: in a run some pages have many more views than others, and some are left out", async () => {
  const test = await testPipeline(webTraffic, { now: noon });
  assert.equal(await test.produce(), 200);
  const { out, filtered, late } = test.counts;
  assert.deepEqual([out + filtered, late], [200, 0]);
  assert.ok(filtered > 50 && out > 50, `${out} of 200`);
  const rows = test.rows("top_pages");
  assert.equal(rows.reduce((sum, { views }) => sum + Number(views), 0), out);
  const views = rows.flatMap(({ top }) => (top as { views: number }[]).map(({ views }) => views));
  assert.ok(Math.max(...views) >= 3 * Math.min(...views), `${views}`);
});
