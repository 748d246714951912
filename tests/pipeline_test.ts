import assert from "node:assert/strict";
import {
  aggregate,
  cassandraTable,
  ConfigError,
  count,
  filter,
  type From,
  kafka,
  map,
  type Output,
  pipeline,
  type PipelineOptions,
  postgresTable,
  session,
  type Stream,
  text,
  topic,
  tumbling,
} from "../src/mod.ts";
import { aggregateOf, isAggregate } from "../src/pipeline.ts";

const columns = { line: "text" } as const;
const toRow = map((line: string) => ({ line }));
const toTable = (stream: Stream<string>, name = "lines"): Output =>
  stream.pipe(toRow).to(postgresTable(name, { columns, key: ["line"] }));
const counting = aggregate({ by: (line: string) => ({ line }), compute: { lines: count() } });

/** A good pipeline, but for what is given. */
function described(options: Partial<PipelineOptions<string>> = {}, name = "lines") {
  return pipeline(name, {
    source: kafka("lines", { group: "weir-lines", codec: text() }),
    outputs: (stream) => [toTable(stream)],
    ...options,
  });
}

/** Asserts that exactly these problems are found, all at once. */
function refused(describe: () => unknown, ...problems: string[]): void {
  assert.throws(describe, (error) => {
    assert.ok(error instanceof ConfigError, `${error}`);
    assert.deepEqual(error.problems, problems);
    return true;
  });
}

Deno.test("a pipeline is plain data, with its defaults", () => {
  const plan = described();
  assert.equal(plan.name, "lines");
  assert.equal(plan.deadLetter, "lines.dead-letter");
  assert.deepEqual(
    [plan.source.topic, plan.source.group, plan.source.from, plan.source.partitions, plan.source.lateness],
    ["lines", "weir-lines", "earliest", 8, Infinity],
  );
  assert.deepEqual(plan.nodes.map(({ id, parents, operator }) => [id, parents, operator.kind]), [[
    1,
    [0],
    "map",
  ]]);
  assert.deepEqual(plan.outputs, [{
    node: 1,
    sink: {
      kind: "postgres",
      name: "lines",
      schema: "public",
      table: "lines",
      columns: [{ name: "line", type: "text", optional: false }],
      key: ["line"],
      onConflict: "update",
    },
  }]);
  assert.ok(!("schedule" in plan));
});

Deno.test("streams that share a prefix share its nodes", () => {
  const plan = described({
    outputs: (stream) => {
      const long = stream.pipe(filter((line) => line.length > 3));
      return [
        toTable(long),
        long.to(topic("long", { key: () => null, codec: text() })),
        long.pipe(counting).to(postgresTable("counts")),
      ];
    },
  });
  assert.deepEqual(
    plan.nodes.map(({ id, parents, operator }) => [id, parents, operator.kind]),
    [[1, [0], "filter"], [2, [1], "map"], [3, [1], "aggregate"]],
  );
  assert.deepEqual(plan.outputs.map((output) => output.node), [2, 1, 3]);
  assert.deepEqual(plan.outputs.map((output) => aggregateOf(plan, output)?.kind), [
    undefined,
    undefined,
    "aggregate",
  ]);
  assert.deepEqual(plan.nodes.map((node) => isAggregate(node.operator)), [false, false, true]);
});

Deno.test("a source may start at a time, and not at one that cannot be", () => {
  const from = (start: From) => () =>
    described({ source: kafka("lines", { group: "weir-lines", codec: text(), from: start }) });
  from({ timestamp: new Date(0) })();
  from({ timestamp: 1_700_000_000_000 })();
  from({ ago: "2d" })();
  for (const timestamp of [new Date("never"), NaN, -1, 1.5]) {
    refused(
      from({ timestamp }),
      `pipeline "lines": its source starts at the time ${
        Number(timestamp)
      }; give a Date, or milliseconds since 1970`,
    );
  }
  assert.throws(from({ ago: 0 }), /is not a duration/);
});

