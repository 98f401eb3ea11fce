/**
 * Guesses what a mistyped name was meant to be.
 *
 * @module
 */

/** Names longer than this are not compared: the work grows with their product. */
const NAME_LENGTH_MAX = 64;

/**
 * The one of `names` that takes the fewest edits to get to from `typed`.
 *
 * @returns `undefined` when nothing is near enough to be meant: at most one
 * edit in three characters, and two for short names.
 */
export function nearestName(
  typed: string,
  names: readonly string[],
): string | undefined {
  if (typed.length > NAME_LENGTH_MAX) return undefined;
  const typedLower = typed.toLowerCase();
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const edits = editDistance(typedLower, name.toLowerCase());
    // An edit of every character is no likeness.
    if (edits < least && edits < name.length) {
      least = edits;
      nearest = name;
    }
  }
  return nearest;
}

/** `; did you mean …?` when there is something near, otherwise nothing. */
export function suggestion(
  typed: string,
  names: readonly string[],
): string {
  const nearest = nearestName(typed, names);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours between two
 * texts (optimal string alignment).
 */
export function editDistance(source: string, target: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: target.length + 1 }, (_, i) => i);
  for (let i = 1; i <= source.length; i++) {
    const current = [i];
    for (let j = 1; j <= target.length; j++) {
      const isSame = source[i - 1] === target[j - 1];
      let edits = Math.min(
        at(previous, j) + 1,
        at(current, j - 1) + 1,
        at(previous, j - 1) + (isSame ? 0 : 1),
      );
      const isSwap = i > 1 && j > 1 && source[i - 1] === target[j - 2] &&
        source[i - 2] === target[j - 1];
      if (isSwap) edits = Math.min(edits, at(beforePrevious, j - 2) + 1);
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, target.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
