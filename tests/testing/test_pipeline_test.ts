import assert from "node:assert/strict";
import {
  aggregate,
  avg,
  cassandraTable,
  type Codec,
  count,
  csvFile,
  custom,
  first,
  join,
  json,
  kafka,
  last,
  map,
  mapWithState,
  max,
  pipeline,
  postgresTable,
  referenceTable,
  session,
  stddev,
  testPipeline,
  text,
  topic,
  tumbling,
  validate,
} from "weir";

const readingSchema = {
  type: "record",
  name: "Reading",
  fields: [{ name: "sensor", type: "string" }, { name: "celsius", type: "double" }],
} as const;
const source = kafka("readings", { group: "g", codec: json(readingSchema), lateness: "10s" });
type Reading = { readonly sensor: string; readonly celsius: number };
/** A codec of one's own, whose counts are read as bigints, too. */
const counts: Codec<{ readonly sensor: string; readonly n: bigint }> = {
  name: "counts",
  encode: ({ sensor, n }) => new TextEncoder().encode(`${sensor} ${n}`),
  decode: (bytes) => {
    const [sensor, n] = new TextDecoder().decode(bytes).split(" ") as [string, string];
    return { sensor, n: BigInt(n) };
  },
};
const noon = Date.parse("2026-01-31T12:00:00Z");
const at = (seconds: number) => noon + seconds * 1_000;

Deno.test("each output's rows are as they would end up", async () => {
  const test = await testPipeline(
    pipeline("p", {
      source,
      outputs: (stream) => [
        stream.pipe(map(({ sensor, celsius }, { timestamp }) => ({
          sensor,
          celsius,
          at: new Date(timestamp),
          hot: celsius > 30,
          ...(celsius > 40 && { note: "very hot" }),
        }))).to(cassandraTable("k.latest", {
          columns: { sensor: "text", celsius: "double", at: "timestamp", hot: "boolean", note: "text?" },
          key: ["sensor"],
        })),
        stream.pipe(map(({ sensor, celsius }) => ({ sensor, n: 2n ** 60n, raw: { celsius } }))).to(
          postgresTable("latest", { columns: { sensor: "text", n: "bigint", raw: "json" }, key: ["sensor"] }),
        ),
        stream.to(
          postgresTable("firsts", {
            columns: { sensor: "text", celsius: "double" },
            key: ["sensor"],
            onConflict: "ignore",
          }),
        ),
        stream.to(topic("copies", { key: ({ sensor }) => sensor, codec: json(readingSchema) })),
      ],
    }),
    { now: noon },
  );
  await test.send({ value: { sensor: "b", celsius: 50 } }, { value: { sensor: "b", celsius: 20 } });
  await test.advance("1m");
  await test.send({ value: { sensor: "a", celsius: 31 }, key: "a" });
  assert.deepEqual(test.rows("k.latest"), [
    { sensor: "a", celsius: 31, at: new Date(at(60)), hot: true, note: null },
    // An absent value leaves the cell in Cassandra as it was.
    { sensor: "b", celsius: 20, at: new Date(noon), hot: false, note: "very hot" },
  ]);
  assert.deepEqual(test.rows("latest"), [
    { sensor: "a", n: 2n ** 60n, raw: { celsius: 31 } },
    { sensor: "b", n: 2n ** 60n, raw: { celsius: 20 } },
  ]);
  assert.deepEqual(test.rows("firsts"), [{ sensor: "a", celsius: 31 }, { sensor: "b", celsius: 50 }]);
  assert.deepEqual(test.records("copies"), [
    { key: "b", value: { sensor: "b", celsius: 50 } },
    { key: "b", value: { sensor: "b", celsius: 20 } },
    { key: "a", value: { sensor: "a", celsius: 31 } },
  ]);
  assert.deepEqual(test.counts, { in: 3, out: 3, filtered: 0, deadLettered: 0, late: 0, ahead: 0 });
  assert.deepEqual([test.now, test.watermark], [new Date(at(60)), new Date(at(50))]);
});

