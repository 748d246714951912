import assert from "node:assert/strict";
import {
  aggregate,
  ConfigError,
  count,
  filter,
  joinWithin,
  json,
  kafka,
  map,
  mapWithState,
  type Output,
  pipeline,
  postgresTable,
  repartition,
  type RepartitionOptions,
  type StateKey,
  type Stream,
  testPipeline,
  text,
  topic,
  transform,
  tumbling,
  union,
} from "weir";
import { stagesOf } from "../../src/pipeline.ts";

const schema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "shop", type: "string" },
    { name: "card", type: "string" },
    { name: "n", type: "double" },
  ],
} as const;
interface Payment {
  readonly shop: string;
  readonly card: string;
  readonly n: number;
}
const source = kafka("payments", { group: "cards", codec: json(schema) });
const byCard = (more: Partial<RepartitionOptions<Payment>> = {}, name = "by_card") =>
  repartition(name, { key: ({ card }: Payment) => card, codec: json(schema), ...more });
/** Counts the payments of each card, and says in which partition each was. */
const counting = (name?: string) =>
  mapWithState({
    by: ({ card }: Payment) => card,
    initial: () => 0,
    update: (before, { card, n }, { partition }) => ({
      state: before + 1,
      emit: [{ card, n, count: before + 1, partition }],
    }),
    ...(name && { name }),
  });
const columns = { card: "text", n: "double", count: "int", partition: "int" } as const;
const counted = (name = "counted") => postgresTable(name, { columns, key: ["n"] });
const lines = (name = "lines") => postgresTable(name, { columns: { line: "text" }, key: ["line"] });

const described = (outputs: (payments: Stream<Payment>) => Output[]) => pipeline("p", { source, outputs });

/** Payments of five cards in four shops, as many as are asked for. */
function payments(amount: number): Payment[] {
  return Array.from({ length: amount }, (_, n) => ({ shop: `s${n % 4}`, card: `c${n * n % 5}`, n }));
}

Deno.test("a pipeline is cut into plans, each with the topic that it reads", () => {
  const plan = described((payments) => {
    const dear = payments.pipe(filter(({ n }) => n > 1));
    const cards = dear.pipe(byCard({ partitions: 3, lateness: "1m" }));
    return [
      cards.pipe(counting()).to(counted()),
      payments.pipe(map(({ shop }) => ({ line: shop }))).to(lines()),
      cards.pipe(byCard({}, "again")).to(topic("out", { key: () => null, codec: json(schema) })),
    ];
  });
  const shown = stagesOf(plan).map((
    { name, source: { topic, group, partitions, lateness }, nodes, outputs },
  ) => ({
    name,
    reads: [topic, group, partitions, lateness],
    nodes: nodes.map(({ parents, operator }) => [parents, operator.kind]),
    writes: outputs.map(({ node, sink }) => [node, sink.name]),
  }));
  assert.deepEqual(shown, [
    {
      name: "p",
      reads: ["payments", "cards", 8, Infinity],
      nodes: [[[0], "filter"], [[0], "map"]],
      writes: [[2, "lines"], [1, "by_card"]],
    },
    {
      name: "p/by_card",
      reads: ["by_card", "cards/by_card", 3, 60_000],
      nodes: [[[0], "mapWithState"]],
      writes: [[1, "counted"], [0, "again"]],
    },
    {
      name: "p/again",
      reads: ["again", "cards/again", "as before", Infinity],
      nodes: [],
      writes: [[0, "out"]],
    },
  ]);
  assert.deepEqual(
    new Set(stagesOf(plan).map(({ deadLetter }) => deadLetter)),
    new Set(["payments.dead-letter"]),
  );
});

