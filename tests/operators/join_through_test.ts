/** Joins of streams that come from different topics, and so meet in one of their own. */
import assert from "node:assert/strict";
import {
  aggregate,
  count,
  type Duration,
  filter,
  joinWithin,
  json,
  kafka,
  map,
  pipeline,
  postgresTable,
  repartition,
  type Stream,
  testPipeline,
  tumbling,
} from "weir";
import { Seeded } from "../support/seeded.ts";

const schema = {
  type: "record",
  name: "Event",
  fields: [{ name: "id", type: "string" }, { name: "key", type: "string" }, { name: "at", type: "double" }],
} as const;
const codec = json(schema);
interface Event {
  readonly id: string;
  readonly key: string;
  /** Seconds. */
  readonly at: number;
}

const reads = (topic: string) =>
  kafka(topic, { group: `my-${topic}`, codec, eventTime: ({ at }) => at * 1_000 });
const through = { topic: "met", codec, otherCodec: codec };
const pairs = (name = "pairs") => postgresTable(name, { columns: { line: "text" }, key: ["line"] });

/** `order payment` for each pair within a minute. */
const joined = (lateness: Duration) =>
  pipeline("p", {
    source: reads("orders"),
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(
        joinWithin(payments, {
          by: ({ key }) => key,
          otherBy: ({ key }) => key,
          within: "60s",
          lateness,
          through,
          with: (order, payment) => ({ line: `${order.id} ${payment.id}` }),
        }),
      ).to(pairs()),
    ],
  });

/** Orders and payments of a few keys, each with the seconds by which it comes later than it happened. */
function events(random: Seeded, delays: { readonly orders: number; readonly payments: number }) {
  return Array.from({ length: 200 }, (_, i) => {
    const source = random.chance(0.5) ? "orders" as const : "payments" as const;
    const value = {
      id: `${source[0]}${i}`,
      key: random.pick(["a", "b", "c"]),
      at: 1_000 + i * 5 + random.integer(-40, 0),
    };
    const most = delays[source];
    return { source, value, comes: value.at + (random.chance(0.5) ? most : random.integer(0, most)) };
  }).sort((one, other) => one.comes - other.comes);
}

function expectedOf(all: ReturnType<typeof events>): string[] {
  const of = (name: string) => all.filter(({ source }) => source === name).map(({ value }) => value);
  return of("orders").flatMap((order) =>
    of("payments").filter(({ key, at }) => key === order.key && Math.abs(at - order.at) <= 60)
      .map(({ id }) => `${order.id} ${id}`)
  ).toSorted();
}

async function joinedBy(all: ReturnType<typeof events>, lateness: Duration, random: Seeded) {
  const test = await testPipeline(joined(lateness), { partitions: 3 });
  const sent = all.map(({ source, value }) => {
    const partition = random.integer(0, 2);
    return source === "orders" ? { value, partition } : { source, value, partition };
  });
  for (let at = 0; at < sent.length; at += 40) {
    await test.send(...sent.slice(at, at + 40));
    if (random.chance(0.5)) await test.restart();
  }
  assert.deepEqual(test.counts, { in: 200, out: 200, filtered: 0, deadLettered: 0, late: 0, ahead: 0 });
  return { pairs: test.rows("pairs").map(({ line }) => String(line)), late: test.late.length };
}

for (
  const [what, delays] of Object.entries({
    "one topic is behind the other": { orders: 0, payments: 90 },
    "the other one is behind it": { orders: 90, payments: 0 },
    "both come as they please": { orders: 90, payments: 90 },
  })
) {
  Deno.test(`no pair is missed and none is wrong while ${what} by no more than the lateness`, async () => {
    let missed = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const random = new Seeded(seed);
      const all = events(random, delays);
      const expected = expectedOf(all);
      assert.ok(expected.length > 100);
      assert.deepEqual(await joinedBy(all, "90s", random), { pairs: expected, late: 0 }, `seed ${seed}`);
      const { pairs, late } = await joinedBy(all, 0, random);
      missed += expected.length - pairs.length;
      assert.ok(pairs.every((pair) => expected.includes(pair)), "what is there is right");
      assert.ok(late > 0 || pairs.length === expected.length, "what is missed has come late, and is counted");
    }
    assert.ok(missed > 0, "without a lateness some are missed");
  });
}

