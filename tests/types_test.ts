/**
 * Row types flow from a codec through the operators to the sinks without annotations, and what does not fit is a
 * compile error: each `@ts-expect-error` fails the type check if its line compiles.
 */
import assert from "node:assert/strict";
import {
  type Aggregate,
  aggregate,
  type AggregateRow,
  approxDistinct,
  avg,
  cassandraTable,
  count,
  countByValue,
  custom,
  delimited,
  filter,
  first,
  flatMap,
  groupByKey,
  join,
  joinWithin,
  json,
  kafka,
  last,
  map,
  mapWithState,
  max,
  movingAverage,
  type Output,
  type Pipeline,
  pipeline,
  postgresTable,
  type Producer,
  reduceByKey,
  reduceByKeyAndWindow,
  referenceTable,
  repartition,
  stddev,
  type Stream,
  sum,
  testPipeline,
  topic,
  transform,
  tumbling,
  union,
  validate,
} from "../src/mod.ts";

const schema = {
  type: "record",
  name: "User",
  fields: [
    { name: "id", type: "string" },
    { name: "age", type: ["null", "int"] },
    { name: "gender", type: "string" },
    { name: "post", type: ["string", "int"] },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "state", type: { type: "enum", name: "State", symbols: ["ON", "OFF"] } },
  ],
} as const;
const columns = { id: "text", age: "int?", gender: "text" } as const;
const source = kafka("users", { group: "g", codec: json(schema) });

Deno.test("values are typed from the codec to the sinks without annotations", () => {
  const plan = pipeline("typed", {
    source,
    outputs: (stream) => {
      const users = stream.pipe(
        validate((user) => user.id !== ""),
        filter((user) => user.state === "ON"),
        map((user) => ({ id: user.id, age: user.age, gender: user.gender })),
      );
      return [
        users.to(cassandraTable("a.b", { columns, key: ["id"] })),
        users.to(postgresTable("b", { columns, key: ["id", "gender"] })),
        users.pipe(
          aggregate({
            by: (user) => ({ gender: user.gender }),
            window: tumbling("1m"),
            compute: {
              users: count(),
              years: sum((user) => user.age ?? 0),
              oldest: max((user) => user.age ?? 0),
              spread: stddev((user) => user.age ?? 0),
              first_id: first("text", (user) => user.id),
              last_seen: last("timestamp", (_, record) => new Date(record.timestamp)),
              ids: approxDistinct((user) => user.id),
              names: custom({
                init: () => new Array<string>(),
                add: (held, user) => [...held, user.id],
                merge: (a, b) => [...a, ...b],
                result: (held) => held.length,
                type: "int",
              }),
            },
          }),
        ).to(postgresTable("c")),
        stream.pipe(flatMap((user) => user.tags), map((tag) => ({ tag, length: tag.length })))
          .to(postgresTable("d", { columns: { tag: "text", length: "int" }, key: ["tag"] })),
        stream.to(topic("t", { key: (user) => user.id, codec: json(schema) })),
      ];
    },
  });
  assert.deepEqual(plan.outputs.map(({ sink }) => sink.name), ["a.b", "b", "c", "d", "t"]);
});

Deno.test("rows of an aggregate fit a JSON schema with longs, and what is read by it are numbers", () => {
  const counted = json(
    {
      type: "record",
      name: "Counted",
      fields: [
        { name: "window_start", type: "long" },
        { name: "gender", type: "string" },
        { name: "users", type: ["null", "long"] },
      ],
    } as const,
  );
  const wrong = json({ type: "record", name: "W", fields: [{ name: "users", type: "string" }] } as const);
  const plan = pipeline("counted", {
    source,
    outputs: (stream) => {
      const counts = stream.pipe(
        aggregate({ by: ({ gender }) => ({ gender }), window: tumbling("1m"), compute: { users: count() } }),
      );
      return [
        counts.to(topic("a", { key: ({ gender }) => gender, codec: counted })),
        // @ts-expect-error: a count is no text
        counts.to(topic("b", { key: () => null, codec: wrong })),
      ];
    },
  });
  assert.equal(plan.outputs.length, 2);
  const { window_start, users } = counted.decode(
    counted.encode({ window_start: new Date(1), gender: "f", users: 2n }),
  );
  const read: readonly [number, number | null] = [window_start, users];
  assert.deepEqual(read, [1, 2]);
});

