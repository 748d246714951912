/** Pipelines that read several topics. */
import assert from "node:assert/strict";
import {
  aggregate,
  cassandraTable,
  ConfigError,
  count,
  delimited,
  filter,
  flatMap,
  kafka,
  map,
  mapWithState,
  type Output,
  pipeline,
  type PipelineOptions,
  postgresTable,
  repartition,
  type Source,
  type SourceOptions,
  type Stream,
  text,
  topic,
  tumbling,
  union,
} from "weir";
import { stagesOf } from "../src/pipeline.ts";
import { publisherId } from "../src/runtime/topic_cursor.ts";

const codec = text();
const reads = (topic: string, more: Partial<SourceOptions<string>> = {}) =>
  kafka(topic, { group: `my-${topic}`, codec, ...more });
const lines = (name = "lines") => postgresTable(name, { columns: { line: "text" }, key: ["line"] });
const writes = (name: string) => topic(name, { key: () => null, codec });
const asLine = map((line: string) => ({ line }));
const byItself = (topic: string, lateness?: "1m") =>
  repartition(topic, { key: (line: string) => line, codec, ...(lateness && { lateness }) });

type Outputs = (orders: Stream<string>, payments: Stream<string>) => Output[];

const described = (
  outputs: Outputs,
  { source = reads("orders"), payments = reads("payments"), ...more }:
    & Partial<PipelineOptions<string>>
    & { readonly payments?: Source<string> } = {},
) =>
  pipeline("p", {
    ...more,
    source,
    sources: { payments },
    outputs: (orders, { payments }) => outputs(orders, payments),
  });

Deno.test("each source has a plan of its own, before those that follow from it", () => {
  const plan = described(
    (orders, payments) => [
      orders.pipe(asLine).to(lines()),
      payments.pipe(asLine).to(lines("paid")),
      orders.pipe(
        map((line) => line.trim()),
        union(payments.pipe(filter((line) => line !== "")), orders),
        flatMap((line) => line.split(" ")),
        byItself("words", "1m"),
        asLine,
      ).to(lines("words")),
    ],
    {
      source: reads("orders", { late: "dead-letter", maxAhead: "1h", idleAfter: "10s", partitions: 2 }),
      payments: reads("payments", { from: "latest", lateness: "5m", partitions: 3, maxAhead: "1m" }),
    },
  );
  const shown = stagesOf(plan).map(({ name, source, nodes, outputs, deadLetter }) => ({
    name,
    reads: [source.topic, source.group, source.from, source.partitions, source.lateness],
    nodes: nodes.map(({ parents, operator }) => [parents, operator.kind]),
    writes: outputs.map(({ node, sink, stage = 0 }) => [node, sink.name, stage]),
    deadLetter,
  }));
  assert.deepEqual(shown, [
    {
      name: "p",
      reads: ["orders", "my-orders", "earliest", 2, Infinity],
      nodes: [[[0], "map"], [[0], "map"], [[2, 0], "union"], [[3], "flatMap"]],
      writes: [[1, "lines", 0], [4, "words", 0]],
      deadLetter: "orders.dead-letter",
    },
    {
      name: "p/payments",
      reads: ["payments", "my-payments", "latest", 3, 300_000],
      nodes: [[[0], "map"], [[0], "filter"], [[2], "flatMap"]],
      writes: [[1, "paid", 1], [3, "words", 1]],
      deadLetter: "payments.dead-letter",
    },
    {
      name: "p/words",
      reads: ["words", "my-orders/words", "earliest", "as before", 60_000],
      nodes: [[[0], "map"]],
      writes: [[1, "words", 2]],
      deadLetter: "orders.dead-letter",
    },
  ]);
  assert.equal(plan.sources!.payments, plan.stages[0]!.source);
  const { writtenBy, behind, late, maxAhead, idleAfter } = plan.stages[1]!.source;
  assert.deepEqual([writtenBy, behind], ["my-orders", ["orders", "payments"]]);
  assert.deepEqual(
    [late, maxAhead, idleAfter],
    ["dead-letter", 60_000, 30_000],
    "what holds for both sources",
  );
});