/** `order payment` for each pair within a minute, and `order` for each that found none. */
const leftJoined = (lateness: Duration) =>
  pipeline("p", {
    source: reads("orders"),
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(
        joinWithin(payments, {
          by: ({ key }) => key,
          otherBy: ({ key }) => key,
          within: "60s",
          lateness,
          type: "left",
          through: { ...through, partitions: 1 },
          with: (order, payment) => payment ? `${order.id} ${payment.id}` : order.id,
        }),
        aggregate({ by: (line) => ({ line }), compute: { times: count() } }),
      ).to(postgresTable("pairs")),
    ],
  });

Deno.test("a left join gives each value of the stream itself with all its partners, or once alone", async () => {
  let alone = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const random = new Seeded(seed);
    const all = events(random, { orders: 90, payments: 90 }).filter(({ source }) =>
      source === "orders" || random.chance(0.1)
    );
    const paired = expectedOf(all);
    const orders = all.filter(({ source }) => source === "orders").map(({ value }) => value.id);
    const expected = [...paired, ...orders.filter((id) => !paired.some((pair) => pair.startsWith(`${id} `)))];
    alone += expected.length - paired.length;
    const test = await testPipeline(leftJoined("90s"));
    for (const { source, value } of all) {
      await test.send(source === "orders" ? { value } : { source, value });
      if (random.chance(0.1)) await test.restart();
    }
    const before = test.rows("pairs").map(({ line }) => String(line));
    assert.ok(before.length < expected.length && before.every((line) => expected.includes(line)));
    // Its time has to go on for the last waits to be over.
    await test.send({ source: "payments", value: { id: "-", key: "-", at: 100_000 } });
    assert.deepEqual(
      test.rows("pairs").map(({ line, times }) => [line, times]),
      expected.toSorted().map((line) => [line, 1n]),
      `seed ${seed}`,
    );
  }
  assert.ok(alone > 50, `${alone} were alone`);
});

Deno.test("in a left join one that fails while it goes on alone costs the record that ended its wait", async () => {
  const plan = pipeline("p", {
    source: reads("orders"),
    outputs: (orders) => [
      orders.pipe(
        joinWithin(orders.pipe(filter(() => false)), {
          by: ({ key }) => key,
          otherBy: ({ key }) => key,
          within: "60s",
          type: "left",
          with: ({ id }, other) => {
            if (other === undefined && id === "bad") throw new Error("none for bad");
            return { line: id };
          },
        }),
      ).to(pairs()),
    ],
  });
  const test = await testPipeline(plan);
  const value = (id: string, key: string, at: number) => ({ value: { id, key, at } });
  await test.send(value("bad", "a", 0), value("good", "b", 1), value("x", "c", 100), value("y", "c", 101));
  assert.deepEqual(test.deadLetters.map(({ offset, stage, reason }) => [offset, stage, reason]), [
    [2, "mapWithState(joinWithin)", "none for bad"],
  ]);
  assert.deepEqual(test.rows("pairs"), [{ line: "good" }]);
});

Deno.test("in a left join one that fails while it goes on alone takes no other of its key along", async () => {
  for (const last of ["k", "other"]) {
    const plan = pipeline("p", {
      source: reads("orders"),
      outputs: (orders) => [
        orders.pipe(
          joinWithin(orders.pipe(filter(() => false)), {
            by: ({ key }) => key,
            otherBy: ({ key }) => key,
            within: "60s",
            type: "left",
            with: ({ id }, other) => {
              if (other === undefined && id === "bad") throw new Error("none for bad");
              return { line: id };
            },
          }),
        ).to(pairs()),
      ],
    });
    const test = await testPipeline(plan);
    const value = (id: string, at: number, key = "k") => ({ value: { id, key, at } });
    await test.send(value("one", 0), value("bad", 1), value("two", 2), value("three", 40));
    // What is over goes with the next record of the key, or of another one when all of it is.
    const from = last === "k" ? 70 : 101;
    await test.send(value("ends it", from, last));
    await test.restart();
    await test.send(value("four", from + 1), value("five", from + 2), value("end", from + 100, "end"));
    assert.deepEqual(test.deadLetters.map(({ offset, reason }) => [offset, reason]), [[4, "none for bad"]]);
    assert.deepEqual(test.rows("pairs").map(({ line }) => line), ["five", "four", "one", "three", "two"]);
  }
});

