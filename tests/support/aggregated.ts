import { aggregate, json, kafka, pipeline, postgresTable, testPipeline } from "weir";
import type { Aggregates } from "../../src/operators/aggregate.ts";

const schema = { type: "record", name: "Measured", fields: [{ name: "n", type: "double" }] } as const;

/** What a test aggregates. */
export interface Measured {
  readonly n: number;
}

/** A number, and where and when its record is. */
export interface MeasuredRecord extends Measured {
  /** Default: 0. */
  readonly partition?: number;
  /** Milliseconds since 1970. Default: 0. */
  readonly timestamp?: number;
}

/**
 * What aggregates make of records that come in these parts, each a batch of its own, through a worker and a warehouse in
 * memory: one row, and why the others failed.
 */
export async function aggregated(
  compute: Aggregates<Measured>,
  ...parts: readonly (readonly MeasuredRecord[])[]
) {
  const test = await testPipeline(
    pipeline("p", {
      source: kafka("numbers", { group: "g", codec: json(schema) }),
      outputs: (numbers) => [
        numbers.pipe(aggregate({ by: () => ({ everything: true }), compute })).to(postgresTable("results")),
      ],
    }),
    { partitions: 3 },
  );
  for (const part of parts) {
    await test.send(
      ...part.map(({ n, partition = 0, timestamp = 0 }) => ({ value: { n }, partition, timestamp })),
    );
  }
  const { everything: _, ...results } = test.rows("results")[0] ?? {};
  return { results, reasons: test.deadLetters.map(({ reason }) => reason) };
}

/** A list cut into parts of these lengths, and the rest. */
export function parted<T>(list: readonly T[], ...lengths: readonly number[]): T[][] {
  let at = 0;
  return [...lengths, list.length].map((length) => list.slice(at, at += length)).filter((part) =>
    part.length > 0
  );
}
