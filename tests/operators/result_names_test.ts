import assert from "node:assert/strict";
import {
  aggregate,
  approxDistinct,
  avg,
  count,
  custom,
  first,
  stddev,
  sum,
  tumbling,
  type Window,
} from "weir";

const of = (n: number) => n;
const listed = custom({
  init: () => [] as number[],
  add: (held, n: number) => [...held, n],
  merge: (a, b) => [...a, ...b],
  result: (held) => held,
});

function withResults(compute: object, window?: Window) {
  return aggregate({ by: (n: number) => ({ n }), compute: compute as never, ...(window && { window }) });
}

Deno.test("a result's columns are its own: its name's, and those of what it is computed from", () => {
  const taken: [object, string, string][] = [
    [{ a: avg(of), a_sum: sum(of) }, "a_sum", "a_sum"],
    [{ a_count: count(), a: avg(of) }, "a", "a_count"],
    [{ a: stddev(of), a_moments: count() }, "a_moments", "a_moments"],
    [{ a: first("double", of), a_first: count() }, "a_first", "a_first"],
    [{ a: listed, a_state: count() }, "a_state", "a_state"],
    [{ a: approxDistinct(of), a_state: listed }, "a_state", "a_state"],
    [{ a: avg(of), a_sum: avg(of) }, "a_sum", "a_sum"],
  ];
  for (const [compute, name, column] of taken) {
    const owner = Object.keys(compute).find((each) => each !== name);
    assert.throws(() => withResults(compute), {
      name: "TypeError",
      message:
        `aggregate(): the result "${name}" needs a column "${column}", which is one of the result "${owner}"; name it otherwise`,
    });
  }
  withResults({ a: avg(of), b_sum: sum(of), a_mean: avg(of), a_state: stddev(of) });
});

Deno.test("a window's columns are its own", () => {
  for (const name of ["window_start", "window_end"]) {
    assert.throws(() => withResults({ [name]: count() }, tumbling("1m")), {
      name: "TypeError",
      message:
        `aggregate(): the result "${name}" needs a column "${name}", which is one of the window; name it otherwise`,
    });
    withResults({ [name]: count() });
  }
});

Deno.test("a result's name is a column's, as a key's is", () => {
  for (const name of ["", "Total", "total sum", "1st", 'a"b', "größe", "x".repeat(49)]) {
    assert.throws(() => withResults({ [name]: count() }), {
      name: "TypeError",
      message:
        `aggregate(): the result "${name}" must be lower case letters, digits and _ to be a column, at most 48 of them`,
    });
  }
  withResults({ _1: count(), ["x".repeat(48)]: count() });
});
