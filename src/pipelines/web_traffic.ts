/** Page views: those from Europe, joined with what is known of their sites; the top pages of each category and minute. */
import {
  aggregate,
  count,
  custom,
  filter,
  join,
  json,
  kafka,
  last,
  pipeline,
  postgresTable,
  referenceTable,
  tumbling,
} from "../mod.ts";
import { fakerPageViews } from "../producers/faker_page_views.ts";

export const viewSchema = {
  type: "record",
  name: "PageView",
  fields: [
    { name: "site", type: "string" },
    { name: "path", type: "string" },
    { name: "visitor", type: "string" },
    { name: "region", type: "string" },
  ],
} as const;

/** Views of other sites are left out. */
export const sites = referenceTable("sites", {
  columns: { site: "text", owner: "text", category: "text" },
  key: "site",
  from: [
    { site: "shop.example", owner: "Ada", category: "shop" },
    { site: "news.example", owner: "Grace", category: "news" },
    { site: "blog.example", owner: "Ada", category: "news" },
  ],
});

type Views = Readonly<Record<string, number>>;

/** The three pages with the most views. The state has all pages of the group: a category has few. */
const topPages = custom({
  init: (): Views => ({}),
  add: (views, { page }: { readonly page: string }) => ({ ...views, [page]: (views[page] ?? 0) + 1 }),
  merge: (a, b) => {
    const merged: Record<string, number> = { ...a };
    for (const [page, views] of Object.entries(b)) merged[page] = (merged[page] ?? 0) + views;
    return merged;
  },
  result: (all) =>
    Object.entries(all).map(([page, views]) => ({ page, views }))
      .sort((a, b) => b.views - a.views || (a.page < b.page ? -1 : 1)).slice(0, 3),
});

export default pipeline("web_traffic", {
  schedule: { cron: "* * * * *", produce: fakerPageViews() },
  source: kafka("page_views", { group: "weir-web-traffic", codec: json(viewSchema), lateness: "1m" }),
  outputs: (stream) => {
    const views = stream.pipe(
      filter(({ region }) => region === "europe"),
      join(sites, {
        on: ({ site }) => site,
        with: ({ site, path, visitor }, { category }) => ({ page: site + path, category, visitor }),
      }),
    );
    return [
      views.pipe(aggregate({
        by: ({ category }) => ({ category }),
        window: tumbling("1m"),
        compute: { views: count(), top: topPages, last_visitor: last("text", ({ visitor }) => visitor) },
      })).to(postgresTable("top_pages")),
    ];
  },
});
