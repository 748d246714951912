import type { Seeded } from "../support/seeded.ts";
import type { FakeLog } from "./fake_log.ts";
import { mostOutBytes, sourceTopic, type Thing } from "./simulated_pipeline.ts";

/** What becomes of a record, from left to right; `tombstone` and `garbage` cannot be decoded. */
export const kinds = [
  "good",
  "filtered",
  "invalid",
  "tombstone",
  "garbage",
  "large",
  "refused-by-tables",
  "refused-by-warehouse",
] as const;
export type Kind = typeof kinds[number];

/** A record that was produced. */
export interface Made {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly kind: Kind;
  /** Undefined for what cannot be decoded. */
  readonly thing: Thing | undefined;
  readonly value: Uint8Array | null;
}

/** Produces records of all kinds, and remembers them. A key stays with its partition. */
export class ThingSource {
  readonly made: Made[] = [];
  readonly #log: FakeLog;
  readonly #random: Seeded;
  readonly #now: () => number;

  constructor(log: FakeLog, random: Seeded, now: () => number) {
    this.#log = log;
    this.#random = random;
    this.#now = now;
  }

  /** @param kind Of all. Default: most are good, and some are of every kind. */
  produce(count: number, kind?: Kind): void {
    for (let i = 0; i < count; i++) this.#one(kind);
  }

  #one(given: Kind | undefined): void {
    const random = this.#random;
    const partitions = this.#log.topics.get(sourceTopic)!;
    const partition = random.integer(0, partitions.length - 1);
    if (random.chance(0.05)) this.#log.appendMarker(sourceTopic, partition);
    const kind = given ?? (random.chance(0.8) ? "good" : random.pick(kinds));
    const key = `k${partition}.${random.integer(0, 3)}`;
    const now = Math.floor(this.#now());
    // Producers' clocks differ, and some records come late.
    const timestamp = random.chance(0.8) ? now : now - random.integer(0, 30_000);
    const thing = {
      id: `${kind}-${this.made.length}`,
      key,
      amount: random.integer(-5, 100),
      at: now - random.integer(0, 40_000),
      parts: random.integer(0, 3),
      padding: "x".repeat(kind === "large" ? mostOutBytes : random.integer(0, 50)),
    };
    const value = kind === "tombstone"
      ? null
      : kind === "garbage"
      ? random.bytes(random.integer(0, 20))
      : new TextEncoder().encode(JSON.stringify(thing));
    this.made.push({
      partition,
      offset: partitions[partition]!.length,
      timestamp,
      kind,
      thing: value && kind !== "garbage" ? thing : undefined,
      value,
    });
    const record = { key: new TextEncoder().encode(key), value, headers: [], timestamp, partition };
    this.#log.append(sourceTopic, [record]);
  }
}
