import type { ColumnSpec, ColumnType } from "../columns.ts";

/** The text of a value in COPY's text format, escaped; throws when the value does not fit the column. */
export type CellWriter = (value: unknown) => string;

/** Writes the cells of a column; null and undefined become NULL if it is optional. */
export function cellWriter({ name, type, optional }: ColumnSpec): CellWriter {
  const write = type === "timestamp" ? rememberingLast(writers[type]) : writers[type];
  return (value) => {
    if (value === null || value === undefined) {
      if (optional) return "\\N";
      if (value === undefined || type !== "json") throw misfit(name, type, value);
    }
    const cell = write(value);
    if (typeof cell === "string") return cell;
    throw misfit(name, type, value, cell.problem);
  };
}

type Write = (value: unknown) => string | Misfit;

/** Rows that follow one another often have the same time, as those of a window, and its text costs a microsecond. */
function rememberingLast(write: Write): Write {
  let lastTime = NaN;
  let lastCell: string | Misfit = "";
  return (value) => {
    if (typeof value !== "number") return write(value);
    if (value !== lastTime) [lastTime, lastCell] = [value, write(value)];
    return lastCell;
  };
}

/** Why a value of the right kind does not fit all the same; empty when it is of the wrong kind. */
interface Misfit {
  readonly problem: string;
}

const wrongKind: Misfit = { problem: "" };

const writers: Readonly<Record<ColumnType, Write>> = {
  text: (value) => typeof value === "string" ? textCell(value) : wrongKind,
  uuid: (value) => typeof value === "string" && canonicalUuid.test(value) ? value : wrongKind,
  int: (value) => typeof value === "number" && (value | 0) === value ? `${value}` : wrongKind,
  bigint: (value) => {
    if (typeof value === "number") return Number.isSafeInteger(value) ? `${value}` : wrongKind;
    return typeof value === "bigint" && BigInt.asIntN(64, value) === value ? `${value}` : wrongKind;
  },
  double: (value) => {
    if (typeof value !== "number") return wrongKind;
    return Object.is(value, -0) ? "-0" : `${value}`;
  },
  boolean: (value) => typeof value === "boolean" ? (value ? "t" : "f") : wrongKind,
  timestamp: timestampCell,
  date: (value) => typeof value === "string" && isDate(value) ? value : wrongKind,
  json: jsonCell,
  bytes: (value) => value instanceof Uint8Array ? bytesCell(value) : wrongKind,
};

/** What a column takes, for people. */
const expectations: Readonly<Record<ColumnType, string>> = {
  text: "a string",
  uuid: "a UUID as 8-4-4-4-12 hexadecimal digits",
  int: "a whole number from -2147483648 to 2147483647",
  bigint: "a whole number of 64 bits: a bigint, or a number up to 2^53",
  double: "a number",
  boolean: "true or false",
  timestamp: "a Date, or milliseconds since 1970",
  date: "a day that exists, as YYYY-MM-DD",
  json: "a value that JSON can hold",
  bytes: "a Uint8Array",
};

function misfit(name: string, type: ColumnType, value: unknown, problem = ""): TypeError {
  return new TypeError(
    `column "${name}" takes ${expectations[type]}, is ${show(value)}${problem && `: ${problem}`}`,
  );
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Date || typeof value === "number") return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    text = typeof value;
  }
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const nul: Misfit = { problem: "Postgres cannot hold the character U+0000" };

/** Characters that mean something in COPY's text format. */
const special = /[\\\t\n\r\0]/;
const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function textCell(text: string): string | Misfit {
  if (!special.test(text)) return text;
  if (text.includes("\0")) return nul;
  return text.replace(/[\\\t\n\r]/g, (character) => escapes[character]!);
}

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** 4713 BC, where Postgres's calendar starts, in ms since 1970; the end of JavaScript's is within Postgres's. */
const firstTimestamp = Date.UTC(-4712, 0, 1);

function timestampCell(value: unknown): string | Misfit {
  if (!(value instanceof Date) && typeof value !== "number") return wrongKind;
  const date = value instanceof Date ? value : new Date(value);
  const time = date.getTime();
  if (Number.isNaN(time)) return { problem: "it is no point in time" };
  if (time < firstTimestamp) return { problem: "Postgres has no times before 4713 BC" };
  const text = date.toISOString();
  const first = text.charCodeAt(0);
  if (first !== 0x2b && first !== 0x2d && !text.startsWith("0000")) return text;
  // ISO writes such years with a sign and six digits and has a year 0; Postgres wants the digits alone, or BC.
  const year = date.getUTCFullYear();
  const digits = String(year > 0 ? year : 1 - year).padStart(4, "0");
  const rest = text.slice(text.indexOf("-", 1));
  return year > 0 ? digits + rest : `${digits}${rest} BC`;
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null || match[1] === "0000") return false;
  // Date would take a day that the month does not have as one of the next.
  return new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true;
}

function jsonCell(value: unknown): string | Misfit {
  // JSON has an empty object for it.
  if (value instanceof Promise) return { problem: "it is a promise, which nothing waits for" };
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return { problem: (error as Error).message };
  }
  if (text === undefined) return wrongKind;
  if (!text.includes("\\")) return text;
  if (!text.includes("\\u")) return text.replaceAll("\\", "\\\\");
  let hasNul = false;
  // JSON.stringify escapes lone surrogates, which jsonb refuses: they are replaced, as TextEncoder does in other text.
  const clean = text.replace(/\\(?:u(.{4})|.)/g, (escape, hex: string | undefined) => {
    if (hex === "0000") hasNul = true;
    return hex?.startsWith("d") ? "\ufffd" : escape;
  });
  return hasNul ? nul : clean.replaceAll("\\", "\\\\");
}

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function bytesCell(bytes: Uint8Array): string {
  let hex = "\\\\x";
  for (const byte of bytes) hex += hexDigits[byte];
  return hex;
}
