import type { Offset } from "../record.ts";
import { ArrivalTimes } from "./arrival_times.ts";
import type { Verdict } from "./snapshot.ts";

/**
 * How many records the group has not committed and can still read. Read `committed` before `end`, or records that
 * come in between make it too small.
 */
export function lag(end: Offset, committed: Offset | null, start: Offset): number {
  return Math.max(0, end - nextOffset(committed, start));
}

/** Where the group goes on: retention may have taken what it committed last. */
function nextOffset(committed: Offset | null, start: Offset): Offset {
  return Math.max(committed ?? start, start);
}

/** What was seen of a partition at one time. */
export interface Observation {
  readonly start: Offset;
  readonly end: Offset;
  /** Null when the group has never committed. */
  readonly committed: Offset | null;
  /** Whether the group has committed since the last observation. Default: whether `committed` is another one. */
  readonly hasCommitted?: boolean;
}

/** The options of {@linkcode LagHistory}. */
export interface LagHistoryOptions {
  /** A lag that is never a problem, in records. Default: 0. */
  readonly allowedLag?: number;
  /** How many commits are looked at. Default: 10. */
  readonly window?: number;
  /**
   * Milliseconds between two commits that are told apart; those in between only bring the last one up to date.
   * So a group that commits every few milliseconds is not taken for stopped after a short pause. Default: 1,000.
   */
  readonly spacing?: number;
}

interface Commit {
  readonly time: number;
  readonly offset: Offset;
  /** The lag when the commit was seen. */
  readonly lag: number;
}

/**
 * What a partition's lag has done, and what to make of it: a sliding window over the group's last commits, judged
 * by the rules of LinkedIn's Burrow (its wiki: "Consumer Lag Evaluation Rules"). The lag itself always comes from the
 * end offset that was seen last, so that it goes on rising after a consumer has stopped.
 *
 * Nothing runs by itself: the time comes with each call, in milliseconds.
 */
export class LagHistory {
  readonly #allowedLag: number;
  readonly #window: number;
  readonly #spacing: number;
  /** Oldest first, at most `window`. */
  readonly #commits: Commit[] = [];
  readonly #arrivals = new ArrivalTimes();
  #last: Observation | undefined;
  #lastCommit = -Infinity;
  /** Since when the lag has been above the allowed one without a break. */
  #behindSince = Infinity;

  constructor(options: LagHistoryOptions = {}) {
    this.#allowedLag = options.allowedLag ?? 0;
    this.#window = options.window ?? 10;
    this.#spacing = options.spacing ?? 1_000;
  }

  /** Notes what was seen of the partition. Times may not go back. */
  observe(seen: Observation, now: number): void {
    const committed = seen.committed !== null &&
      (seen.hasCommitted ?? seen.committed !== this.#last?.committed);
    this.#last = seen;
    if (committed) this.#addCommit({ time: now, offset: seen.committed!, lag: this.lag });
    if (this.lag <= this.#allowedLag) this.#behindSince = Infinity;
    else if (this.#behindSince === Infinity) this.#behindSince = now;
    this.#arrivals.observe(seen.end, now);
    this.#arrivals.forgetBefore(nextOffset(seen.committed, seen.start));
  }

  #addCommit(commit: Commit): void {
    this.#lastCommit = commit.time;
    const previous = this.#commits.at(-1);
    if (previous && commit.time - previous.time < this.#spacing) {
      this.#commits[this.#commits.length - 1] = { ...commit, time: previous.time };
      return;
    }
    this.#commits.push(commit);
    if (this.#commits.length > this.#window) this.#commits.shift();
  }

  /** The lag that was seen last, in records; 0 before the first observation. */
  get lag(): number {
    return this.#last ? lag(this.#last.end, this.#last.committed, this.#last.start) : 0;
  }

  /**
   * How old the oldest record is that is not committed, in seconds: 0 without lag, null when it came before the first
   * observation. An estimate, from when the end offset was seen to pass it.
   */
  lagSeconds(now: number): number | null {
    if (!this.#last || this.lag === 0) return 0;
    const arrived = this.#arrivals.arrival(nextOffset(this.#last.committed, this.#last.start));
    return arrived === null ? null : Math.max(0, now - arrived) / 1_000;
  }

  /** The first of Burrow's rules that holds. With fewer commits than a full window it is OK. */
  verdict(now: number): Verdict {
    const commits = this.#commits;
    const newest = commits.at(-1);
    if (!newest || commits.length < this.#window) return "OK";
    if (this.lag <= this.#allowedLag) return "OK";
    if (this.#quietFor(now) > newest.time - commits[0]!.time) return "STOP";
    if (commits.some((commit) => commit.offset > newest.offset)) return "REWIND";
    if (commits.some((commit) => commit.lag <= this.#allowedLag)) return "OK";
    if (commits.every((commit) => commit.offset === newest.offset)) return "STALL";
    if (commits.every((commit, at) => at === 0 || commit.lag >= commits[at - 1]!.lag)) return "WARN";
    return "OK";
  }

  /**
   * How long there has been something to commit and no commit. A group that had nothing to read is not stopped: as in
   * Burrow, time without lag does not count.
   */
  #quietFor(now: number): number {
    return now - Math.max(this.#lastCommit, this.#behindSince);
  }
}