Deno.test("a filter's type guard narrows what comes after it", () => {
  const plan = pipeline("narrowed", {
    source,
    outputs: (stream) => [
      stream.pipe(
        map((user) => user.post),
        filter((post): post is string => typeof post === "string"),
        map((post) => ({ post: post.trim() })),
      ).to(postgresTable("posts", { columns: { post: "text" }, key: ["post"] })),
    ],
  });
  assert.equal(plan.nodes.length, 3);
});

Deno.test("transforms and unions are typed by what they are piped into", () => {
  const plan = pipeline("typed", {
    source,
    outputs: (stream) => {
      const young = stream.pipe(
        filter((user) => (user.age ?? 0) < 18),
        map((user) => ({ id: user.id, age: 0 })),
      );
      return [
        stream.pipe(
          map((user) => ({ id: user.id, name: "" })),
          union(young),
          map((either) => ({ id: either.id })),
        )
          .to(postgresTable("b", { columns: { id: "text" }, key: ["id"] })),
        stream.pipe(transform((users) => users.pipe(map((user) => ({ id: user.id })))))
          .to(postgresTable("c", { columns: { id: "text" }, key: ["id"] })),
        stream.pipe(transform(map((user) => user.id), map((id) => ({ id }))))
          .to(postgresTable("d", { columns: { id: "text" }, key: ["id"] })),
      ];
    },
  });
  assert.equal(plan.outputs.length, 3);
});

Deno.test("a state's type is that of its first one, and what is given on goes on typed", () => {
  const plan = pipeline("typed", {
    source,
    outputs: (stream) => [
      stream.pipe(mapWithState({
        by: (user) => user.gender,
        initial: () => ({ users: 0, oldest: null as number | null }),
        update: ({ users, oldest }, user) => ({
          state: { users: users + 1, oldest: Math.max(oldest ?? 0, user.age ?? 0) },
          emit: [{ gender: user.gender, users }],
        }),
        timeout: "1h",
        timedOut: ({ users }, gender) => [{ gender: gender.toUpperCase(), users }],
      })).to(postgresTable("b", { columns: { gender: "text", users: "int" }, key: ["gender"] })),
    ],
  });
  assert.equal(plan.nodes.length, 1);
});

const idAndAge = json(
  {
    type: "record",
    name: "Aged",
    fields: [{ name: "id", type: "string" }, { name: "age", type: ["null", "int"] }],
  } as const,
);

Deno.test("a repartitioned stream is typed by its codec, which takes what comes before", () => {
  const plan = pipeline("typed", {
    source,
    outputs: (stream) => {
      const onlyIds = stream.pipe(map(({ id }) => ({ id })));
      const byGender = stream.pipe(
        repartition("by_gender", { key: (user) => user.gender, codec: json(schema) }),
      );
      const byId = stream.pipe(
        repartition("by_id", { key: ({ id }, { partition }) => [id, partition], codec: idAndAge }),
      );
      return [
        byGender.pipe(map(({ id, tags }) => ({ id, tags: tags.length })))
          .to(postgresTable("a", { columns: { id: "text", tags: "int" }, key: ["id"] })),
        byId.to(postgresTable("b", { columns: { id: "text", age: "int?" }, key: ["id"] })),
        byId.pipe(
          // @ts-expect-error: what passed through the topic has no gender
          map((user) => ({ gender: user.gender })),
        ).to(postgresTable("c", { columns: { gender: "text" }, key: ["gender"] })),
        // @ts-expect-error: users have no card
        stream.pipe(repartition("d", { key: (user) => user.card, codec: json(schema) }))
          .to(postgresTable("d", { columns: { id: "text" }, key: ["id"] })),
        // @ts-expect-error: a key may be no object
        stream.pipe(repartition("e", { key: (user) => ({ id: user.id }), codec: json(schema) }))
          .to(postgresTable("e", { columns: { id: "text" }, key: ["id"] })),
        onlyIds.pipe(
          // @ts-expect-error: the codec needs an age
          repartition("f", { key: ({ id }) => id, codec: idAndAge }),
        ).to(postgresTable("f", { columns: { id: "text" }, key: ["id"] })),
      ];
    },
  });
  assert.equal(plan.stages.length, 5);
});

