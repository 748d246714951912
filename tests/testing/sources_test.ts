/** `testPipeline` with pipelines that read several topics. */
import assert from "node:assert/strict";
import {
  delimited,
  joinWithin,
  kafka,
  map,
  mapWithState,
  pipeline,
  postgresTable,
  repartition,
  testPipeline,
  text,
  union,
  validate,
} from "weir";

const lines = (name: string) => postgresTable(name, { columns: { line: "text" }, key: ["line"] });

/** Numbers what comes of both sources, in the order in which it comes. */
const plan = pipeline("numbered", {
  schedule: {
    cron: "* * * * *",
    produce: async function* () {
      yield { key: "a", value: "made" };
    },
  },
  source: kafka("words", { group: "my-words", codec: text() }),
  sources: {
    names: kafka("names", { group: "my-names", codec: delimited(["first", "last"], " ") }),
    numbers: kafka("numbers", { group: "my-numbers", codec: text(), lateness: "1m" }),
  },
  outputs: (words, { names, numbers }) => [
    words.pipe(
      union(names.pipe(map(({ first, last }) => `${last}, ${first}`))),
      repartition("both", { key: () => "all", codec: text() }),
      mapWithState({
        by: () => "all",
        initial: () => 0,
        update: (n, line) => ({ state: n + 1, emit: [{ line: `${n} ${line}` }] }),
      }),
    ).to(lines("lines")),
    numbers.pipe(validate((line) => /^\d+$/.test(line)), map((line) => ({ line }))).to(lines("numbers")),
  ],
});

Deno.test("records go to the source that they name, and meet in the order in which they were sent", async () => {
  const test = await testPipeline(plan, { partitions: 3 });
  await test.send(
    { value: "one", key: "x" },
    { source: "names", value: { first: "Ada", last: "Lovelace" }, partition: 2 },
    { value: "two", key: "y" },
    { source: "names", bytes: "Grace Hopper" },
  );
  await test.restart();
  assert.equal(await test.produce(), 1);
  assert.deepEqual(test.rows("lines").map(({ line }) => line), [
    "0 one",
    "1 Lovelace, Ada",
    "2 two",
    "3 Hopper, Grace",
    "4 made",
  ]);
  assert.deepEqual(test.records("both").map(({ key, value }) => [key, value]).at(1), [
    "all",
    "Lovelace, Ada",
  ]);
  assert.deepEqual(test.counts, { in: 5, out: 5, filtered: 0, deadLettered: 0, late: 0, ahead: 0 });
});

Deno.test("dead letters of all sources are listed as they came, and counted together", async () => {
  const test = await testPipeline(plan);
  await test.send(
    { source: "numbers", value: "x" },
    { bytes: new Uint8Array([0xff]) },
    { source: "names", value: { first: "Ada", last: "Lovelace" } },
    { source: "names", bytes: "Ada" },
    { source: "numbers", value: "12" },
  );
  assert.deepEqual(test.deadLetters.map(({ topic, stage }) => [topic, stage]), [
    ["numbers", "validate"],
    ["words", "decode"],
    ["names", "decode"],
  ]);
  assert.deepEqual(test.counts, { in: 5, out: 2, filtered: 0, deadLettered: 3, late: 0, ahead: 0 });
  assert.equal(test.watermark, null);
});

Deno.test("what cannot be sent is refused before anything is", async () => {
  const test = await testPipeline(plan);
  const good = { value: "one" } as const;
  await assert.rejects(test.send(good, { source: "others", value: "x" } as never), {
    name: "TypeError",
    message: 'send(): the pipeline has no further source "others"; there are names, numbers',
  });
  await assert.rejects(
    test.send(good, { source: "toString", value: "x" } as never),
    /no further source "toString"/,
  );
  await assert.rejects(test.send(good, { source: "names", value: "x" } as never), /does not fit the source/);
  await assert.rejects(test.send(good, { source: "names", bytes: "a b", partition: 1 }), /no partition 1/);
  assert.equal(test.counts.in, 0);
  const alone = await testPipeline(pipeline("p", {
    source: kafka("words", { group: "g", codec: text() }),
    outputs: (words) => [words.pipe(map((line) => ({ line }))).to(lines("lines"))],
  }));
  await assert.rejects(alone.send({ source: "names", value: "x" } as never), /"names"; there are none$/);
});

Deno.test("event times are each source's own, and stay with values where they meet", async () => {
  const timed = pipeline("timed", {
    source: kafka("left", { group: "l", codec: text(), eventTime: (line) => Number(line.split(" ")[1]) }),
    sources: { right: kafka("right", { group: "r", codec: text(), lateness: 0 }) },
    outputs: (left, { right }) => [
      left.pipe(joinWithin(right, {
        by: (line) => line.split(" ")[0]!,
        otherBy: (line) => line,
        within: "5s",
        lateness: 0,
        through: { topic: "met", codec: text(), otherCodec: text() },
        with: (one, other, { eventTime, topic }) => ({ line: `${one} ${other} ${eventTime} ${topic}` }),
      })).to(lines("lines")),
    ],
  });
  const test = await testPipeline(timed, { now: 100_000 });
  await test.send(
    { source: "right", value: "a", timestamp: 50_000 },
    { value: "a 55000" },
    { value: "a 55001" },
    { source: "right", value: "a", timestamp: 60_000 },
  );
  assert.deepEqual(test.rows("lines").map(({ line }) => line), [
    "a 55000 a 55000 met",
    "a 55000 a 60000 met",
    "a 55001 a 60000 met",
  ]);
});

Deno.test("a stream behind states and one without meet: one through the outbox, the other by the cursor", async () => {
  const mixed = pipeline("mixed", {
    source: kafka("words", { group: "w", codec: text() }),
    sources: { names: kafka("names", { group: "n", codec: text() }) },
    outputs: (words, { names }) => [
      words.pipe(
        mapWithState({
          by: (word) => word,
          initial: () => 0,
          update: (n, word) => ({ state: n + 1, emit: [`${word} ${n + 1}`] }),
        }),
        union(names),
        repartition("both", { key: (line) => line, codec: text() }),
        map((line, { timestamp }) => ({ line: `${line} ${timestamp}` })),
      ).to(lines("lines")),
    ],
  });
  const test = await testPipeline(mixed, { partitions: 2 });
  await test.send(
    { value: "a", timestamp: 1 },
    { source: "names", value: "Ada", timestamp: 2 },
    { value: "a", timestamp: 3 },
  );
  await test.restart();
  assert.deepEqual(test.rows("lines").map(({ line }) => line), ["Ada 2", "a 1 1", "a 2 3"]);
  assert.deepEqual(test.counts.filtered, 0);
});