Deno.test("a value waits for within and lateness together, to the millisecond", async () => {
  for (const [time, expected] of [[150, ["o p"]], [150.001, []]] as const) {
    const test = await testPipeline(joined("90s"));
    const payment = (id: string, key: string, at: number) =>
      ({ source: "payments", value: { id, key, at } }) as const;
    await test.send(
      { value: { id: "o", key: "k", at: 0 } },
      payment("-", "other", time),
      payment("p", "k", 60),
    );
    assert.deepEqual(test.rows("pairs").map(({ line }) => line), expected);
  }
});

Deno.test("what comes further behind than the others wait is told of, and where the source says so kept", async () => {
  const source = kafka("orders", {
    group: "my-orders",
    codec,
    eventTime: ({ at }) => at * 1_000,
    late: "dead-letter",
  });
  const plan = pipeline("p", {
    source,
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(
        joinWithin(payments, {
          by: ({ key }) => key,
          otherBy: ({ key }) => key,
          within: "60s",
          lateness: "10s",
          through,
          with: (order, payment) => ({ line: `${order.id} ${payment.id}` }),
        }),
      ).to(pairs()),
    ],
  });
  const test = await testPipeline(plan);
  const payment = (id: string, at: number) => ({ source: "payments", value: { id, key: "k", at } } as const);
  await test.send(payment("p1", 100), payment("p2", 90), payment("p3", 89), {
    value: { id: "o1", key: "k", at: -1e13 },
  }, { value: { id: "o2", key: "k", at: 40 } });
  assert.deepEqual(test.rows("pairs").map(({ line }) => line), ["o2 p1", "o2 p2", "o2 p3"]);
  assert.deepEqual(test.late.map(({ topic, offset }) => [topic, offset]), [["met", 2], ["met", 3], [
    "met",
    4,
  ]]);
  assert.deepEqual(
    test.deadLetters.map(({ offset, stage, reason }) => [offset, stage, reason]),
    [
      ["1970-01-01T00:01:29.000Z", 2],
      ["-10000000000000000", 3],
      ["1970-01-01T00:00:40.000Z", 4],
    ].map(([time, offset]) => [
      offset,
      "mapWithState(joinWithin)",
      `late: its event time ${time} is so far behind that what it belongs to may be gone`,
    ]),
  );
  assert.equal(test.counts.late, 0, "what comes behind the topic is not counted again");
});

Deno.test("a wrong clock costs no other value its partner", async () => {
  const now = Date.UTC(2026, 0, 1);
  const seconds = now / 1_000;
  const test = await testPipeline(joined("10s"), { now });
  const value = (id: string, at: number) => ({ id, key: "k", at: seconds + at });
  await test.send(
    { value: value("o1", 0) },
    { source: "payments", value: value("wrong", 86_400) },
    { source: "payments", value: value("p1", 30) },
    { value: value("o2", 86_400) },
  );
  assert.deepEqual(test.rows("pairs").map(({ line }) => line), ["o1 p1", "o2 wrong"]);
  assert.equal(test.counts.ahead, 2);
});

Deno.test("values of a wrong clock wait no longer than others, however many records of their key come", async () => {
  const now = Date.UTC(2026, 0, 1);
  const second = now / 1_000 - 1_000;
  const test = await testPipeline(joined("10s"), { now });
  const value = (id: string, key: string, at: number) => ({ value: { id, key, at: second + at } });
  const id = "o".repeat(100);
  for (let i = 0; i < 1_000; i++) {
    await test.send(value(id, "k", 86_400 + i), value("clock", "other", i));
  }
  assert.equal(test.counts.ahead, 1_000);
  assert.deepEqual(test.deadLetters, [], "no state grows too large");
  const payment = (id: string, at: number) =>
    ({ source: "payments", value: { id, key: "k", at: second + at } }) as const;
  await test.send(payment("p1", 86_400 + 999), payment("p2", 86_400 + 850));
  assert.deepEqual(test.rows("pairs"), [{ line: `${id} p1` }], "those of the last minute wait still");
});