Deno.test("all of a key are in one partition behind it, in their order, whichever they came from", async () => {
  const plan = described((payments) => [payments.pipe(byCard(), counting()).to(counted())]);
  const test = await testPipeline(plan, { partitions: 4 });
  for (let at = 0; at < 200; at += 50) {
    await test.send(...payments(200).slice(at, at + 50).map((value) => ({ key: value.shop, value })));
    await test.restart();
  }
  const rows = test.rows("counted");
  const places = new Map<unknown, Set<unknown>>();
  const numbers = new Map<unknown, number>();
  for (const { card, count, partition } of rows) {
    places.set(card, new Set([...places.get(card) ?? [], partition]));
    const number = (numbers.get(card) ?? 0) + 1;
    assert.equal(count, number, `the payments of ${card} are counted in their order`);
    numbers.set(card, number);
  }
  assert.equal(rows.length, 200);
  assert.deepEqual([...places.values()].map((each) => each.size), [...places.keys()].map(() => 1));
  assert.ok(new Set(rows.map(({ partition }) => partition)).size > 1);
  assert.deepEqual(test.records("by_card").map(({ key, value }) => [key, (value as Payment).n]).slice(0, 3), [
    ["c0", 0],
    ["c1", 1],
    ["c4", 2],
  ]);
  assert.deepEqual(test.counts, { in: 200, out: 200, filtered: 0, deadLettered: 0, late: 0, ahead: 0 });
});

Deno.test("a second one goes on from the first, and neither mixes with outputs of other stages", async () => {
  const plan = described((payments) => {
    const cards = payments.pipe(byCard(), counting());
    const shops = cards.pipe(
      map(({ card, n, count }) => ({ shop: `s${n % 4}`, card: `${card}#${count}`, n })),
      repartition("by_shop", { key: ({ shop }: Payment) => shop, codec: json(schema) }),
    );
    return [
      payments.pipe(map(({ n }) => ({ line: `${n}` }))).to(lines("raw")),
      cards.to(counted()),
      shops.pipe(
        map(({ card, shop }, { topic, partition }) => ({ line: `${topic} ${partition} ${shop} ${card}` })),
      )
        .to(lines()),
    ];
  });
  const test = await testPipeline(plan, { partitions: 3 });
  await test.send(...payments(30).map((value) => ({ key: value.shop, value })));
  assert.deepEqual([test.rows("raw").length, test.rows("counted").length], [30, 30]);
  const places = new Map<string, string>();
  const cards = test.rows("lines").map(({ line }) => {
    const [topic, partition, shop, card] = `${line}`.split(" ") as [string, string, string, string];
    assert.equal(topic, "by_shop");
    assert.equal(places.get(shop) ?? partition, partition);
    places.set(shop, partition);
    return card;
  });
  const expected = test.rows("counted").map(({ card, count }) => `${card}#${count}`);
  assert.deepEqual(cards.toSorted(), expected.toSorted());
});

for (const kind of ["by the cursor", "through the outbox"]) {
  Deno.test(`records keep their timestamps and event times, ${kind}`, async () => {
    const plan = pipeline("p", {
      source: kafka("payments", {
        group: "cards",
        codec: json(schema),
        eventTime: ({ n }) => n,
      }),
      outputs: (payments) => {
        const before = kind === "by the cursor" ? payments : payments.pipe(
          mapWithState({
            by: ({ n }) => n,
            initial: () => 0,
            update: (state, each) => ({ state, emit: [each] }),
          }),
        );
        const cards = before.pipe(byCard({ lateness: "1s" }));
        return [
          cards.pipe(map((_, { timestamp, eventTime }) => ({ line: `${timestamp} ${eventTime}` }))).to(
            lines(),
          ),
          cards.pipe(aggregate({
            by: ({ card }) => ({ card }),
            window: tumbling("1s"),
            compute: { payments: count() },
            results: "final",
          })).to(postgresTable("windows")),
        ];
      },
    });
    const test = await testPipeline(plan, { now: 10_000 });
    const pay = (n: number, timestamp: number) =>
      test.send({ value: { shop: "s", card: "c", n }, timestamp });
    await pay(1_000.25, 5_000);
    await pay(-3, 7_000);
    await pay(1_500, 1_500);
    await pay(3_000, 9_000);
    assert.deepEqual(test.rows("lines").map(({ line }) => line), [
      "1500 1500",
      "5000 1000.25",
      "7000 -3",
      "9000 3000",
    ]);
    assert.deepEqual(test.rows("windows"), [{
      window_start: new Date(1_000),
      window_end: new Date(2_000),
      card: "c",
      payments: 2n,
    }]);
    assert.deepEqual(test.late.map(({ topic, value }) => [topic, (value as Payment).n]), [["by_card", -3]]);
  });
}

