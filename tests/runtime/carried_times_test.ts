import assert from "node:assert/strict";
import { carriedTimes, timesHeader } from "../../src/runtime/carried_times.ts";

const utf8 = new TextEncoder();

Deno.test("times are read as they were written", () => {
  for (const timestamp of [0, 1, 1_767_225_600_000]) {
    for (const eventTime of [timestamp, -1, 0.1 + 0.2, -62_135_596_800_000, 8.64e15, 1e300]) {
      const other = { key: "trace", value: utf8.encode("x") };
      assert.deepEqual(carriedTimes([other, timesHeader({ timestamp, eventTime })]), {
        timestamp,
        eventTime,
      });
    }
  }
});

Deno.test("a record without them, or with what are none, carries no times", () => {
  for (const text of [undefined, "", "soon", "1 soon", "NaN", "1 Infinity"]) {
    const headers = text === undefined ? [] : [{ key: "weir-times", value: utf8.encode(text) }];
    assert.equal(carriedTimes(headers), undefined, `${text}`);
  }
  assert.equal(carriedTimes([{ key: "weir-times", value: null }]), undefined);
});
