/**
 * The name that a person probably meant.
 *
 * Guarantees: bounded work (long words are not compared); never suggests something that shares little with the word.
 */

const MAX_LENGTH = 64;

/** Without what people get wrong in the form of a name: case, `-` and `_`. */
export function fold(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '');
}

/** Edits from `a` to `b`: insert, delete, replace, swap two neighbours (optimal string alignment). */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (previous[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (previous[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] as number) + 1);
      }
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] as number;
}

/** The candidate closest to `word`, or `null`. A candidate that `word` only abbreviates counts as close. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (word.length === 0 || word.length > MAX_LENGTH) return null;
  const folded = fold(word);
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const target = fold(candidate);
    const edits = distance(folded, target);
    const abbreviation = folded.length >= 3 && target.startsWith(folded);
    const limit = Math.max(1, Math.floor(Math.max(folded.length, target.length) / 3));
    if ((edits <= limit || abbreviation) && edits < bestDistance) {
      best = candidate;
      bestDistance = edits;
    }
  }
  return best;
}
