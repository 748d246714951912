import assert from "node:assert/strict";
import { denoCron } from "../../src/schedule/cron.ts";

Deno.test("what means the same to Deno goes through as it is", () => {
  for (
    const cron of [
      "* * * * *",
      "*/5 * * * *",
      "0 9 1,15 * *",
      "0-30/10 0-6 * JAN,mar *",
      "5/10 * * * *",
      "0 0 29 2 *",
      "* * * * */2",
    ]
  ) assert.equal(denoCron(cron), cron);
  assert.equal(denoCron("  */5   *  * *\t* "), "*/5 * * * *");
});

Deno.test("days of the week count from 0 for Sunday, as in every crontab", () => {
  const named = (weekday: string) => denoCron(`0 9 * * ${weekday}`).split(" ")[4];
  assert.equal(named("0"), "SUN");
  assert.equal(named("7"), "SUN");
  assert.equal(named("1-5"), "MON,TUE,WED,THU,FRI");
  assert.equal(named("5-7"), "FRI,SAT,SUN");
  assert.equal(named("mon-Fri"), "MON,TUE,WED,THU,FRI");
  assert.equal(named("1-5/2"), "MON,WED,FRI");
  assert.equal(named("0,7,SUN"), "SUN");
  assert.equal(named("*/2,1"), "SUN,TUE,THU,SAT,MON");
});

Deno.test("text that is no cron is refused with the part that is wrong", () => {
  const cases: [string, RegExp][] = [
    ["", /it has 0 fields, not 5/],
    ["* * * *", /it has 4 fields/],
    ["* * * * * *", /it has 6 fields/],
    ["@daily", /it has 1 fields/],
    ["60 * * * *", /its minute "60" is not 0 to 59/],
    ["* 24 * * *", /its hour "24" is not 0 to 23/],
    ["* * 0 * *", /its day of the month "0" is not 1 to 31/],
    ["* * L * *", /its day of the month "L"/],
    ["* * * 13 *", /its month "13" is not 1 to 12 or JAN to DEC/],
    ["* * * * 8", /its day of the week "8" is not 0 to 7 or SUN to SAT/],
    ["* * * * FRI-SUN", /"FRI-SUN" .* a rising range/],
    ["5-1 * * * *", /its minute "5-1"/],
    ["1-2-3 * * * *", /its minute "1-2-3"/],
    ["*/0 * * * *", /its minute "\*\/0"/],
    ["*/60 * * * *", /its minute "\*\/60"/],
    ["*/ * * * *", /its minute "\*\/"/],
    ["1,,2 * * * *", /its minute ""/],
    ["-1 * * * *", /its minute "-1"/],
    ["1.5 * * * *", /its minute "1.5"/],
    ["JAN * * * *", /its minute "JAN"/],
  ];
  for (const [cron, expected] of cases) assert.throws(() => denoCron(cron), expected, cron);
});

Deno.test("a date that never comes is refused, since Deno.cron would end the process", () => {
  for (const cron of ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 FEB *", "0 0 31/2 2 *"]) {
    assert.throws(() => denoCron(cron), /none of its months has that day/, cron);
  }
  assert.equal(denoCron("0 0 31 */2 *"), "0 0 31 */2 *", "January has it");
  assert.equal(denoCron("0 0 31 2 1"), "0 0 31 2 MON", "either day will do");
});

// The whole check is here, since a cron text that Deno refuses or dies of must never get past ours.
Deno.test("Deno.cron takes whatever comes through", async () => {
  const pick = <T>(from: readonly T[], at: number) => from[at % from.length]!;
  const minutes = ["*", "0", "*/59", "1-58/57", "0,59"];
  const days = ["*", "31", "29-30", "1/30", "*/30"];
  const monthNames = ["*", "2", "4-6", "FEB,apr", "12/11", "*/11"];
  const weekdays = ["*", "0", "7", "*/6", "1-5", "6,SUN", "0-7/7"];
  let taken = 0;
  for (let i = 0; i < days.length * monthNames.length * weekdays.length; i++) {
    const day = pick(days, i);
    const month = pick(monthNames, Math.floor(i / days.length));
    const weekday = pick(weekdays, Math.floor(i / days.length / monthNames.length));
    const text = `${pick(minutes, i)} ${pick(["*", "23", "*/23"], i)} ${day} ${month} ${weekday}`;
    let cron: string;
    try {
      cron = denoCron(text);
    } catch {
      continue;
    }
    const stopping = new AbortController();
    const registered = Deno.cron(`check ${i}`, cron, { signal: stopping.signal }, () => {});
    stopping.abort();
    await registered;
    taken++;
  }
  assert.ok(taken > 150, `${taken} texts came through`);
});