Deno.test("the source itself may go to a sink", () => {
  const plan = described({
    outputs: (stream) => [stream.to(topic("copy", { key: () => null, codec: text() }))],
  });
  assert.deepEqual([plan.nodes.length, plan.outputs[0]!.node], [0, 0]);
  assert.equal(aggregateOf(plan, plan.outputs[0]!), undefined);
});

Deno.test("what is given is kept: schedule, positions to start from, dead-letter topic", () => {
  const schedule = { cron: "0 * * * *", produce: async function* () {}, atStart: false };
  const plan = described({
    schedule,
    source: kafka("lines", {
      group: "g",
      codec: text(),
      from: { 0: 120, 1: 95 },
      partitions: 3,
      lateness: "1m",
    }),
    deadLetter: topic("bad-lines"),
  });
  assert.equal(plan.schedule, schedule);
  assert.deepEqual(plan.source.from, { 0: 120, 1: 95 });
  assert.equal(plan.source.partitions, 3);
  assert.equal(plan.source.lateness, 60_000);
  assert.equal(plan.deadLetter, "bad-lines");
});

Deno.test("names are refused that would not do everywhere", () => {
  const problem = "its name must be lower case letters, digits, _ and -, starting with a letter, at most 48";
  for (const name of ["", "Lines", "1st", "a b", "a.b", "a".repeat(49)]) {
    refused(() => described({}, name), `pipeline "${name}": ${problem}`);
  }
  for (const name of ["a", "word_count-2", "a".repeat(48)]) assert.equal(described({}, name).name, name);
});

Deno.test("a source that cannot be read is refused", () => {
  const source = (name: string, options: Partial<Parameters<typeof kafka<string>>[1]>) =>
    described({ source: kafka(name, { group: "g", codec: text(), ...options }), deadLetter: topic("bad") });
  refused(() => source("a b", {}), 'pipeline "lines": "a b" is not a topic\'s name');
  refused(() => source("..", {}), 'pipeline "lines": ".." is not a topic\'s name');
  refused(() => source("a".repeat(250), {}), `pipeline "lines": "${"a".repeat(250)}" is not a topic's name`);
  refused(
    () => source("lines", { group: "" }),
    "pipeline \"lines\": its source has no group; name the consumer group, as in { group: 'weir-users' }",
  );
  for (const partitions of [0, -1, 1.5, NaN]) {
    refused(
      () => source("lines", { partitions }),
      `pipeline "lines": its source has ${partitions} partitions; give a whole number from 1`,
    );
  }
  refused(
    () => source("lines", { from: { 0: -1, 1: 5, 2: 0.5 } }),
    'pipeline "lines": its source starts at -1 in partition 0; give a whole number from 0',
    'pipeline "lines": its source starts at 0.5 in partition 2; give a whole number from 0',
  );
  assert.throws(() => source("lines", { lateness: "soon" as never }), /"soon" is not a duration/);
});

Deno.test("outputs that cannot be written are refused", () => {
  const outputs = (make: (stream: Stream<string>) => Output[]) => () => described({ outputs: make });
  const untyped = <T>(sink: T) => sink as never;
  refused(outputs(() => []), 'pipeline "lines": it has no outputs, so nothing would be written');
  refused(
    outputs((stream) => [toTable(stream), toTable(stream)]),
    'pipeline "lines": two outputs write to the postgres "lines"',
  );
  refused(
    outputs((stream) => [stream.to(topic("lines", { key: () => null, codec: text() }))]),
    'pipeline "lines": it writes to "lines", the topic it reads: its records would go round for ever',
  );
  refused(
    outputs((stream) => [stream.to(untyped(topic("copy")))]),
    'pipeline "lines": topic("copy") has no codec and key; give both to write to it',
  );
  refused(
    outputs((stream) => [stream.to(untyped(postgresTable("copy")))]),
    'pipeline "lines": postgresTable("copy") has no columns; only an aggregate\'s table can go without',
  );
  assert.deepEqual(
    described({ outputs: (stream) => [toTable(stream), toTable(stream, "other.lines")] }).outputs.length,
    2,
    "the same table in another schema is another table",
  );
});

