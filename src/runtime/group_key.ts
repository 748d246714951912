import { isColumnName } from "../columns.ts";
import type { GroupKey } from "../operators/aggregate.ts";
import { shown } from "../shown.ts";
import { type KeyType, keyTypeOf, type KeyTypes } from "./protocol.ts";

/** The most bytes of a whole key: an entry of Postgres's index takes 2,704, with its bounds and heads. */
const longestKey = 2_500;

/**
 * Makes of each group's key a text that no other key has, and refuses keys that cannot be columns of the table. The
 * first key decides the columns and their types, unless the table has some already.
 */
export class GroupKeys {
  readonly #taken: ReadonlySet<string>;
  readonly #mayBeEmpty: boolean;
  readonly #utf8 = new TextEncoder();
  #types: KeyTypes | null = null;
  #columns: readonly (readonly [name: string, type: KeyType])[] = [];

  /** `taken` are the columns that the table has beside the key; a key without columns needs a window. */
  constructor(taken: Iterable<string>, mayBeEmpty: boolean) {
    this.#taken = new Set(taken);
    this.#mayBeEmpty = mayBeEmpty;
  }

  /** Null before the first key. */
  get types(): KeyTypes | null {
    return this.#types;
  }

  set types(types: KeyTypes) {
    this.#types = types;
    this.#columns = Object.entries(types);
  }

  /** Nothing of the first key counts: its record is none that the table gets. */
  forget(): void {
    this.#types = null;
    this.#columns = [];
  }

  identify(key: GroupKey): string {
    if (typeof key !== "object" || key === null) {
      throw new Error(`the group's key is ${shown(key)}; "by" must give an object, as in { sensor: "a" }`);
    }
    if (this.#types === null) this.types = this.#typesOf(key);
    const columns = this.#columns;
    let id = "";
    for (let i = 0; i < columns.length; i++) {
      const [name, type] = columns[i]!;
      const value = key[name];
      if (typeof value === "string" && type === "text") {
        if (value.includes("\0")) {
          throw new Error(`the group's key ${name} holds a NUL character, which Postgres cannot store`);
        }
        id = i === 0 ? value : `${id}\0${value}`;
        continue;
      }
      check(name, type, value);
      id = i === 0 ? String(value) : `${id}\0${value}`;
    }
    let names = 0;
    for (const name in key) if (++names > columns.length) this.#refuse(key, name);
    // Most keys are short; only a long one is measured in bytes.
    if (id.length * 3 >= longestKey) this.#measure(id);
    return id;
  }

  #measure(id: string): void {
    const bytes = this.#utf8.encode(id).length + 1;
    if (bytes > longestKey) {
      throw new Error(`the group's key has ${bytes} bytes; at most ${longestKey} can be a key`);
    }
  }

  #refuse(key: GroupKey, last: string): never {
    const more = Object.keys(key).find((name) => !Object.hasOwn(this.#types!, name)) ?? last;
    throw new Error(`the group's key has ${more}, which the table has not`);
  }

  #typesOf(key: GroupKey): KeyTypes {
    const types: Record<string, KeyType> = {};
    for (const [name, value] of Object.entries(key)) {
      if (value === undefined || value === null) throw new Error(`the group's key ${name} is missing`);
      if (!isColumnName(name)) {
        throw new Error(
          `the group's key "${name}" must be lower case letters, digits and _ to be a column, at most 48 of them`,
        );
      }
      if (this.#taken.has(name)) {
        throw new Error(
          `the group's key ${name} is also a column of a result or of the window; name one of them otherwise`,
        );
      }
      types[name] = keyTypeOf(value) ?? misfit(name, value);
    }
    if (Object.keys(types).length === 0 && !this.#mayBeEmpty) {
      throw new Error("the group's key is empty and there is no window: give at least one column");
    }
    return types;
  }
}

const int64 = 2n ** 63n;

function check(name: string, type: KeyType, value: GroupKey[string] | null | undefined): void {
  if (value === undefined || value === null) throw new Error(`the group's key ${name} is missing`);
  const given = keyTypeOf(value) ?? misfit(name, value);
  if (given !== type) throw new Error(`the group's key ${name} should be ${type}, is ${shown(value)}`);
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new Error(`the group's key ${name} is ${value}`);
  }
  if (typeof value === "bigint" && (value >= int64 || value < -int64)) {
    throw new Error(`the group's key ${name} is ${value}, which 64 bits cannot hold`);
  }
}

function misfit(name: string, value: unknown): never {
  throw new Error(
    `the group's key ${name} should be text, a number, a bigint, or true or false, is ${shown(value)}`,
  );
}