Deno.test("dead letters of all sources go where the pipeline says", () => {
  const plan = described(
    (orders, payments) => [orders.pipe(union(payments), byItself("both"), asLine).to(lines())],
    { deadLetter: topic("bad") },
  );
  assert.deepEqual(stagesOf(plan).map(({ deadLetter }) => deadLetter), ["bad", "bad", "bad"]);
});

Deno.test("those who write to one topic have publishers and marks of one pipeline, each its own id", () => {
  const plan = described((orders, payments) => [
    orders.pipe(union(payments), byItself("both"), asLine).to(lines()),
  ]);
  const writers = stagesOf(plan).slice(0, 2);
  assert.equal(new Set(writers.map(({ source }) => publisherId(source, 0))).size, 2);
  const [one, other] = writers.map(({ outputs }) => outputs[0]!.sink);
  assert.equal(one, other);
});

Deno.test("what needs a key's values in one place refuses those of several topics until they met", () => {
  const refused = (mix: (united: Stream<string>) => Output, what: string) =>
    assert.throws(() => described((orders, payments) => [mix(orders.pipe(union(payments)))]), {
      name: "TypeError",
      message:
        `${what}: its values come from the source and the source "payments", and meet in no topic yet; ` +
        'bring them together before it, as in repartition("topic", { key, codec })',
    });
  const counting = mapWithState({
    by: (line: string) => line,
    initial: () => 0,
    update: (n) => ({ state: n + 1 }),
  });
  const counts = aggregate({ by: (line: string) => ({ line }), compute: { lines: count() } });
  refused((united) => united.pipe(counting).to(writes("out")), "mapWithState");
  refused((united) => united.pipe(counts).to(postgresTable("out")), "aggregate");
  refused((united) => united.to(writes("out")), 'topic "out"');
  refused(
    (united) => united.pipe(asLine).to(cassandraTable("a.b", { columns: { line: "text" }, key: ["line"] })),
    'cassandra "a.b"',
  );
  described((orders, payments) => [
    orders.pipe(union(payments), byItself("a"), counting).to(writes("out")),
    orders.pipe(union(payments), byItself("b"), counts).to(postgresTable("out")),
  ]);
});

