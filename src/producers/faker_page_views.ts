import { checkCount } from "./count.ts";
import { openFaker, seedOf } from "./faker.ts";
import type { Producer } from "./mod.ts";

/** Someone looks at a page. */
export interface PageView {
  readonly site: string;
  readonly path: string;
  readonly visitor: string;
  readonly region: string;
}

/** The options of {@linkcode fakerPageViews}. */
export interface FakerPageViewsOptions {
  /** How many views a run produces. Default: 200. */
  readonly count?: number;
}

/** How often each comes up: some pages are looked at far more than others. */
const sites = weighted({ "shop.example": 5, "news.example": 4, "blog.example": 2, "unknown.example": 1 });
const paths = weighted({ "/": 10, "/offers": 6, "/search": 4, "/about": 2, "/contact": 1 });
const regions = weighted({ europe: 5, america: 4, asia: 3 });

/**
 * Views of the pages of four sites by people of three regions, over the minute before a run, whose time decides which.
 *
 * @throws {TypeError} when `count` is not a whole number from 1 to 5000.
 */
export function fakerPageViews({ count = 200 }: FakerPageViewsOptions = {}): Producer<PageView> {
  checkCount("fakerPageViews()", count, 5_000);
  return async function* (run) {
    const faker = await openFaker(seedOf(run));
    const start = run.scheduledAt.getTime() - 60_000;
    for (let i = 0; i < count; i++) {
      const value = {
        site: faker.helpers.weightedArrayElement(sites),
        path: faker.helpers.weightedArrayElement(paths),
        visitor: faker.internet.username(),
        region: faker.helpers.weightedArrayElement(regions),
      };
      yield { key: value.visitor, value, timestamp: start + Math.floor(i * 60_000 / count) };
    }
  };
}

function weighted(weights: Readonly<Record<string, number>>): { weight: number; value: string }[] {
  return Object.entries(weights).map(([value, weight]) => ({ weight, value }));
}