Deno.test("streams of further sources are typed by their codecs, and so is what is joined", async () => {
  const visits = kafka("visits", { group: "v", codec: delimited(["user", "page"], ",") });
  const sources = { visits, aged: kafka("aged", { group: "a", codec: idAndAge }) };
  const through = { topic: "met", codec: json(schema), otherCodec: delimited(["user", "page"], ",") };
  const plan = pipeline("typed", {
    source,
    sources,
    outputs: (users, { visits, aged }) => {
      const seen = users.pipe(joinWithin(visits, {
        by: (user) => user.id,
        otherBy: (visit) => visit.user,
        within: "1m",
        lateness: "1h",
        through,
        with: (user, visit) => ({ id: user.id, age: user.age, page: visit.page.trim() }),
      }));
      const both = aged.pipe(
        union(users.pipe(map(({ id, age }) => ({ id, age })))),
        repartition("both", { key: (user) => user.id, codec: idAndAge }),
      );
      const options = {
        by: (user: User) => user.id,
        otherBy: (visit: { readonly user: string }) => visit.user,
        within: "1m",
        with: (user: User) => ({ id: user.id, age: user.age, page: "" }),
      } as const;
      const maybe = users.pipe(joinWithin(visits, {
        by: (user) => user.id,
        otherBy: (visit) => visit.user,
        within: "1m",
        type: "left",
        lateness: "1h",
        through: { ...through, topic: "maybe" },
        with: (user, visit) => ({ id: user.id, page: visit?.page ?? null }),
      }));
      const wrong = { ...through, topic: "met_2", otherCodec: idAndAge };
      return [
        seen.to(postgresTable("a", { columns: { id: "text", age: "int?", page: "text" }, key: ["id"] })),
        both.to(postgresTable("b", { columns: { id: "text", age: "int?" }, key: ["id"] })),
        maybe.to(postgresTable("e", { columns: { id: "text", page: "text?" }, key: ["id"] })),
        seen.pipe(
          // @ts-expect-error: what was joined has no gender
          map((user) => ({ gender: user.gender })),
        ).to(postgresTable("c", { columns: { gender: "text" }, key: ["gender"] })),
        // @ts-expect-error: the codec of the other side has no visits
        users.pipe(joinWithin(visits, { ...options, lateness: 0, through: wrong }))
          .to(postgresTable("d", { columns: { id: "text" }, key: ["id"] })),
      ];
    },
  });
  assert.deepEqual(plan.stages.map(({ source }) => source.topic), [
    "visits",
    "aged",
    "met",
    "both",
    "maybe",
    "met_2",
  ]);
  const test = await testPipeline(plan);
  await test.send({ source: "aged", value: { id: "a", age: 3 } }, { source: "visits", bytes: "a,b" });
  assert.deepEqual(test.rows("b"), [{ id: "a", age: 3 }]);
  // @ts-expect-error: a visit has no id
  await assert.rejects(test.send({ source: "visits", value: { id: "a", page: "b" } }));
  // @ts-expect-error: there is no such source
  await assert.rejects(test.send({ source: "pages", bytes: "a,b" }));
  // @ts-expect-error: without a name it is the pipeline's own source
  await assert.rejects(test.send({ value: { user: "a", page: "b" } }));
});

const cities = referenceTable("cities", {
  columns: { post: "int", city: "text", people: "double?" },
  key: "post",
  from: [{ post: 8000, city: "Zürich" }],
});

Deno.test("a joined row is typed by the table's columns, and may be missing in a left join", () => {
  const plan = pipeline("typed", {
    source,
    outputs: (stream) => [
      stream.pipe(join(cities, {
        on: (user) => user.age,
        with: (user, { city, people }) => ({ id: user.id, city, people: people ?? 0 }),
      })).to(postgresTable("b", { columns: { id: "text", city: "text", people: "double" }, key: ["id"] })),
      stream.pipe(join(cities, {
        type: "left",
        on: (user) => user.age,
        with: (user, city) => ({ id: user.id, city: city?.city }),
      })).to(postgresTable("c", { columns: { id: "text", city: "text?" }, key: ["id"] })),
    ],
  });
  assert.equal(plan.nodes.length, 2);
});

