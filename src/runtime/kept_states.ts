import type { Fold } from "../merge.ts";

/**
 * States that functions will merge once a batch is whole: each is the text of one record's, or a pair of those. A pair
 * changes nothing that it is made of, for a record's state may be in several windows.
 */
export class StatePair {
  constructor(readonly held: unknown, readonly brought: unknown) {}
}

/**
 * The states as a list of one, merged. When that fails they stay apart: the commit finds out what is wrong with them, and
 * whose they are.
 */
export function foldStates(fold: Fold, kept: unknown): unknown[] {
  const texts = textsOf(kept);
  if (texts.length > 1) {
    try {
      return [JSON.parse(fold.merge(texts.map((text) => JSON.parse(text))))];
    } catch {
      // Told by the commit, where it fails again.
    }
  }
  return texts.map((text) => JSON.parse(text));
}

/** In the order in which they came. Pairs are as deep as a batch is long, so they are taken apart without recursion. */
function textsOf(kept: unknown): string[] {
  const texts: string[] = [];
  const open = [kept];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at instanceof StatePair) open.push(at.held, at.brought);
    else texts.push(at as string);
  }
  return texts.reverse();
}