Deno.test("what cannot be is told, all of it at once", () => {
  const refused = (problems: readonly string[], ...given: Parameters<typeof described>) =>
    assert.throws(() => described(...given), (error) => {
      assert.ok(error instanceof ConfigError, `${error}`);
      assert.deepEqual(error.problems, problems.map((problem) => `pipeline "p": ${problem}`));
      return true;
    });
  const apart: Outputs = (orders, payments) => [
    orders.pipe(asLine).to(lines()),
    payments.pipe(asLine).to(lines("paid")),
  ];
  refused(
    [
      'the source and the source "payments" read the same topic, "orders"; make two streams of one source',
      'the source and the source "payments" have the same group, "my-orders"; give each its own',
    ],
    apart,
    { payments: reads("orders") },
  );
  const source = reads("orders");
  refused(
    [
      'the source and the source "payments" read the same topic, "orders"; make two streams of one source',
      'the source and the source "payments" have the same group, "my-orders"; give each its own',
    ],
    apart,
    { source, payments: source },
  );
  refused(
    ['the source "payments" and repartition(both) have the same group, "my-orders/both"; give each its own'],
    (orders, payments) => [orders.pipe(union(payments), byItself("both"), asLine).to(lines())],
    { payments: reads("payments", { group: "my-orders/both" }) },
  );
  refused(
    ['the source "payments" has the group "my-orders.out", which marks how far "out" has come; give it another'],
    (orders, payments) => [orders.to(writes("out")), payments.pipe(asLine).to(lines())],
    { payments: reads("payments", { group: "my-orders.out" }) },
  );
  refused(
    [
      '"a b" is not a topic\'s name',
      "its source \"payments\" has no group; name the consumer group, as in { group: 'weir-users' }",
      'its source "payments" has 0 partitions; give a whole number from 1',
      'its source "payments" starts at -1 in partition 0; give a whole number from 0',
    ],
    apart,
    { payments: reads("a b", { group: "", partitions: 0, from: { 0: -1 } }) },
  );
  refused(
    ['nothing comes of the source "payments"; end its stream in a sink'],
    (orders, payments) => {
      payments.pipe(asLine);
      return [orders.pipe(asLine).to(lines())];
    },
  );
  refused(
    ["nothing comes of the source; end its stream in a sink"],
    (_, payments) => [payments.pipe(asLine).to(lines())],
  );
  refused(["it has no outputs, so nothing would be written"], () => []);
  refused(
    ['it writes to "payments", a topic it reads: its records would go round for ever'],
    (orders, payments) => [...apart(orders, payments), orders.to(writes("payments"))],
  );
  refused(
    ['it writes to "orders", a topic it reads: its records would go round for ever'],
    (orders, payments) => [orders.pipe(union(payments), byItself("orders"), asLine).to(lines())],
  );
  refused(
    ['its dead letters would go to "payments.dead-letter", which it also reads or writes'],
    (orders, payments) => [...apart(orders, payments), orders.to(writes("payments.dead-letter"))],
  );
  refused(['its dead letters would go to "payments", which it also reads or writes'], apart, {
    deadLetter: topic("payments"),
  });
  refused(
    ['two outputs write to the postgres "lines"'],
    (orders, payments) => [orders.pipe(asLine).to(lines()), payments.pipe(asLine).to(lines())],
  );
  refused(
    ['repartition(both) needs a topic of its own, but another one writes to "both", too'],
    (orders, payments) => [
      orders.pipe(byItself("both"), asLine).to(lines()),
      payments.pipe(byItself("both"), asLine).to(lines("paid")),
    ],
  );
  refused(
    [
      'postgres "finals" takes final results, but no window ever closes: give the source "payments" a lateness, as in ' +
      '{ lateness: "1m" }',
    ],
    (orders, payments) => [
      orders.pipe(asLine).to(lines()),
      payments.pipe(aggregate({
        by: (line) => ({ line }),
        window: tumbling("1m"),
        compute: { lines: count() },
        results: "final",
      })).to(postgresTable("finals")),
    ],
  );
});

Deno.test("what is no source is refused where it is given", () => {
  const source = reads("orders");
  const refused = (sources: unknown, message: RegExp) =>
    assert.throws(
      () =>
        pipeline("p", { source, sources: sources as never, outputs: (orders) => [orders.to(writes("out"))] }),
      { name: "TypeError", message },
    );
  refused(
    [source],
    /^pipeline "p": "sources" is .*; give them by name, as in \{ payments: kafka\(\.\.\.\) \}$/,
  );
  refused("payments", /"sources" is "payments"/);
  refused(null, /"sources" is null/);
  refused({ payments: "payments" }, /"sources\.payments" is "payments"; give one, as in kafka\(\.\.\.\)$/);
  refused({ payments: undefined }, /"sources\.payments" is undefined/);
});

Deno.test("streams of another pipeline stay apart, whichever source they come from", () => {
  let foreign: Stream<string> | undefined;
  described((orders, payments) => {
    foreign = payments;
    return [orders.pipe(asLine).to(lines()), payments.pipe(asLine).to(lines("paid"))];
  });
  assert.throws(
    () => described((orders) => [orders.pipe(union(foreign!), byItself("both"), asLine).to(lines())]),
    /^TypeError: union: a stream of another pipeline; use those that come from this one's source/,
  );
});

Deno.test("a schedule stays with the pipeline's own source", () => {
  const produce = async function* () {
    yield { key: null, value: { a: "1", b: "2" } };
  };
  const plan = pipeline("p", {
    schedule: { cron: "* * * * *", produce },
    source: kafka("orders", { group: "a", codec: delimited(["a", "b"], ",") }),
    sources: { payments: reads("payments") },
    outputs: (orders, { payments }) => [
      orders.pipe(map(({ a }) => ({ line: a }))).to(lines()),
      payments.pipe(asLine).to(lines("paid")),
    ],
  });
  assert.deepEqual(stagesOf(plan).map(({ schedule }) => schedule?.produce), [produce, undefined]);
});