Deno.test("updates change with each record, final results come when the watermark passes, late records are told", async () => {
  const compute = { n: count(), mean: avg((r: Reading) => r.celsius) };
  const by = ({ sensor }: Reading) => ({ sensor });
  const window = tumbling("1m");
  const test = await testPipeline(
    pipeline("p", {
      source,
      outputs: (stream) => [
        stream.pipe(aggregate({ by, window, compute })).to(postgresTable("now")),
        stream.pipe(aggregate({ by, window, compute, results: "final" })).to(postgresTable("closed")),
        stream.pipe(aggregate({ by, window, compute: { n: count() }, results: "final" })).to(
          topic("counts", {
            key: ({ sensor }) => sensor,
            codec: counts,
          }),
        ),
        stream.pipe(aggregate({ by, window, compute: { n: count() }, results: "final" })).to(
          cassandraTable("k.counts", {
            columns: { sensor: "text", n: "bigint", window_end: "timestamp" },
            key: ["sensor"],
          }),
        ),
      ],
    }),
    { now: noon },
  );
  const send = (celsius: number, seconds: number, sensor = "a") =>
    test.send({ value: { sensor, celsius }, timestamp: at(seconds) });
  const minute = { window_start: new Date(noon), window_end: new Date(at(60)), sensor: "a" };
  await send(10, 5);
  await send(20, 65);
  await send(30, 59);
  assert.deepEqual(test.rows("now")[0], { ...minute, n: 2n, mean: 20 });
  assert.deepEqual([test.rows("closed"), test.rows("k.counts"), test.records("counts")], [[], [], []]);
  await send(20, 70);
  assert.deepEqual(test.rows("closed"), [{ ...minute, n: 2n, mean: 20 }]);
  assert.deepEqual(test.rows("k.counts"), [{ sensor: "a", n: 2n, window_end: new Date(at(60)) }]);
  assert.deepEqual(test.records("counts"), [{ key: "a", value: { sensor: "a", n: 2n } }]);
  await send(1_000, 59);
  assert.deepEqual(test.rows("closed"), [{ ...minute, n: 2n, mean: 20 }]);
  assert.deepEqual(test.late, [
    {
      topic: "readings",
      partition: 0,
      offset: 4,
      timestamp: new Date(at(59)),
      key: null,
      value: { sensor: "a", celsius: 1_000 },
    },
  ]);
  assert.deepEqual(test.counts, { in: 5, out: 4, filtered: 1, deadLettered: 0, late: 1, ahead: 0 });
});

Deno.test("bad records become dead letters with where and why, and what they were", async () => {
  const test = await testPipeline(pipeline("p", {
    source,
    outputs: (stream) => {
      const good = stream.pipe(validate(({ celsius }) => celsius > -274 || `${celsius} °C is too cold`));
      return [
        good.pipe(map(({ sensor, celsius }) => {
          if (sensor === "broken") throw new RangeError("no such sensor");
          return { sensor, celsius, id: sensor };
        })).to(
          postgresTable("rows", {
            columns: { sensor: "text", celsius: "int", id: "uuid?" },
            key: ["sensor"],
          }),
        ),
        good.to(
          cassandraTable("k.rows", { columns: { sensor: "text", celsius: "double" }, key: ["sensor"] }),
        ),
        good.to(topic("copies", { key: ({ sensor }) => sensor, codec: json(readingSchema) })),
      ];
    },
  }));
  await test.send(
    { bytes: "{", key: "k" },
    { bytes: null },
    { value: { sensor: "a", celsius: -300 } },
    { value: { sensor: "broken", celsius: 1 } },
    { value: { sensor: "7b0e2e0c-6b6c-4b0e-8d5e-3f1d5a3c9b11", celsius: 1.5 } },
    { value: { sensor: "", celsius: 1 } },
    { value: { sensor: "7b0e2e0c-6b6c-4b0e-8d5e-3f1d5a3c9b11", celsius: 1 } },
  );
  assert.deepEqual(test.deadLetters.map(({ stage, offset }) => [offset, stage]), [
    [0, "decode"],
    [1, "decode"],
    [2, "validate"],
    [3, "map"],
    [4, "write rows"],
    [5, "write rows"],
  ]);
  const [broken, , cold, , misfit] = test.deadLetters;
  assert.deepEqual([broken!.text, broken!.key, broken!.partition], ["{", "k", 0]);
  assert.equal(cold!.reason, "-300 °C is too cold");
  assert.match(misfit!.reason, /^column "celsius" takes a whole number .* is 1.5$/);
  assert.equal(test.records("copies").length, 1);
  assert.equal(test.rows("k.rows").length, 1);
  assert.deepEqual(test.counts, { in: 7, out: 1, filtered: 0, deadLettered: 6, late: 0, ahead: 0 });
});