type ResultTypes = {
  n: Aggregate<User, bigint>;
  spread: Aggregate<User, number | null>;
  at: Aggregate<User, Date>;
  ids: Aggregate<User, { readonly all: readonly string[] }>;
  mean: Aggregate<User, number | null>;
};

const counting = { init: () => 0, add: (n: number) => n + 1, merge: (a: number, b: number) => a + b };
const byId = (user: User) => ({ id: user.id });

type User = typeof source extends { codec: { decode(bytes: Uint8Array): infer T } } ? T : never;

// Never called: only the type check reads it.
export function unboundedWait(users: Stream<User>, others: Stream<User>) {
  const through = { topic: "met", codec: json(schema), otherCodec: json(schema) };
  const options = {
    by: ({ id }: User) => id,
    otherBy: ({ id }: User) => id,
    within: "1m",
    with: ({ id }: User) => id,
  };
  const alone = { by: options.by, otherBy: options.otherBy, within: "1m" } as const;
  // @ts-expect-error: in a left join there may be no other
  users.pipe(joinWithin(others, { ...alone, type: "left", with: (user, other) => user.id + other.id }));
  // @ts-expect-error: with a topic between them it says how long values wait
  return users.pipe(joinWithin(others, { ...options, within: "1m", through }));
}

// Never called: only the type check reads it.
export function compileErrors(
  stream: Stream<User>,
  users: Stream<{ id: string; age: number | null; gender: string }>,
) {
  const names = topic("names", { key: () => null, codec: delimited(["name"], "$") });
  const outputs: Output[] = [
    // @ts-expect-error a key that is no column
    users.to(postgresTable("b", { columns, key: ["idd"] })),
    // @ts-expect-error a column that the rows do not have
    users.to(postgresTable("b", { columns: { ...columns, more: "text" }, key: ["id"] })),
    // @ts-expect-error a column of another type
    users.to(postgresTable("b", { columns: { id: "int" }, key: ["id"] })),
    // @ts-expect-error a null for a column that is not optional
    users.to(postgresTable("b", { columns: { id: "text", age: "int" }, key: ["id"] })),
    // @ts-expect-error a type that no column has
    users.to(cassandraTable("a.b", { columns: { id: "string" }, key: ["id"] })),
    // @ts-expect-error a key that is no column
    users.to(cassandraTable("a.b", { columns, key: ["name"] })),
    // @ts-expect-error a topic without codec is for dead letters only
    users.to(topic("t")),
    // @ts-expect-error values that the codec does not take
    users.to(topic("t", { key: (user) => user.id, codec: json(schema) })),
    // @ts-expect-error values without a field that the codec needs
    users.pipe(map((user) => ({ nom: user.id }))).to(names),
    // @ts-expect-error a table without columns takes only what is merged
    users.to(postgresTable("c")),
  ];
  // @ts-expect-error a group by a field that is not there
  stream.pipe(aggregate({ by: (user) => ({ gender: user.nope }), compute: { users: count() } }));
  // @ts-expect-error a group by a value that cannot be a column of a key
  stream.pipe(aggregate({ by: (user) => ({ tags: user.tags }), compute: { users: count() } }));
  // @ts-expect-error an average of what is not a number
  stream.pipe(aggregate({ by: (user) => ({ id: user.id }), compute: { mean: avg((user) => user.gender) } }));
  // @ts-expect-error a value of another type than the column's
  stream.pipe(aggregate({ by: (user) => ({ id: user.id }), compute: { last: last("int", (u) => u.id) } }));
  // @ts-expect-error a type that cannot be picked
  stream.pipe(aggregate({ by: (user) => ({ id: user.id }), compute: { last: last("json", (u) => u.tags) } }));
  const results: Stream<AggregateRow<{ id: string }, ResultTypes>> = stream.pipe(aggregate({
    by: (user) => ({ id: user.id }),
    compute: {
      n: count(),
      spread: stddev((user) => user.age ?? 0),
      at: first("timestamp", () => new Date(0)),
      ids: custom({
        init: (): string[] => [],
        add: (held, user) => [...held, user.id],
        merge: (a, b) => [...a, ...b],
        result: (all) => ({ all }),
      }),
      mean: custom({ ...counting, result: (n) => n === 0 ? null : 1 / n, type: "double?" }),
    },
  }));
  results.pipe(map(({ ids, mean }): [readonly string[], number | null] => [ids.all, mean]));
  // @ts-expect-error a result of another type than the column's
  stream.pipe(aggregate({ by: byId, compute: { n: custom({ ...counting, result: String, type: "int" }) } }));
  // @ts-expect-error a null for a column that is not optional
  custom({ ...counting, result: () => null, type: "int" });
  // @ts-expect-error a type that no result can have
  stream.pipe(aggregate({ by: byId, compute: { n: custom({ ...counting, result: String, type: "uuid" }) } }));
  // @ts-expect-error values that nothing can be equal to
  stream.pipe(aggregate({ by: byId, compute: { n: approxDistinct((user) => user.tags) } }));
  // @ts-expect-error a state of another type than the first
  custom({ init: () => 0, add: () => "1", merge: (a: number) => a, result: (n: number) => n });
  results.pipe(map(({ n, spread, at }): [bigint, number | null, Date] => [n, spread, at]));
  const window = tumbling("1m");
  const reduce = (a: number, b: number) => a + b;
  const value = (user: User) => user.age ?? 0;
  stream.pipe(reduceByKey({ by: byId, value: (user) => ({ n: user.age }), reduce: (a) => a }))
    .pipe(map(({ id, value }): [string, number | null] => [id, value.n]));
  stream.pipe(
    reduceByKeyAndWindow({
      by: byId,
      value,
      reduce,
      inverse: (all, part) => all - part,
      window,
      type: "int",
    }),
  )
    .pipe(map(({ window_start, value }): [Date, number] => [window_start, value]));
  stream.pipe(groupByKey({ by: byId, value: (user) => user.tags }))
    .pipe(map(({ values }): readonly (readonly string[])[] => values));
  stream.pipe(groupByKey({ by: byId, value, window })).pipe(map((row): Date => row.window_end));
  // @ts-expect-error there is no window
  stream.pipe(groupByKey({ by: byId, value })).pipe(map((row) => row.window_end));
  // @ts-expect-error a value of another type than the column's
  stream.pipe(reduceByKey({ by: byId, value, reduce, type: "text" }));
  // @ts-expect-error values that cannot be reduced to one of their kind
  stream.pipe(reduceByKey({ by: byId, value, reduce: (a, b) => `${a}${b}` }));
  // @ts-expect-error a window that is missing
  stream.pipe(reduceByKeyAndWindow({ by: byId, value, reduce }));
  // @ts-expect-error a standard deviation may be null
  results.pipe(map(({ spread }): number => spread));
  // @ts-expect-error a symbol that the enum does not have
  stream.pipe(filter((user) => user.state === "BROKEN"));
  // @ts-expect-error a field that the schema does not have
  stream.pipe(map((user) => user.name));
  // @ts-expect-error an operator for other values
  stream.pipe(map((line: string) => line.length));
  // @ts-expect-error an operator that does not fit the one before
  stream.pipe(map((user) => user.id), map((id: number) => id + 1));
  // @ts-expect-error a check answers true, false or a text
  stream.pipe(validate((user) => user.age));
  // @ts-expect-error flatMap needs something to iterate
  stream.pipe(flatMap((user) => user.age));
  const by = (user: User) => user.id;
  // @ts-expect-error a new state of another type
  stream.pipe(mapWithState({ by, initial: () => 0, update: () => ({ state: "1" }) }));
  // @ts-expect-error an update that does not say what becomes of the state
  stream.pipe(mapWithState({ by, initial: () => 0, update: () => ({ emit: [1] }) }));
  const byObject = (user: User) => ({ id: user.id });
  // @ts-expect-error a key that cannot be one
  stream.pipe(mapWithState({ by: byObject, initial: () => 0, update: (n) => ({ state: n }) }));
  stream.pipe(
    mapWithState({ by, initial: () => 0, update: (n) => ({ state: n, emit: [n] }) }),
    // @ts-expect-error what is given on is a number
    map((n) => n.id),
  );
  // @ts-expect-error an average of what is not a number
  stream.pipe(movingAverage({ by, of: (user) => user.gender, size: 3 }));
  // @ts-expect-error two streams by keys of different types
  stream.pipe(joinWithin(users, { by, otherBy: (user) => user.age ?? 0, within: "1m", with: (a) => a }));
  // @ts-expect-error a key of another type than the table's
  stream.pipe(join(cities, { on: (user) => user.id, with: (user) => user }));
  // @ts-expect-error a column that the table does not have
  stream.pipe(join(cities, { on: (user) => user.age, with: (_, city) => city.name }));
  // @ts-expect-error a row that may be missing
  stream.pipe(join(cities, { type: "left", on: (user) => user.age, with: (_, city) => city.city }));
  // @ts-expect-error a key that is no column
  referenceTable("t", { columns: { a: "text" }, key: "b", from: [] });
  // @ts-expect-error a row without a column
  referenceTable("t", { columns: { a: "text" }, key: "a", from: [{ b: "" }] });
  const byGender = (user: User) => ({ gender: user.gender });
  // @ts-expect-error a result with the name of a key
  stream.pipe(aggregate({ by: byGender, compute: { gender: count() } }));
  const byAny = (user: User): Record<string, string> => ({ gender: user.gender });
  stream.pipe(aggregate({ by: byAny, compute: { gender: count(), ages: sum((user) => user.age ?? 0) } }));
  // @ts-expect-error values that cannot be a column of a key
  stream.pipe(countByValue());
  const genders = stream.pipe(map((user) => user.gender));
  genders.pipe(countByValue({ window })).pipe(map((row): [Date, bigint] => [row.window_end, row.count]));
  // @ts-expect-error there is no window
  genders.pipe(countByValue()).pipe(map((row) => row.window_end));
  // @ts-expect-error a value that only one of two streams has
  users.pipe(union(stream), map((either) => either.tags));
  // @ts-expect-error a transform of other values
  stream.pipe(transform((lines: Stream<string>) => lines));
  // @ts-expect-error a transform whose second operator does not fit its first
  stream.pipe(transform(map((user) => user.id), map((age: number) => age)));
  // @ts-expect-error a transform that gives no stream
  stream.pipe(transform((users) => users.to(names)));
  return outputs;
}

