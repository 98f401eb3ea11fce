/**
 * Where in a list the next record may stand: the one rule of recovery, index
 * files made again, verification and repair.
 *
 * A record names its ordinal in each of its lists. Those that the writer makes
 * go up by one; where records were scavenged or lost some are skipped. A record
 * whose checksums are right may still name an ordinal that is taken, or one
 * that no list gets to: an older version wrote such (names that begin with
 * U+FEFF were read back without it), and no record may keep the store from
 * opening. Such a record is **misplaced**: it stays in the log, and no list
 * holds it at that ordinal, until `quipu repair` gives it the next one.
 *
 * @module
 */

/**
 * Ordinals that are skipped at most: more than the records of some segments
 * that were not scavenged. In memory each of them takes 4 bytes.
 */
const SKIPPED_MAX = 2 ** 24;
/** Largest ordinal: so many more can follow and still be counted exactly. */
const ORDINAL_MAX = Number.MAX_SAFE_INTEGER - 2 ** 32;

/**
 * Whether a record can stand at an ordinal of a list.
 *
 * @param next The list's next ordinal.
 * @param isFirst Whether no entry is in memory that would have to be followed
 * without a gap.
 */
export function isPlaceable(
  ordinal: number,
  next: number,
  isFirst: boolean,
): boolean {
  return ordinal === next ||
    (ordinal > next && ordinal <= ORDINAL_MAX &&
      (isFirst || ordinal - next <= SKIPPED_MAX));
}
