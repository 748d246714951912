import assert from "node:assert/strict";
import { join, json, kafka, pipeline, postgresTable, referenceTable, text } from "weir";
import { runPlan } from "../support/plan_run.ts";

const sites = referenceTable("sites", {
  columns: { site: "text", region: "text?" },
  key: "site",
  from: [{ site: "a", region: "north" }, { site: "b" }],
});
const source = kafka("views", { group: "g", codec: text() });
const table = (name: string) =>
  postgresTable(name, { columns: { site: "text", region: "text?", known: "boolean" }, key: ["site"] });

Deno.test("an inner join leaves out what has no row, a left join keeps it", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(
        join(sites, { on: (site) => site, with: (site, { region }) => ({ site, region, known: true }) }),
      )
        .to(table("inner")),
      stream.pipe(join(sites, {
        type: "left",
        on: (site) => site === "nothing" ? null : site,
        with: (site, row) => ({ site, region: row?.region, known: row !== undefined }),
      })).to(table("outer")),
    ],
  });
  assert.deepEqual(plan.nodes.map(({ operator }) => operator.name), ["join(sites)", "join(sites)"]);
  const { lines, counts } = runPlan(plan, ["a", "b", "c", "nothing"]);
  assert.deepEqual(lines, [
    ["a\tnorth\tt", "b\t\\N\tt"],
    ["a\tnorth\tt", "b\t\\N\tt", "c\t\\N\tf", "nothing\t\\N\tf"],
  ]);
  assert.equal(counts.out, 4);
});

Deno.test("a record that only an inner join would take is filtered without a row", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(join(sites, { on: (site) => site, with: (site) => ({ site, known: true }) })).to(
        table("inner"),
      ),
    ],
  });
  assert.deepEqual(runPlan(plan, ["a", "c"]).counts, {
    out: 1,
    filtered: 1,
    deadLettered: 0,
    late: 0,
    ahead: 0,
  });
});

Deno.test("keys are looked up by value, whatever their type", () => {
  const numbers = referenceTable("numbers", {
    columns: { n: "bigint", name: "text" },
    key: "n",
    from: [{ n: 1n, name: "one" }, { n: 2, name: "two" }],
  });
  const plan = pipeline("p", {
    source: kafka("n", { group: "g", codec: json("double") }),
    outputs: (stream) => [
      stream.pipe(join(numbers, { on: (n) => n === 1 ? 1 : BigInt(n), with: (_, { name }) => ({ name }) }))
        .to(postgresTable("names", { columns: { name: "text" }, key: ["name"] })),
    ],
  });
  assert.deepEqual(runPlan(plan, [1, 2]).lines, [["one", "two"]]);
});

Deno.test("a function that throws, or changes a row that others share, is a dead letter", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(join(sites, {
        on: (site) => site,
        with: (site, row) => {
          if (site === "b") throw new Error("not b");
          (row as { region: string }).region = "south";
          return { site, known: true };
        },
      })).to(table("inner")),
    ],
  });
  const { deadLetters } = runPlan(plan, ["a", "b"]);
  assert.deepEqual(deadLetters.map(({ stage }) => stage), ["join(sites)", "join(sites)"]);
  assert.match(deadLetters[0]!.error, /read only/);
  assert.equal(deadLetters[1]!.error, "not b");
});

Deno.test("two tables of one name are refused", () => {
  const other = referenceTable("sites", { columns: { site: "text" }, key: "site", from: [] });
  const joining = (first: typeof other, second: typeof other) => () =>
    pipeline("p", {
      source,
      outputs: (stream) => [
        stream.pipe(join(first, { on: (site) => site, with: (site) => ({ site, known: true }) })).to(
          table("a"),
        ),
        stream.pipe(join(second, { on: (site) => site, with: (site) => ({ site, known: true }) })).to(
          table("b"),
        ),
      ],
    });
  assert.throws(joining(sites, other), /two reference tables are named "sites"; give each a name of its own/);
  joining(sites, sites)();
});
