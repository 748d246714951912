/** Page views: those from Europe, joined with what is known of their sites, counted for each page and minute. */
import {
  aggregate,
  count,
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
      // The top of a minute is its first rows by views.
      views.pipe(aggregate({
        by: ({ category, page }) => ({ category, page }),
        window: tumbling("1m"),
        compute: { views: count(), last_visitor: last("text", ({ visitor }) => visitor) },
      })).to(postgresTable("top_pages")),
    ];
  },
});