Deno.test("a key is computed once, with the record that its value came with", async () => {
  const seen: string[] = [];
  const keyOf = (key: string, topic: string) => {
    seen.push(topic);
    return [key, topic === "met"];
  };
  const plan = pipeline("p", {
    source: reads("orders"),
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(
        joinWithin(payments, {
          by: ({ key }, { topic }) => keyOf(key, topic),
          otherBy: ({ key }, { topic }) => keyOf(key, topic),
          within: "1m",
          lateness: 0,
          through,
          with: (order, payment, { topic }) => ({ line: `${order.id} ${payment.id} ${topic}` }),
        }),
      ).to(pairs()),
    ],
  });
  const test = await testPipeline(plan);
  await test.send(
    { value: { id: "o", key: "k", at: 0 } },
    { source: "payments", value: { id: "p", key: "k", at: 0 } },
  );
  assert.deepEqual(test.rows("pairs"), [{ line: "o p met" }]);
  assert.deepEqual(seen, ["orders", "payments"]);
  assert.deepEqual(test.records("met").map(({ key }) => key), ['["k",false]', '["k",false]']);
});

Deno.test("keys that look alike as text are told apart", async () => {
  const plan = pipeline("p", {
    source: reads("orders"),
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(
        joinWithin(payments, {
          by: (): string | number => "1",
          otherBy: ({ id }): string | number => id === "text" ? "1" : 1,
          within: "1m",
          lateness: 0,
          through,
          with: (order, payment) => ({ line: `${order.id} ${payment.id}` }),
        }),
      ).to(pairs()),
    ],
  });
  const test = await testPipeline(plan);
  const payment = (id: string) => ({ source: "payments", value: { id, key: "k", at: 0 } } as const);
  await test.send({ value: { id: "o", key: "k", at: 0 } }, payment("text"), payment("number"));
  assert.deepEqual(test.rows("pairs"), [{ line: "o text" }]);
});

Deno.test("two streams of one source meet under keys that are not its own, and two sides of a repartition do", async () => {
  const plan = pipeline("p", {
    source: reads("orders"),
    outputs: (orders) => {
      const again = orders.pipe(repartition("again", { key: ({ id }) => id, codec }));
      const join = (one: Stream<Event>, other: Stream<Event>, topic: string) =>
        one.pipe(
          joinWithin(other, {
            by: ({ id }) => id,
            otherBy: ({ key }) => key,
            within: "1m",
            lateness: "1m",
            through: { ...through, topic },
            with: (one, other) => ({ line: `${one.id} ${other.id}` }),
          }),
        );
      return [join(orders, orders, "self").to(pairs()), join(again, orders, "sides").to(pairs("sides"))];
    },
  });
  const test = await testPipeline(plan, { partitions: 4 });
  const value = (id: string, key: string, partition: number) => ({ value: { id, key, at: 0 }, partition });
  await test.send(value("a", "-", 0), value("b", "a", 1), value("c", "a", 2), value("d", "b", 3));
  const expected = [{ line: "a b" }, { line: "a c" }, { line: "b d" }];
  assert.deepEqual(test.rows("pairs"), expected);
  assert.deepEqual(test.rows("sides"), expected);
});

Deno.test("what is joined may be joined again, and counted in windows that close", async () => {
  const within = { within: "1m", lateness: "1m" } as const;
  const plan = pipeline("p", {
    source: reads("orders"),
    sources: { payments: reads("payments"), parcels: reads("parcels") },
    outputs: (orders, { payments, parcels }) => {
      const paid = orders.pipe(joinWithin(payments, {
        ...within,
        by: ({ key }) => key,
        otherBy: ({ key }) => key,
        through,
        with: (order, payment) => ({ ...order, id: `${order.id} ${payment.id}` }),
      }));
      const sent = paid.pipe(joinWithin(parcels, {
        ...within,
        by: ({ key }) => key,
        otherBy: ({ key }) => key,
        through: { ...through, topic: "met_again" },
        with: ({ id, key }, parcel) => ({ key, line: `${id} ${parcel.id}` }),
      }));
      return [
        sent.pipe(map(({ line }) => ({ line }))).to(pairs()),
        sent.pipe(aggregate({
          by: ({ key }) => ({ key }),
          window: tumbling("1m"),
          compute: { sent: count() },
          results: "final",
        })).to(postgresTable("windows")),
      ];
    },
  });
  const test = await testPipeline(plan);
  const value = (id: string, at: number) => ({ id, key: "k", at });
  await test.send(
    { source: "parcels", value: value("s", 20) },
    { source: "payments", value: value("p", 10) },
    { value: value("o", 0) },
  );
  assert.deepEqual(test.rows("pairs"), [{ line: "o p s" }]);
  assert.deepEqual(test.rows("windows"), []);
  await test.send({ source: "parcels", value: value("late", 121) });
  assert.deepEqual(test.rows("windows").map(({ key, sent }) => [key, sent]), [["k", 1n]]);
});