Deno.test("a record that a table refuses is done again as a dead letter, and the others count once", async () => {
  const test = await testPipeline(pipeline("p", {
    source,
    outputs: (stream) => [
      stream.to(
        cassandraTable("k.rows", { columns: { sensor: "text", celsius: "double" }, key: ["sensor"] }),
      ),
      stream.pipe(aggregate({ by: () => ({ all: true }), compute: { n: count() } })).to(postgresTable("n")),
      stream.pipe(mapWithState({
        by: () => "all",
        initial: () => 0,
        update: (seen) => ({ state: seen + 1, emit: [{ id: "all", seen: seen + 1 }] }),
      })).to(postgresTable("seen", { columns: { id: "text", seen: "int" }, key: ["id"] })),
      stream.to(topic("copies", { key: ({ sensor }) => sensor, codec: json(readingSchema) })),
    ],
  }));
  await test.send(...["a", "", "b"].map((sensor) => ({ value: { sensor, celsius: 1 } })));
  assert.deepEqual(test.deadLetters.map(({ stage, offset }) => [offset, stage]), [[1, "write k.rows"]]);
  assert.deepEqual(test.rows("n"), [{ all: true, n: 2n }]);
  assert.deepEqual(test.rows("seen"), [{ id: "all", seen: 2 }]);
  assert.deepEqual(test.records("copies").map(({ key }) => key), ["a", "b"]);
});

Deno.test("what an aggregate of one's own cannot merge is a dead letter, and the others count", async () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(aggregate({
        by: ({ sensor }) => ({ sensor }),
        compute: {
          n: count(),
          temperatures: custom({
            init: (): readonly number[] => [],
            add: (held, { celsius }) => [...held, celsius],
            merge: (a, b) => {
              if (a.length + b.length > 2) throw new RangeError("two are enough");
              return [...a, ...b];
            },
            result: (held) => held,
          }),
        },
      })).to(postgresTable("pairs")),
      stream.to(topic("copies", { key: ({ sensor }) => sensor, codec: json(readingSchema) })),
    ],
  });
  const test = await testPipeline(plan);
  for (const celsius of [1, 2, 3]) {
    await test.send({ value: { sensor: "a", celsius } }, { value: { sensor: `b${celsius}`, celsius } });
    await test.restart();
  }
  assert.deepEqual(test.rows("pairs"), [
    { sensor: "a", n: 2n, temperatures: [1, 2] },
    ...[1, 2, 3].map((celsius) => ({ sensor: `b${celsius}`, n: 1n, temperatures: [celsius] })),
  ]);
  assert.deepEqual(test.deadLetters.map(({ stage, offset, reason }) => [stage, offset, reason]), [
    ["write pairs", 4, 'custom "temperatures": two are enough'],
  ]);
  assert.equal(test.records("copies").length, 5);
});

