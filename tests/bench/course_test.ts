import assert from "node:assert/strict";
import { Course } from "../../bench/course.ts";

/** Looks at a course: seconds, records, CPU-seconds. */
function course(records: number, looks: readonly (readonly [number, number, number])[]): Course {
  const course = new Course(records);
  for (const [at, done, cpuSeconds] of looks) course.look(done, () => ({ at, cpuSeconds }));
  return course;
}

const unknown = { perSecond: NaN, cpuSecondsPerMillion: NaN, seconds: NaN };

Deno.test("a steady rate counts from a fifth of the records to four fifths, and CPU-seconds over the same steps", () => {
  const looks = [
    [5, 100, 9], // slow: it starts
    [6, 200, 10],
    [7, 400, 12],
    [9, 800, 13],
    [9.1, 1_000, 30], // fast: nothing is fetched any more
  ] as const;
  assert.deepEqual(course(1_000, looks).steady(), {
    perSecond: 200,
    cpuSecondsPerMillion: 5_000,
    seconds: 3,
  });
});

Deno.test("a look that finds no more records is no step, and asks nothing of the machine", () => {
  const course = new Course(100);
  course.look(0, () => assert.fail("nothing is through"));
  course.look(30, () => ({ at: 1, cpuSeconds: 1 }));
  course.look(30, () => assert.fail("nothing more is through"));
  course.look(80, () => ({ at: 3, cpuSeconds: 2 }));
  course.look(100, () => ({ at: 9, cpuSeconds: 3 }));
  assert.equal(course.done, 100);
  assert.equal(course.steady().perSecond, 25);
});

Deno.test("where four fifths are reached by the last step only, the one before ends the window", () => {
  const looks = [[1, 250, 1], [2, 500, 2], [3, 750, 3], [3.1, 1_000, 3.1]] as const;
  assert.deepEqual(course(1_000, looks).steady(), {
    perSecond: 250,
    cpuSecondsPerMillion: 4_000,
    seconds: 2,
  });
});

Deno.test("fewer than two steps before the last have no steady rate", () => {
  assert.deepEqual(course(1_000, []).steady(), unknown);
  assert.deepEqual(course(1_000, [[1, 1_000, 1]]).steady(), unknown);
  assert.deepEqual(course(1_000, [[1, 500, 1], [2, 1_000, 2]]).steady(), unknown);
});

Deno.test("the cost of a part is that between the steps that reach its ends", () => {
  const looks = [[0, 1, 0], [1, 120, 0.5], [2, 900, 2], [4, 1_000, 5]] as const;
  assert.deepEqual(course(1_000, looks).between(100, 1_000), {
    perSecond: 880 / 3,
    cpuSecondsPerMillion: 4.5 / 880 * 1e6,
    seconds: 3,
  });
  assert.deepEqual(course(1_000, looks).between(100, 1_001), unknown, "it never came to that");
});