Deno.test("what others wrote to the topic has its timestamp's time", async () => {
  const plan = described((payments) => [
    payments.pipe(byCard(), map((_, { timestamp, eventTime }) => ({ line: `${timestamp} ${eventTime}` }))).to(
      lines(),
    ),
  ]);
  const [behind] = plan.stages;
  const { schedule: _, ...alone } = { schedule: undefined, ...behind!, name: "alone" };
  const test = await testPipeline(alone);
  await test.send({ value: payments(1)[0], timestamp: 12 });
  assert.deepEqual(test.rows("lines"), [{ line: "12 12" }]);
});

Deno.test("a value without a key, or that the codec refuses, is a dead letter", async () => {
  const keys: unknown[] = [null, undefined, NaN, Infinity, {}, ["a", null], "x".repeat(2_000)];
  const good: StateKey[] = ["", 0, false, ["a", 1]];
  const all = [...keys, ...good];
  const plan = described((payments) => [
    payments.pipe(
      map((each) => each.n === all.length ? { ...each, shop: 1 as unknown as string } : each),
      byCard({ key: ({ n }) => n === all.length ? "k" : all[n] as StateKey }),
      map(({ n }) => ({ line: `${n}` })),
    ).to(lines()),
  ]);
  const test = await testPipeline(plan);
  for (let n = 0; n <= all.length; n++) await test.send({ value: { shop: "s", card: "c", n } });
  assert.deepEqual(test.records("by_card").map(({ key }) => key), ["", "0", "false", '["a",1]']);
  assert.equal(test.rows("lines").length, good.length);
  assert.deepEqual(new Set(test.deadLetters.map(({ stage }) => stage)), new Set(["repartition(by_card)"]));
  const reasons = test.deadLetters.map(({ reason }) => reason);
  assert.equal(reasons.length, keys.length + 1);
  assert.match(reasons[0]!, /^the key is null; it must be text, a finite number, or true or false$/);
  assert.match(reasons[2]!, /the key is NaN/);
  assert.match(reasons.at(-1)!, /shop/);
});

Deno.test("a record that fails behind it is a dead letter from its topic", async () => {
  const plan = described((payments) => [
    payments.pipe(
      byCard(),
      map(function check({ n }) {
        if (n === 1) throw new Error("no ones");
        return { line: `${n}` };
      }),
    ).to(lines()),
  ]);
  const test = await testPipeline(plan);
  await test.send(...payments(3).map((value) => ({ value })));
  assert.deepEqual(
    test.deadLetters.map(({ topic, offset, stage, reason, key }) => [topic, offset, stage, reason, key]),
    [["by_card", 1, "map(check)", "no ones", "c1"]],
  );
  assert.deepEqual(test.counts.deadLettered, 0, "it went on from the source");
});

Deno.test("streams of one repartition can be united and joined, those of two sides cannot", async () => {
  const halves = (payments: Stream<Payment>) => {
    const cards = payments.pipe(transform(byCard(), filter(({ n }) => n < 100)));
    return cards.pipe(
      filter(({ n }) => n % 2 === 0),
      joinWithin(cards.pipe(filter(({ n }) => n % 2 === 1)), {
        by: ({ card }) => card,
        otherBy: ({ card }) => card,
        within: "1m",
        with: (one, other) => ({ line: `${one.card} ${one.n} ${other.n}` }),
      }),
    );
  };
  const test = await testPipeline(described((payments) => [halves(payments).to(lines())]), { partitions: 4 });
  const expected = payments(20).flatMap((one) =>
    payments(20).filter(({ card, n }) => card === one.card && one.n % 2 === 0 && n % 2 === 1)
      .map(({ card, n }) => `${card} ${one.n} ${n}`)
  );
  await test.send(...payments(20).map((value) => ({ key: value.shop, value })));
  assert.deepEqual(test.rows("lines").map(({ line }) => line), expected.toSorted());

  const mixed = (mix: (payments: Stream<Payment>) => Stream<Payment>) => () =>
    described((payments) => [mix(payments).pipe(counting()).to(counted())]);
  const sides =
    /^mapWithState: its values come from (.+) and (.+), and meet in no topic yet; bring them together before it, as in repartition\("topic", \{ key, codec \}\)$/;
  const between = (one: string, other: string) => (error: unknown) => {
    assert.ok(error instanceof TypeError);
    assert.deepEqual(sides.exec(error.message)?.slice(1), [one, other]);
    return true;
  };
  assert.throws(mixed((s) => s.pipe(union(s.pipe(byCard())))), between("the source", "repartition(by_card)"));
  assert.throws(mixed((s) => s.pipe(byCard(), union(s))), between("repartition(by_card)", "the source"));
  assert.throws(
    mixed((s) => s.pipe(byCard(), union(s.pipe(byCard({}, "b"))))),
    between("repartition(by_card)", "repartition(b)"),
  );
});

