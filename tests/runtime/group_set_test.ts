import assert from "node:assert/strict";
import { session, sliding, tumbling } from "../../src/operators/window.ts";
import { GroupSet } from "../../src/runtime/group_set.ts";
import { Seeded } from "../support/seeded.ts";

const add = [(held: unknown, brought: unknown) => (held as number) + (brought as number)];
const spans = (set: GroupSet) => set.take().map(({ start, end, states }) => `${start}-${end} ${states}`);

Deno.test("groups are by window and key, in the order in which they came", () => {
  for (const window of [tumbling(10), sliding(10, 5)]) {
    const set = new GroupSet(window, add);
    const groups = [[20, "a"], [0, "a"], [20, "b"], [20, "a"]].map(([start, id]) =>
      set.add(start as number, id as string, { id: id as string }, [1])
    );
    assert.equal(groups[3], groups[0]);
    assert.deepEqual(spans(set), ["20-30 2", "0-10 1", "20-30 1"]);
    assert.deepEqual(groups.map(({ row }) => row), [0, 1, 2, 0]);
    assert.deepEqual(spans(set), []);
  }
});

Deno.test("sessions merge with what they overlap, in any order", () => {
  const random = new Seeded(3);
  for (let round = 0; round < 200; round++) {
    const times = Array.from({ length: random.integer(1, 12) }, () => random.integer(0, 60));
    const set = new GroupSet(session(5), add);
    for (const time of times) set.add(time, "a", { id: "a" }, [1]);
    const expected: [number, number, number][] = [];
    for (const time of times.toSorted((a, b) => a - b)) {
      const open = expected.at(-1);
      if (open && time < open[1]) open.splice(1, 2, time + 5, open[2] + 1);
      else expected.push([time, time + 5, 1]);
    }
    const found = set.take().toSorted((a, b) => a.start - b.start);
    assert.deepEqual(found.map(({ start, end, states }) => [start, end, states[0]]), expected, `of ${times}`);
  }
});

Deno.test("a record's group is found after its session became part of another", () => {
  const set = new GroupSet(session(5), add);
  const first = set.add(0, "a", {}, [1]);
  const other = set.add(8, "a", {}, [1]);
  set.add(4, "a", {}, [1]);
  const [merged, ...more] = set.take();
  assert.deepEqual([merged!.start, merged!.end, merged!.states, more], [0, 13, [3], []]);
  for (const group of [first, other]) {
    let last = group;
    while (last.into) last = last.into;
    assert.equal(last, merged);
  }
});