Deno.test("an aggregate's results go to any sink, but updates of sessions to tables of Postgres alone", () => {
  const outputs = (make: (stream: Stream<string>) => Output[]) => () => described({ outputs: make });
  const untyped = <T>(sink: T) => sink as never;
  const cassandra = cassandraTable("a.b", { columns, key: ["line"] });
  assert.equal(outputs((stream) => [stream.pipe(counting).to(cassandra)])().outputs.length, 1);
  const sessions = aggregate({
    by: (line: string) => ({ line }),
    window: session("1m"),
    compute: { n: count() },
  });
  for (
    const [kind, sink] of [["cassandra", cassandra], [
      "topic",
      topic("a.b", { key: () => null, codec: text() }),
    ]]
  ) {
    refused(
      outputs((stream) => [stream.pipe(sessions).to(untyped(sink))]),
      `pipeline "lines": ${kind} "a.b" takes updates of sessions, but cannot take back one that became part of another; ` +
        'give the aggregate results: "final", or write to a postgresTable',
    );
  }
  assert.equal(outputs((stream) => [stream.pipe(sessions).to(postgresTable("t"))])().outputs.length, 1);
  refused(
    outputs((stream) => [stream.pipe(counting).to(untyped(postgresTable("t", { columns, key: ["line"] })))]),
    'pipeline "lines": postgresTable("t") has columns, but takes an aggregate, whose columns follow from it',
  );
  refused(
    outputs((stream) => [toTable(stream.pipe(counting, map(String)))]),
    'pipeline "lines": map(String) follows an aggregate, whose results are merged in the warehouse; map before',
  );
});

Deno.test("dead letters go neither to a topic that is read nor to one that is written", () => {
  refused(
    () => described({ deadLetter: topic("lines") }),
    'pipeline "lines": its dead letters would go to "lines", which it also reads or writes',
  );
  refused(
    () =>
      described({
        outputs: (stream) => [stream.to(topic("copy", { key: () => null, codec: text() }))],
        deadLetter: topic("copy"),
      }),
    'pipeline "lines": its dead letters would go to "copy", which it also reads or writes',
  );
});

Deno.test("all problems are found at once, each with the pipeline's name", () => {
  refused(
    () =>
      described(
        { source: kafka("a b", { group: "", codec: text(), partitions: 0 }), outputs: () => [] },
        "Lines",
      ),
    'pipeline "Lines": its name must be lower case letters, digits, _ and -, starting with a letter, at most 48',
    'pipeline "Lines": "a b" is not a topic\'s name',
    "pipeline \"Lines\": its source has no group; name the consumer group, as in { group: 'weir-users' }",
    'pipeline "Lines": its source has 0 partitions; give a whole number from 1',
    'pipeline "Lines": it has no outputs, so nothing would be written',
  );
});

Deno.test("tables and topics with names that cannot be are refused where they are named", () => {
  const table = { columns, key: ["line"] } as const;
  for (const name of ["lines", "a.b.c", "A.b", "a.", ".b", "a b.c", ""]) {
    assert.throws(() => cassandraTable(name, table), {
      name: "TypeError",
      message: `cassandraTable("${name}"): give "keyspace.table" in lower case letters, digits and _`,
    });
  }
  for (const name of ["Lines", "a.b.c", "a b", "", "a."]) {
    assert.throws(() => postgresTable(name, table), {
      name: "TypeError",
      message: `postgresTable("${name}"): give "table" or "schema.table" in lower case letters, digits and _`,
    });
  }
  assert.throws(
    () => postgresTable("weir.lines", table),
    /the schema "weir" holds Weir's own tables; use another/,
  );
  for (const name of ["", "a b", ".", "..", "é", "a".repeat(250)]) {
    assert.throws(() => topic(name), {
      name: "TypeError",
      message: `topic("${name}"): a topic's name is letters, digits, ., _ and -, at most 249`,
    });
  }
});