Deno.test("states of two stages may have one name, those of one may not", () => {
  described((payments) => [
    payments.pipe(counting()).to(counted("a")),
    payments.pipe(byCard(), counting()).to(counted("b")),
  ]);
  assert.throws(
    () =>
      described((payments) => {
        const cards = payments.pipe(byCard());
        return [cards.pipe(counting()).to(counted("a")), cards.pipe(counting()).to(counted("b"))];
      }),
    /two operators keep states as "mapWithState"/,
  );
});

Deno.test("what cannot be is refused when it is described", () => {
  const refused = (outputs: (payments: Stream<Payment>) => Output[], ...problems: string[]) =>
    assert.throws(() => described(outputs), (error) => {
      assert.ok(error instanceof ConfigError, `${error}`);
      assert.deepEqual(error.problems, problems.map((problem) => `pipeline "p": ${problem}`));
      return true;
    });
  refused(
    (s) => [s.pipe(byCard({}, "payments"), counting()).to(counted())],
    'it writes to "payments", the topic it reads: its records would go round for ever',
  );
  refused(
    (s) => [
      s.pipe(byCard(), counting()).to(counted()),
      s.to(topic("by_card", { key: () => null, codec: json(schema) })),
    ],
    'repartition(by_card) needs a topic of its own, but an output writes to "by_card", too',
  );
  refused(
    (s) => [s.pipe(byCard(), counting()).to(counted("a")), s.pipe(byCard(), counting()).to(counted("b"))],
    'repartition(by_card) needs a topic of its own, but another one writes to "by_card", too',
  );
  refused(
    (s) => [s.pipe(byCard(), counting()).to(counted()), s.pipe(counting()).to(counted())],
    'two outputs write to the postgres "counted"',
  );
  refused(
    (s) => [s.pipe(byCard(), byCard({}, "payments.dead-letter"), counting()).to(counted())],
    'its dead letters would go to "payments.dead-letter", which it also reads or writes',
  );
  refused((s) => {
    s.pipe(byCard());
    return [s.pipe(counting()).to(counted())];
  }, "nothing comes of repartition(by_card); end its stream in a sink");
  const sums = aggregate({ by: ({ card }: Payment) => ({ card }), compute: { n: count() } });
  refused(
    (s) => [
      s.pipe(
        sums,
        repartition("sums", { key: ({ card }) => card, codec: json(schema) as never }),
        map(String),
      ).to(
        topic("out", { key: () => null, codec: text() }),
      ),
    ],
    "repartition(sums) follows an aggregate, whose results are merged in the warehouse; map before",
  );
  refused(
    (s) => [
      s.pipe(
        byCard(),
        aggregate({
          by: ({ card }) => ({ card }),
          window: tumbling("1m"),
          compute: { n: count() },
          results: "final",
        }),
      ).to(postgresTable("finals")),
    ],
    'postgres "finals" takes final results, but no window ever closes: give repartition(by_card) a lateness, as in { lateness: "1m" }',
  );
});

Deno.test("options that cannot be are refused where they are given", () => {
  const options = { key: ({ card }: Payment) => card, codec: json(schema) };
  const bad: [string, object, RegExp][] = [
    ["a b", {}, /^repartition\("a b"\): a topic's name is letters, digits, \., _ and -, at most 249$/],
    [
      "a",
      { by: 1 },
      /^repartition\("a"\): there is no option "by"; there are key, codec, partitions, lateness$/,
    ],
    ["a", { key: "card" }, /^repartition\("a"\): "key" is "card"; give a function/],
    ["a", { codec: undefined }, /^repartition\("a"\): "codec" is undefined; give one, as in json\(schema\)$/],
    ["a", { partitions: 0 }, /^repartition\("a"\): "partitions" is 0; give a whole number from 1$/],
    ["a", { partitions: 1.5 }, /"partitions" is 1\.5/],
    ["a", { lateness: "soon" }, /^repartition\("a"\): "lateness": "soon" is not a duration/],
  ];
  for (const [name, more, message] of bad) {
    assert.throws(() => repartition(name, { ...options, ...more }), { name: "TypeError", message });
  }
});