export function scheduleErrors(numbers: Producer<number>, ids: Producer<{ id: string }>) {
  const outputs = (stream: Stream<{ readonly id: string }>) => [
    stream.to(postgresTable("b", { columns: { id: "text" }, key: ["id"] })),
  ];
  const source = kafka("ids", { group: "g", codec: delimited(["id"], "$") });
  pipeline("good", { source, outputs, schedule: { cron: "* * * * *", produce: ids } });
  // @ts-expect-error a producer of what the topic does not take
  pipeline("bad", { source, outputs, schedule: { cron: "* * * * *", produce: numbers } });
  kafka("ids", { group: "g", codec: delimited(["id"], "$"), from: { ago: "1d" } });
  // @ts-expect-error no time is that long ago
  kafka("ids", { group: "g", codec: delimited(["id"], "$"), from: { ago: "1 fortnight" } });
  // @ts-expect-error a time is a Date or milliseconds
  kafka("ids", { group: "g", codec: delimited(["id"], "$"), from: { timestamp: "2026-01-31" } });
  // @ts-expect-error a source without a group
  kafka("ids", { codec: delimited(["id"], "$") });
  // @ts-expect-error no window is that long
  tumbling("1 fortnight");
}

Deno.test("a test sends what the source's codec gives, and nothing else", async () => {
  const plan = pipeline("typed", {
    source: kafka("numbers", {
      group: "g",
      codec: json({ type: "record", name: "N", fields: [{ name: "n", type: "int" }] }),
    }),
    outputs: (stream) => [stream.to(postgresTable("numbers", { columns: { n: "int" }, key: ["n"] }))],
  });
  const untyped: Pipeline = plan;
  const test = await testPipeline(plan);
  await test.send({ value: { n: 1 } }, { bytes: "anything" });
  // @ts-expect-error -- A record has a value or bytes.
  await assert.rejects(test.send({ key: "a" }), /a record has neither a value nor bytes/);
  // @ts-expect-error -- The value's field has another type.
  await assert.rejects(test.send({ value: { n: "1" } }));
  // Of a pipeline whose source is not known, the codec alone judges.
  await assert.rejects((await testPipeline(untyped)).send({ value: "1" }), TypeError);
  assert.equal(test.counts.in, 2);
});