Deno.test("tables with columns that cannot be are refused with the table's name", () => {
  refused(
    () => cassandraTable("a.b", { columns: {}, key: [] }),
    'cassandraTable("a.b") has no columns',
    'cassandraTable("a.b") has no key; name the columns that identify a row',
  );
  refused(
    () => postgresTable("b", { columns: { id: "text?" }, key: ["id"] }),
    'postgresTable("b") key column "id" cannot be optional',
  );
});

Deno.test("tables are taken apart into schema or keyspace and table", () => {
  const table = { columns, key: ["line"] } as const;
  assert.deepEqual(
    { ...cassandraTable("my_keyspace.lines", table) },
    {
      kind: "cassandra",
      name: "my_keyspace.lines",
      keyspace: "my_keyspace",
      table: "lines",
      columns: [{ name: "line", type: "text", optional: false }],
      key: ["line"],
    },
  );
  const { schema, table: name, onConflict } = {
    ...postgresTable("sales.lines", { ...table, onConflict: "ignore" }),
  } as Record<string, unknown>;
  assert.deepEqual([schema, name, onConflict], ["sales", "lines", "ignore"]);
});

Deno.test("what is no operator is refused where it is piped", () => {
  for (const wrong of [null, undefined, {}, (line: string) => line]) {
    assert.throws(
      () =>
        described({
          outputs: (
            stream,
          ) => [
            stream.pipe(wrong as unknown as typeof toRow).to(postgresTable("a", { columns, key: ["line"] })),
          ],
        }),
      (error) =>
        error instanceof TypeError &&
        /pipe\(\) takes operators, as map\(\.\.\.\) gives one/.test(error.message),
    );
  }
});

Deno.test("final results need a source whose windows close", () => {
  const final = (lateness: { lateness?: "1m" }) =>
    pipeline("p", {
      source: kafka("lines", { group: "g", codec: text(), ...lateness }),
      outputs: (stream) => [
        stream.pipe(aggregate({
          by: (line) => ({ line }),
          window: tumbling("1m"),
          compute: { n: count() },
          results: "final",
        })).to(postgresTable("finals")),
      ],
    });
  refused(
    () => final({}),
    'pipeline "p": postgres "finals" takes final results, but no window ever closes: give the source a lateness, as in { lateness: "1m" }',
  );
  assert.equal(final({ lateness: "1m" }).source.lateness, 60_000);
});

Deno.test("a source's options have defaults, and what cannot be is refused", () => {
  const given = { group: "g", codec: text() };
  const { late, maxAhead, idleAfter } = kafka("lines", given);
  assert.deepEqual([late, maxAhead, idleAfter], ["count", 600_000, 30_000]);
  const bad: [object, RegExp][] = [
    [{ latness: "1m" }, /kafka\("lines"\): there is no option "latness"; there are group, codec, /],
    [{ late: "drop" }, /"late" is "drop"; give "count" or "dead-letter"/],
    [{ lateness: -1 }, /kafka\("lines"\): "lateness": -1 is not a duration/],
    [{ maxAhead: "-1m" }, /"maxAhead": "-1m" is not a duration/],
    [{ idleAfter: NaN }, /"idleAfter": NaN is not a duration/],
    [{ idleAfter: 0 }, /"idleAfter": 0 is not a duration/],
    [{ codec: undefined }, /^kafka\("lines"\): "codec" is undefined; give one, as in json\(schema\)$/],
    [{ codec: { ...text(), decode: async () => await "" } }, /"codec.decode" is async/],
    [{ eventTime: "at" }, /"eventTime" is "at"; give a function/],
    [{ eventTime: async () => await 5 }, /"eventTime" is async, but nothing waits for a promise/],
    ...["erliest", new Date(0), null, [5], { at: 5 }, { partition: 5 }].map((from): [object, RegExp] => [
      { from },
      /"from" is .*; give "earliest", "latest", \{ timestamp: new Date\(...\) \}, \{ ago: "2d" \}, or offsets/,
    ]),
  ];
  for (const [more, message] of bad) {
    assert.throws(() => kafka("lines", { ...given, ...more }), { name: "TypeError", message });
  }
  for (const lateness of [0, "0s", "0m"] as const) {
    assert.equal(kafka("lines", { ...given, lateness }).lateness, 0);
  }
});
