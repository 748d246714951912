import type { CopyEncoder } from "../warehouse/copy_text.ts";

/** A key's state: what the checkpoint holds of it, and its neighbours in the order of the last change. */
interface Entry {
  readonly key: string;
  text: string;
  /** The partition's event time when it was last used, ms since 1970. */
  touched: number;
  before: Entry | undefined;
  after: Entry | undefined;
}

/** A state as the current record leaves it; null: removed. */
interface Held {
  readonly text: string | null;
  readonly touched: number;
}

/** A state that comes from the checkpoint. `turn` orders the keys of an operator by their last change. */
export interface StoredState {
  readonly key: string;
  readonly text: string;
  readonly touched: number;
  readonly turn: number;
}

/** What all rows of one operator's states in one partition start with. */
export interface StatePlace {
  readonly group_id: string;
  readonly topic: string;
  readonly partition: number;
  readonly operator: string;
}

/**
 * The states of one operator in one partition, by the texts of their keys. What the current record changes is held
 * until it is known to be good. Keys that time out do so in the order in which they were last used; event time never
 * goes back, so that is the order of their times, too.
 */
export class KeyedState {
  readonly #entries = new Map<string, Entry>();
  readonly #held = new Map<string, Held>();
  /** Those that changed since the last `finish`, in the order of their last change. */
  readonly #changed = new Set<string>();
  readonly #times: boolean;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  #nextTurn = 1;
  #loading: { readonly entry: Entry; readonly turn: number }[] = [];

  /** @param times Whether states time out: one that is used has changed then, even if it stays the same. */
  constructor(times: boolean) {
    this.#times = times;
  }

  /** Takes over a part of what the checkpoint holds, in any order. */
  load({ key, text, touched, turn }: StoredState): void {
    const entry = { key, text, touched, before: undefined, after: undefined };
    this.#entries.set(key, entry);
    this.#loading.push({ entry, turn });
  }

  /** Itself, with what was loaded in order: to be asked for after the last part. */
  settled(): this {
    if (this.#loading.length === 0) return this;
    this.#loading.sort((a, b) => a.entry.touched - b.entry.touched || a.turn - b.turn);
    for (const { entry, turn } of this.#loading) {
      this.#append(entry);
      this.#nextTurn = Math.max(this.#nextTurn, turn + 1);
    }
    this.#loading = [];
    return this;
  }

  /** A key's state and when it was last used. */
  get(key: string): { readonly text: string; readonly touched: number } | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return this.#entries.get(key);
    return held.text === null ? undefined : { text: held.text, touched: held.touched };
  }

  /** Sets a key's state as the current record has it; null removes it. */
  set(key: string, text: string | null, touched: number): void {
    const before = this.get(key);
    if (text === null ? !before : !this.#times && before?.text === text) return;
    this.#held.set(key, { text, touched });
  }

  /** The keys that were last used at this time or before, the oldest first, and no more than so many. */
  *olderThan(touched: number, most: number): Iterable<string> {
    let found = 0;
    for (let at = this.#oldest; at && at.touched <= touched && found < most; at = at.after) {
      // One that this record has used already has another time now.
      if (this.#held.has(at.key)) continue;
      found++;
      yield at.key;
    }
  }

  /** The current record is good: what it changed stays. */
  keep(): void {
    if (this.#held.size === 0) return;
    for (const [key, { text, touched }] of this.#held) {
      if (text === null) this.#delete(key);
      else this.#set(key, text, touched);
      this.#changed.delete(key);
      this.#changed.add(key);
    }
    this.#held.clear();
  }

  /** The current record is bad: what it changed is forgotten. */
  drop(): void {
    this.#held.clear();
  }

  /** Adds a row for each key that changed since the last call: its state, or that it has none any more. */
  finish(place: StatePlace, encoder: CopyEncoder): void {
    for (const key of this.#changed) {
      const entry = this.#entries.get(key);
      const row = { ...place, key, value: entry?.text ?? null, touched: entry?.touched ?? 0 };
      encoder.add({ ...row, turn: this.#nextTurn++ });
    }
    this.#changed.clear();
  }

  #set(key: string, text: string, touched: number): void {
    let entry = this.#entries.get(key);
    if (entry) {
      this.#unlink(entry);
      entry.text = text;
      entry.touched = touched;
    } else {
      entry = { key, text, touched, before: undefined, after: undefined };
      this.#entries.set(key, entry);
    }
    this.#append(entry);
  }

  #append(entry: Entry): void {
    entry.before = this.#newest;
    if (this.#newest) this.#newest.after = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#unlink(entry);
    this.#entries.delete(key);
  }

  #unlink(entry: Entry): void {
    if (entry.before) entry.before.after = entry.after;
    else this.#oldest = entry.after;
    if (entry.after) entry.after.before = entry.before;
    else this.#newest = entry.before;
    entry.before = undefined;
    entry.after = undefined;
  }
}
