import assert from "node:assert/strict";
import { ConfigError, describeError, RejectedRows } from "../src/errors.ts";

Deno.test("an error is told with what caused it, innermost last", () => {
  const root = new Error("connection refused");
  const middle = new Error("could not reach the broker", { cause: root });
  assert.equal(
    describeError(new Error("the run failed", { cause: middle })),
    "the run failed: could not reach the broker: connection refused",
  );
});

Deno.test("what a message repeats of its cause is told once", () => {
  const root = new Error("connection refused");
  assert.equal(
    describeError(new Error("write: connection refused", { cause: root })),
    "write: connection refused",
  );
});

Deno.test("errors without a message are told by their code, or their name", () => {
  assert.equal(describeError(Object.assign(new Error(""), { code: "ECONNREFUSED" })), "ECONNREFUSED");
  assert.equal(describeError(new RangeError("")), "RangeError");
});

Deno.test("of several errors at once the first is told", () => {
  const both = new AggregateError([
    new Error("connect ECONNREFUSED ::1"),
    new Error("connect ECONNREFUSED 127.0.0.1"),
  ]);
  assert.equal(describeError(both), "connect ECONNREFUSED ::1");
  assert.equal(
    describeError(new AggregateError([new Error("first")], "no host answered")),
    "no host answered: first",
  );
});

Deno.test("what is thrown need not be an error, and causes may go round", () => {
  assert.equal(describeError("a text"), "a text");
  assert.equal(describeError(undefined), "unknown error");
  assert.equal(describeError(null), "unknown error");
  assert.equal(describeError({ code: 5 }), '{"code":5}');
  assert.equal(describeError(Object.create(null)), "{}");
  assert.equal(describeError(Symbol("stop")), "Symbol(stop)");
  assert.equal(describeError(Object.assign(new Error(), { message: { a: 1 } })), '{"a":1}');
  const round = new Error("round");
  round.cause = new Error("and round", { cause: round });
  assert.equal(describeError(round), "round: and round");
});

Deno.test("a ConfigError holds every problem, one a line", () => {
  const error = new ConfigError(["first", "second"]);
  assert.deepEqual(error.problems, ["first", "second"]);
  assert.equal(error.message, "first\nsecond");
  assert.equal(error.name, "ConfigError");
});

Deno.test("RejectedRows says how many, and why the first was", () => {
  assert.equal(
    new RejectedRows([3, 8], ["too long", "not a date"]).message,
    "2 rows were refused, the first with: too long",
  );
});
