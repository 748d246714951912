/**
 * Cron text as crontab(5) has it, turned into what `Deno.cron` takes. Two things lie between them:
 * - Deno counts the days of the week from 1 for Sunday, everyone else from 0: `1-5` would run from Sunday to Thursday.
 *   They are handed over by name.
 * - For a date that never comes (31 February) `Deno.cron` ends the whole process, so it must not get to see one.
 */

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names that stand for numbers, from `min` up. */
  readonly names: readonly string[];
}

const months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const fields: readonly Field[] = [
  { name: "minute", min: 0, max: 59, names: [] },
  { name: "hour", min: 0, max: 23, names: [] },
  { name: "day of the month", min: 1, max: 31, names: [] },
  { name: "month", min: 1, max: 12, names: months },
  { name: "day of the week", min: 0, max: 7, names: weekdays },
];

const longestDay = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * The text for `Deno.cron` that means what this one means in a crontab: five fields of `*`, numbers, ranges (`1-5`),
 * lists (`0,30`), steps (`0-59/15`) and, for months and days of the week, names; 0 and 7 are Sunday.
 *
 * @throws {TypeError} when it is none, or stands for a date that never comes. The message says which part is wrong.
 */
export function denoCron(text: string): string {
  if (typeof text !== "string") throw new TypeError("it is no text");
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length) {
    throw new TypeError(`it has ${text.trim() === "" ? 0 : parts.length} fields, not 5`);
  }
  const values = fields.map((field, i) => parts[i]!.split(",").flatMap((item) => expand(field, item)));
  const [, , days, monthNumbers] = values;
  const weekday = parts[4]!;
  if (weekday === "*" && !monthNumbers!.some((month) => days!.some((day) => day <= longestDay[month - 1]!))) {
    throw new TypeError("none of its months has that day");
  }
  // A star means the same to both, and leaves the decision to the day of the month.
  const named = /^\*(\/\d+)?$/.test(weekday)
    ? weekday
    : [...new Set(values[4]!.map((day) => weekdays[day % 7]!))].join(",");
  return [...parts.slice(0, 4), named].join(" ");
}

/** All the numbers that one item of a field's list stands for. */
function expand(field: Field, item: string): number[] {
  const [range, step, ...rest] = item.split("/");
  const by = step === undefined ? 1 : /^\d{1,2}$/.test(step) ? Number(step) : 0;
  if (!range || rest.length > 0 || by < 1 || by > field.max - field.min) throw wrong(field, item);
  let [first, last] = [field.min, field.name === "day of the week" ? 6 : field.max];
  if (range !== "*") {
    const [from, to, ...more] = range.split("-");
    if (more.length > 0) throw wrong(field, item);
    first = valueOf(field, from!, item);
    if (to !== undefined) last = valueOf(field, to, item);
    else if (step === undefined) last = first;
  }
  if (first > last) throw wrong(field, item);
  const numbers: number[] = [];
  for (let at = first; at <= last; at += by) numbers.push(at);
  return numbers;
}

function valueOf(field: Field, text: string, item: string): number {
  const named = field.names.indexOf(text.toUpperCase());
  const value = named >= 0 ? named + field.min : /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  if (!(value >= field.min && value <= field.max)) throw wrong(field, item);
  return value;
}

function wrong(field: Field, item: string): TypeError {
  const { name, min, max, names } = field;
  const allowed = `${min} to ${max}${names.length > 0 ? ` or ${names[0]} to ${names.at(-1)}` : ""}`;
  return new TypeError(
    `its ${name} "${item}" is not ${allowed}, a rising range of these, or *, with or without a step`,
  );
}
