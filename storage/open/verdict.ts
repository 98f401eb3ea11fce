/**
 * What the store finds when it opens, as a table. The log decides; the commit
 * record in the KV is a lower bound.
 *
 * | Label | What was found | What is done |
 * |---|---|---|
 * | EMPTY | no segment, no commit record | a new store |
 * | CLEAN | the log ends where the record says; room may follow | nothing |
 * | KV_BEHIND | whole runs beyond the record | they are adopted: nobody was told that they failed, and retries are idempotent |
 * | TORN_TAIL | a broken last run beyond the record | it is kept in `lost/` and cut |
 * | KV_LOST | a log, no commit record | the record is made again, said aloud; a broken last run as in TORN_TAIL |
 * | LOG_SHORT | the log ends before the record | refused |
 * | CORRUPT_COMMITTED | damage before the record's end | refused, naming the place |
 * | FOREIGN | the record or a segment is of another store or program | refused |
 *
 * Records that are whole and contradict each other are no row of it: a number
 * or ordinal that is not the next one, a time that goes back. The store opens
 * whatever they say, and says aloud that they are there
 * (`contradictions.ts`); `quipu repair` mends them. Where a record is not in its
 * place, in the chain or in its run, that is damage.
 *
 * @module
 */

import type { CommitRecord } from "../commit/catalog.ts";

export type VerdictLabel =
  | "EMPTY"
  | "CLEAN"
  | "KV_BEHIND"
  | "TORN_TAIL"
  | "KV_LOST"
  | "LOG_SHORT"
  | "CORRUPT_COMMITTED"
  | "FOREIGN";

/** What a look at the segments showed. */
export interface LogFindings {
  /** Undefined when there is no segment. */
  readonly storeId: string | undefined;
  /** Log position after the last whole run. */
  readonly validEnd: number;
  /** Header CRC of the last record of that run. */
  readonly checksum: number;
  /** Log position of the end of the last segment's file, room left out. */
  readonly fileEnd: number;
  /**
   * The header CRC of the record that ends where the commit record says, if a
   * record ends there and that is before `validEnd`.
   */
  readonly checksumAtCommit: number | undefined;
  /** Whether whole records stand beyond the first broken one. */
  readonly hasRecordsBeyondDamage: boolean;
}

export interface Verdict {
  readonly label: VerdictLabel;
  /** Whether the store may be opened for writing. */
  readonly mayOpen: boolean;
  /** Whether bytes after `validEnd` are to be moved away. */
  readonly cutsTail: boolean;
  /** Whether the commit record is to be written anew. */
  readonly writesCommit: boolean;
}

const REFUSED = { mayOpen: false, cutsTail: false, writesCommit: false };

/** Finds the row of the table. */
export function verdictOf(
  log: LogFindings,
  commit: CommitRecord | undefined,
): Verdict {
  if (log.storeId === undefined) {
    if (commit !== undefined && commit.end > 0) {
      return { label: "LOG_SHORT", ...REFUSED };
    }
    return {
      label: "EMPTY",
      mayOpen: true,
      cutsTail: false,
      writesCommit: true,
    };
  }
  const cutsTail = log.fileEnd > log.validEnd;
  if (commit === undefined) {
    // With the record gone nobody can tell a torn tail from damage in what was
    // committed, unless whole records follow: a torn tail has none.
    if (log.hasRecordsBeyondDamage) {
      return { label: "CORRUPT_COMMITTED", ...REFUSED };
    }
    return { label: "KV_LOST", mayOpen: true, cutsTail, writesCommit: true };
  }
  if (commit.storeId !== log.storeId) return { label: "FOREIGN", ...REFUSED };
  if (commit.end > log.validEnd) {
    const label = commit.end > log.fileEnd ? "LOG_SHORT" : "CORRUPT_COMMITTED";
    return { label, ...REFUSED };
  }
  const checksum = commit.end === log.validEnd
    ? log.checksum
    : log.checksumAtCommit;
  if (checksum !== commit.checksum) {
    return { label: "CORRUPT_COMMITTED", ...REFUSED };
  }
  if (commit.end < log.validEnd) {
    return { label: "KV_BEHIND", mayOpen: true, cutsTail, writesCommit: true };
  }
  return {
    label: cutsTail ? "TORN_TAIL" : "CLEAN",
    mayOpen: true,
    cutsTail,
    writesCommit: true,
  };
}
