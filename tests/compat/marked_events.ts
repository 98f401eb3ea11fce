/**
 * What the data directory `marked/0.1.0` holds: names and types that begin with
 * a byte order mark, beside the same without it. Release 0.1.0 dropped the mark
 * wherever it read one from its files.
 *
 * The directory was written by that release: an append to each stream in turn,
 * with ids of `testUuid()`, to segments of 1,000 bytes, and closed.
 *
 * @module
 */

const MARK = "\ufeff";

/** Streams, in the order of the log; each append adds the next event to one. */
export const MARKED_STREAMS: readonly string[] = [
  ...["orders-1", "orders-1", "orders-1"],
  ...[`${MARK}orders-1`, `${MARK}x`, `${MARK}${MARK}x`, "x"],
  ...[`${MARK}$settings`, `${MARK}$user-admin`, MARK],
  ...[`${MARK}orders-1`, "orders-1", `a${MARK}`, `${MARK}cart-${MARK}`],
];

/** Places in the log of both events of a stream whose name begins with a mark. */
export const SAME_NUMBER: readonly number[] = [3, 10];

/** Type of the event at a place in the log. */
export function markedTypeAt(index: number): string {
  return index % 2 === 0 ? `${MARK}added` : "added";
}

/** Its data, and its metadata. */
export function markedTextAt(index: number): string {
  return `${MARK}${index}`;
}