Deno.test("a topic behind states tells of no state that never came to be", async () => {
  const test = await testPipeline(pipeline("p", {
    source,
    outputs: (stream) => [
      stream.to(
        cassandraTable("k.rows", { columns: { sensor: "text", celsius: "double" }, key: ["sensor"] }),
      ),
      stream.pipe(mapWithState({
        by: () => "all",
        initial: () => 0,
        update: (seen, { sensor }) => ({ state: seen + 1, emit: [`${seen + 1} with ${sensor}`] }),
      })).to(topic("seen", { key: (line) => line.at(-1)!, codec: text() })),
    ],
  }));
  await test.send(...["a", "", "b"].map((sensor) => ({ value: { sensor, celsius: 1 } })));
  await test.restart();
  await test.send({ value: { sensor: "c", celsius: 1 } });
  assert.deepEqual(test.records("seen"), [
    { key: "a", value: "1 with a" },
    { key: "b", value: "2 with b" },
    { key: "c", value: "3 with c" },
  ]);
});

Deno.test("a restart changes nothing: states, sessions, watermarks and idle partitions go on", async () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(mapWithState({
        by: ({ sensor }) => sensor,
        initial: (sensor) => ({ sensor, seen: 0 }),
        update: (state) => {
          const next = { ...state, seen: state.seen + 1 };
          return { state: next, emit: [next] };
        },
      })).to(postgresTable("seen", { columns: { sensor: "text", seen: "int" }, key: ["sensor"] })),
      stream.pipe(aggregate({
        by: ({ sensor }) => ({ sensor }),
        window: session("30s"),
        compute: {
          n: count(),
          spread: stddev((r) => r.celsius),
          begin: first("double", (r) => r.celsius),
          end: last("timestamp", (_, { eventTime }) => new Date(eventTime)),
        },
        results: "final",
      })).to(postgresTable("visits")),
    ],
  });
  const results = [];
  for (const restarts of [false, true]) {
    const test = await testPipeline(plan, { now: noon, partitions: 2 });
    for (const [seconds, celsius] of [[0, 3], [25, 4], [20, 8], [100, 5], [150, 6]] as const) {
      await test.send({ value: { sensor: "a", celsius }, timestamp: at(seconds), partition: 0 });
      if (restarts) await test.restart();
    }
    assert.deepEqual([test.watermark, test.rows("visits")], [null, []]);
    await test.advance("30s");
    if (restarts) await test.restart();
    results.push([test.rows("visits"), test.rows("seen"), test.watermark]);
    // What comes to the idle partition now starts from the watermark.
    await test.send({ value: { sensor: "b", celsius: 1 }, timestamp: at(9), partition: 1 });
    assert.deepEqual(test.late.map(({ partition, offset }) => [partition, offset]), [[1, 0]]);
  }
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[0], [
    [
      {
        window_start: new Date(noon),
        window_end: new Date(at(55)),
        sensor: "a",
        n: 3n,
        spread: Math.sqrt(7),
        begin: 3,
        end: new Date(at(25)),
      },
      {
        window_start: new Date(at(100)),
        window_end: new Date(at(130)),
        sensor: "a",
        n: 1n,
        spread: null,
        begin: 5,
        end: new Date(at(100)),
      },
    ],
    [{ sensor: "a", seen: 5 }],
    new Date(at(140)),
  ]);
});

Deno.test("reference tables have the rows that they are given, and those that they get later", async () => {
  const sites = referenceTable("sites", {
    columns: { site: "text", region: "text" },
    key: "site",
    from: csvFile("./nowhere.csv"),
  });
  const plan = pipeline("p", {
    source: kafka("views", { group: "g", codec: text() }),
    outputs: (stream) => [
      stream.pipe(join(sites, { on: (site) => site, with: (site, { region }) => ({ site, region }) })).to(
        postgresTable("views", { columns: { site: "text", region: "text" }, key: ["site"] }),
      ),
    ],
  });
  const test = await testPipeline(plan, { references: { sites: [{ site: "a", region: "north" }] } });
  await test.send({ value: "a" }, { value: "b" });
  test.refer("sites", [{ site: "b", region: "south" }]);
  await test.send({ value: "b" });
  await test.restart();
  await test.send({ value: "a" });
  assert.deepEqual(test.rows("views"), [{ site: "a", region: "north" }, { site: "b", region: "south" }]);
  assert.deepEqual(test.counts, { in: 4, out: 2, filtered: 2, deadLettered: 0, late: 0, ahead: 0 });
  await assert.rejects(
    testPipeline(plan),
    /^TypeError: testPipeline\(\): the reference table "sites" has no rows/,
  );
  await assert.rejects(
    testPipeline(plan, { references: { sites: [], users: [] } }),
    /there is no reference table "users" in the pipeline; there are sites/,
  );
  assert.throws(
    () => test.refer("sites", [{ site: "a" }]),
    /the reference table "sites": row 1: the column "region" is missing/,
  );
});

