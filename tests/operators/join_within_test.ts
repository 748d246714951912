import assert from "node:assert/strict";
import { type Duration, filter, joinWithin, json, kafka, map, pipeline, postgresTable } from "weir";
import { runPlan } from "../support/plan_run.ts";
import { Seeded } from "../support/seeded.ts";

const schema = {
  type: "record",
  name: "Event",
  fields: [
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["order", "payment"] } },
    { name: "id", type: "string" },
    { name: "key", type: "string" },
    { name: "at", type: "double" },
  ],
} as const;
interface Event {
  readonly kind: "order" | "payment";
  readonly id: string;
  readonly key: string;
  readonly at: number;
}

/** `order payment` for each pair; `at` is in seconds. */
function joined(events: readonly Event[], lateness?: Duration) {
  const plan = pipeline("p", {
    source: kafka("events", { group: "g", codec: json(schema), eventTime: ({ at }) => at * 1_000 }),
    outputs: (stream) => {
      const payments = stream.pipe(filter(({ kind }) => kind === "payment"));
      return [
        stream.pipe(
          filter(({ kind }) => kind === "order"),
          joinWithin(payments, {
            by: ({ key }) => key,
            otherBy: ({ key }) => key,
            within: "60s",
            ...(lateness !== undefined && { lateness }),
            with: (order, payment) => ({ line: `${order.id} ${payment.id}` }),
          }),
        ).to(postgresTable("pairs", { columns: { line: "text" }, key: ["line"] })),
      ];
    },
  });
  return runPlan(plan, events);
}

const order = (id: string, at: number, key = "k"): Event => ({ kind: "order", id, key, at });
const payment = (id: string, at: number, key = "k"): Event => ({ kind: "payment", id, key, at });

Deno.test("values of one key that are near in time belong together, whichever came first", () => {
  const { lines } = joined([
    order("o1", 0),
    payment("p1", 60),
    payment("p2", 61),
    payment("x", 61, "other"),
    order("o2", 100),
    order("o3", 121),
    order("o4", 122),
  ]);
  assert.deepEqual(lines, [["o1 p1", "o2 p1", "o2 p2", "o3 p2"]]);
});

Deno.test("a value waits longer for late ones when it is told to", () => {
  const late = [payment("p1", 0), payment("p2", 100), order("o1", 10)];
  assert.deepEqual(joined(late).lines, [[]]);
  assert.deepEqual(joined(late, "60s").lines, [["o1 p1"]]);
});

Deno.test("with lateness enough it finds what a comparison of all with all finds", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Seeded(seed);
    const events = Array.from(
      { length: 150 },
      (_, i) =>
        (random.chance(0.5) ? order : payment)(
          `${i}`,
          1_000 + i * 4 + random.integer(-30, 0),
          random.pick(["a", "b"]),
        ),
    );
    const of = (kind: string) => events.filter((event) => event.kind === kind);
    const expected = of("order").flatMap((each) =>
      of("payment").filter(({ key, at }) => key === each.key && Math.abs(at - each.at) <= 60)
        .map((paid) => `${each.id} ${paid.id}`)
    );
    assert.ok(expected.length > 0);
    assert.deepEqual(joined(events, "30s").lines[0]!.toSorted(), expected.toSorted(), `seed ${seed}`);
  }
});

Deno.test("values that cannot wait are dead letters, and no duration is refused", () => {
  const plan = pipeline("p", {
    source: kafka("events", { group: "g", codec: json(schema) }),
    outputs: (stream) => [
      stream.pipe(
        map(({ id }) => ({ id, made: new Date(0) })),
        joinWithin(stream, {
          by: ({ id }) => id,
          otherBy: ({ id }) => id,
          within: 1,
          with: ({ id }) => ({ line: id }),
        }),
      ).to(postgresTable("pairs", { columns: { line: "text" }, key: ["line"] })),
    ],
  });
  const [letter] = runPlan(plan, [order("o", 0)]).deadLetters;
  assert.equal(letter!.stage, "mapWithState(joinWithin)");
  assert.match(letter!.error, /\.made \(a Date\) cannot be kept/);
  assert.throws(() => joined([], "soon" as Duration), /is not a duration/);
});
