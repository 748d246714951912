import assert from "node:assert/strict";
import { carriedTimes, timesHeader } from "../../src/runtime/carried_times.ts";

const utf8 = new TextEncoder();

function read(text: string) {
  return carriedTimes([{ key: "weir-times", value: utf8.encode(text) }]);
}

Deno.test("times and the group are read as they were written", () => {
  const other = { key: "trace", value: utf8.encode("x") };
  for (const group of ["my-cards", "a group  with blanks ", "1"]) {
    for (const timestamp of [0, 1, 1_767_225_600_000]) {
      for (const eventTime of [timestamp, -1, 0.1 + 0.2, -62_135_596_800_000, 8.64e15, 1e300]) {
        const times = { timestamp, eventTime };
        assert.deepEqual(carriedTimes([other, timesHeader(times, group)]), { ...times, group });
      }
    }
  }
});

Deno.test("records of earlier versions carry no group, and one time if both are the same", () => {
  assert.deepEqual(read("12"), { timestamp: 12, eventTime: 12 });
  assert.deepEqual(read("12 -1.5"), { timestamp: 12, eventTime: -1.5 });
});

Deno.test("a record without them, or with what are none, carries no times", () => {
  for (const text of ["", "soon", "1 soon", "NaN", "1 Infinity", "1 soon group"]) {
    assert.equal(read(text), undefined, text);
  }
  assert.equal(carriedTimes([]), undefined);
  assert.equal(carriedTimes([{ key: "weir-times", value: null }]), undefined);
});