Deno.test("a value whose key fails is a dead letter of its source, one that cannot wait of the meeting", async () => {
  const plan = pipeline("p", {
    source: reads("orders"),
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(
        joinWithin(payments, {
          by: ({ key }) => {
            if (key === "bad") throw new Error("no bad ones");
            return key;
          },
          otherBy: ({ key }) => key === "none" ? null as unknown as string : key,
          within: "1m",
          lateness: 0,
          through,
          with: (order, payment) => {
            if (payment.id === "refused") throw new Error("no such pairs");
            return { line: `${order.id} ${payment.id}` };
          },
        }),
      ).to(pairs()),
    ],
  });
  const test = await testPipeline(plan);
  const value = (id: string, key: string) => ({ id, key, at: 0 });
  await test.send(
    { value: value("o1", "bad") },
    { source: "payments", value: value("p1", "none") },
    { value: value("o2", "k") },
    { source: "payments", value: value("refused", "k") },
    { source: "payments", value: value("p2", "k") },
  );
  assert.deepEqual(test.deadLetters.map(({ topic, stage, reason }) => [topic, stage, reason]), [
    ["orders", "joinWithin", "no bad ones"],
    ["payments", "repartition(met)", "the key is null; it must be text, a finite number, or true or false"],
    ["met", "mapWithState(joinWithin)", "no such pairs"],
  ]);
  assert.deepEqual(test.rows("pairs"), [{ line: "o2 p2" }]);
  assert.deepEqual(test.counts, { in: 5, out: 3, filtered: 0, deadLettered: 2, late: 0, ahead: 0 });
});

Deno.test("streams of two topics need one in which they meet, and the error says how to give it", () => {
  const described = (
    join: (orders: Stream<Event>, payments: Stream<Event>) => Stream<{ line: string }>,
  ) =>
  () =>
    pipeline("p", {
      source: reads("orders"),
      sources: { payments: reads("payments") },
      outputs: (orders, { payments }) => [
        join(orders, payments).to(pairs()),
        payments.pipe(map(({ id }) => ({ line: id }))).to(pairs("all")),
        orders.pipe(filter(() => false), map(({ id }) => ({ line: id }))).to(pairs("none")),
      ],
    });
  const options = {
    by: ({ key }: Event) => key,
    otherBy: ({ key }: Event) => key,
    within: "1m",
    with: ({ id }: Event) => ({ line: id }),
  } as const;
  const byKey = repartition("by_key", { key: ({ key }: Event) => key, codec });
  const how = "give the topic in which they meet, as in " +
    '{ through: { topic: "name", codec, otherCodec }, lateness: "1h" }';
  const refusals: [Parameters<typeof described>[0], string][] = [
    [
      (orders, payments) => orders.pipe(joinWithin(payments, options)),
      `joinWithin(): one stream comes from the source, the other from the source "payments"; ${how}`,
    ],
    [
      (orders) => orders.pipe(joinWithin(orders.pipe(byKey), options)),
      `joinWithin(): one stream comes from the source, the other from repartition(by_key); ${how}`,
    ],
    [
      (orders, payments) => orders.pipe(joinWithin(payments, { ...options, through } as never) as never),
      'joinWithin(): with "through" it needs a "lateness", how far the two streams may be apart, as in { lateness: "1h" }',
    ],
    [
      (orders, payments) =>
        orders.pipe(
          joinWithin(payments, { ...options, lateness: 0, through: { topic: "a", codec } as never }),
        ),
      'joinWithin(): "through": "otherCodec" is undefined; give one, as in json(schema)',
    ],
    [
      (orders, payments) =>
        orders.pipe(joinWithin(payments, { ...options, lateness: 0, through: "met" as never })),
      'joinWithin(): "through": the options are "met"; give an object, as in { topic: ... }',
    ],
    [
      (orders, payments) => orders.pipe(joinWithin(payments, { ...options, type: "right" as never })),
      'joinWithin(): "type" is "right"; give "inner" or "left"',
    ],
    [
      (orders, payments) =>
        orders.pipe(
          joinWithin(payments, { ...options, lateness: 0, through: { ...through, topic: "a b" } }),
        ),
      'repartition("a b"): a topic\'s name is letters, digits, ., _ and -, at most 249',
    ],
  ];
  for (const [join, message] of refusals) {
    assert.throws(described(join), { name: "TypeError", message });
  }
});
