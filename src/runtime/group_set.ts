import type { GroupKey } from "../operators/aggregate.ts";
import type { Window } from "../operators/window.ts";

/** The records of one key in one window, merged. */
export interface Group {
  readonly key: GroupKey;
  start: number;
  end: number;
  states: unknown[];
  /** Its place among the groups that were taken. */
  row: number;
  /** The session that it became part of. */
  into: Group | undefined;
}

/** The groups of a batch. */
export class GroupSet {
  readonly #size: number;
  readonly #isSession: boolean;
  readonly #merges: readonly ((held: unknown, brought: unknown) => unknown)[];
  readonly #windows = new Map<number, Map<string, Group>>();
  readonly #sessions = new Map<string, Group[]>();
  #all: Group[] = [];
  /** The window that was used last: the next record is mostly in the same. */
  #lastStart = NaN;
  #lastWindow = new Map<string, Group>();

  constructor(
    window: Window | undefined,
    merges: readonly ((held: unknown, brought: unknown) => unknown)[],
  ) {
    this.#size = window?.size ?? 0;
    this.#isSession = window?.kind === "session";
    this.#merges = merges;
  }

  /** Adds what a record brings to the group that it belongs to; gives the group. */
  add(start: number, id: string, key: GroupKey, measures: readonly unknown[]): Group {
    if (this.#isSession) return this.#addToSession(start, id, key, measures);
    const window = this.#window(start);
    const group = window.get(id);
    if (group) {
      this.#merge(group.states, measures);
      return group;
    }
    const added = this.#create(start, key, measures);
    window.set(id, added);
    return added;
  }

  /** All groups, in the order in which they came, and starts anew. */
  take(): Group[] {
    const groups = this.#all.filter(({ into }) => into === undefined);
    groups.forEach((group, row) => group.row = row);
    this.#all = [];
    this.#windows.clear();
    this.#sessions.clear();
    this.#lastStart = NaN;
    return groups;
  }

  #window(start: number): Map<string, Group> {
    if (start === this.#lastStart) return this.#lastWindow;
    let window = this.#windows.get(start);
    if (!window) this.#windows.set(start, window = new Map());
    this.#lastStart = start;
    return this.#lastWindow = window;
  }

  /** A record is a session by itself, which merges with all that it overlaps. */
  #addToSession(start: number, id: string, key: GroupKey, measures: readonly unknown[]): Group {
    const group = this.#create(start, key, measures);
    const sessions = this.#sessions.get(id);
    if (!sessions) {
      this.#sessions.set(id, [group]);
      return group;
    }
    const apart: Group[] = [];
    let merged = group;
    for (const other of sessions) {
      if (other.end <= group.start || other.start >= group.end) {
        apart.push(other);
        continue;
      }
      // Into the one that came first, so that of equal values the one that came first is held.
      other.start = Math.min(other.start, merged.start);
      other.end = Math.max(other.end, merged.end);
      this.#merge(other.states, merged.states);
      merged.into = other;
      merged = other;
    }
    apart.push(merged);
    this.#sessions.set(id, apart);
    return group;
  }

  #create(start: number, key: GroupKey, measures: readonly unknown[]): Group {
    const group: Group = {
      key,
      start,
      end: start + this.#size,
      states: [...measures],
      row: -1,
      into: undefined,
    };
    this.#all.push(group);
    return group;
  }

  #merge(states: unknown[], measures: readonly unknown[]): void {
    const merges = this.#merges;
    for (let i = 0; i < merges.length; i++) states[i] = merges[i]!(states[i], measures[i]);
  }
}