Deno.test("the producer runs for the time that the clock shows", async () => {
  const plan = pipeline("p", {
    schedule: {
      cron: "* * * * *",
      produce: async function* (run) {
        await run.sleep(1_000_000);
        yield { key: "a", value: `${run.scheduledAt.toISOString()} ${run.env("CITY")}` };
      },
    },
    source: kafka("lines", { group: "g", codec: text() }),
    outputs: (stream) => [stream.to(topic("copies", { key: () => null, codec: text() }))],
  });
  const test = await testPipeline(plan, { now: noon });
  assert.equal(await test.produce(), 1);
  await test.advance("1m");
  await test.produce({ env: (name) => name });
  assert.deepEqual(test.records("copies").map(({ value }) => value), [
    "2026-01-31T12:00:00.000Z undefined",
    "2026-01-31T12:01:00.000Z CITY",
  ]);
});

Deno.test("an event time far ahead of the clock closes nothing", async () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(aggregate({
        by: ({ sensor }) => ({ sensor }),
        window: tumbling("1m"),
        compute: { hottest: max((r) => r.celsius) },
      })).to(postgresTable("hottest")),
    ],
  });
  const test = await testPipeline(plan, { now: noon });
  const value = { sensor: "a", celsius: 1 };
  await test.send({ value }, { value, timestamp: at(3_600) }, { value });
  assert.deepEqual([test.watermark, test.counts.late, test.counts.ahead], [new Date(at(-10)), 0, 1]);
  await test.advance("1h");
  await test.send({ value });
  assert.deepEqual(test.watermark, new Date(at(3_590)));
});

Deno.test("what cannot be is refused with what was wrong", async () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.to(cassandraTable("k.t", { columns: { sensor: "text" }, key: ["sensor"] })),
      stream.to(postgresTable("k.t", { columns: { sensor: "text" }, key: ["sensor"] })),
    ],
  });
  await assert.rejects(testPipeline(plan, { now: NaN }), /now is NaN/);
  await assert.rejects(testPipeline(plan, { partitions: 0 }), /partitions is 0; give a whole number from 1/);
  const test = await testPipeline(plan);
  const value = { sensor: "a", celsius: 1 };
  await assert.rejects(test.send({ value, partition: 1 }), /there is no partition 1/);
  await assert.rejects(test.send({ value, timestamp: NaN }), /a timestamp is NaN/);
  await assert.rejects(
    // @ts-expect-error -- A value of another type than the source's.
    test.send({ value }, { value: { sensor: 1 } }),
    /a value does not fit the source; to send it all the same, give bytes/,
  );
  await assert.rejects(test.advance(0), /is not a duration/);
  await assert.rejects(test.produce(), /the pipeline "p" has no schedule/);
  assert.throws(() => test.rows("k.t"), /two tables have this name; say "cassandra" or "postgres"/);
  assert.throws(
    () => test.rows("t"),
    /no such table; the pipeline writes to cassandra "k.t", postgres "k.t"/,
  );
  assert.throws(() => test.records("k.t"), /does not write to this topic/);
  assert.deepEqual(test.rows("k.t", "postgres"), []);
  assert.equal(test.counts.in, 0);
});
