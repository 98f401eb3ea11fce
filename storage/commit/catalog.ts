/**
 * The catalog: the small part of the store that is committed atomically. Its
 * commit record says up to where the log is permanent and visible; replacing
 * it is the commit of a group. The log alone is enough to make it again.
 *
 * The commit record, 48 bytes, little-endian:
 *
 * ```
 *  0 ├ u32 CRC-32 of bytes 4 to 48
 *  4 ├ u32 format (1)
 *  8 ├ 16  store id
 * 24 ├ u64 end: log position after the last committed record
 * 32 ├ u32 checksum: header CRC of that record (0 for an empty log)
 * 36 ├ u32 epoch: one more each time the store is opened
 * 40 └ u64 time of the last record, microseconds since 1970
 * ```
 *
 * @module
 */

import { crc32 } from "node:zlib";
import {
  bytesOf,
  getSafeUint64,
  getUuid,
  setSafeUint64,
  setUuid,
} from "../log/bytes.ts";

export interface CommitRecord {
  readonly storeId: string;
  readonly end: number;
  readonly checksum: number;
  readonly epoch: number;
  readonly lastCreatedAtUs: number;
}

/** The outcome of a commit. */
export type CommitOutcome =
  /** It is permanent. */
  | "committed"
  /** The record was not what this process wrote last: somebody else writes. */
  | "fenced";

export interface Catalog {
  /**
   * The commit record as it is; undefined when there is none that is whole.
   * Later commits are checked against it.
   */
  read(): Promise<CommitRecord | undefined>;
  /**
   * The commit record as it is, for a look only: what commits are checked
   * against stays as it was.
   */
  peek?(): Promise<CommitRecord | undefined>;
  /**
   * Replaces the commit record if it still is what this process read or wrote
   * last. When it throws, nothing is known to have changed; try again.
   */
  commit(record: CommitRecord): Promise<CommitOutcome>;
  close(): void;
}

const COMMIT_RECORD_BYTES = 48;
const FORMAT = 1;

export function encodeCommitRecord(record: CommitRecord): Uint8Array {
  const array = new Uint8Array(COMMIT_RECORD_BYTES);
  const { view } = bytesOf(array);
  view.setUint32(4, FORMAT, true);
  setUuid(array, 8, record.storeId);
  setSafeUint64(view, 24, record.end);
  view.setUint32(32, record.checksum, true);
  view.setUint32(36, record.epoch, true);
  setSafeUint64(view, 40, record.lastCreatedAtUs);
  view.setUint32(0, crc32(array.subarray(4)), true);
  return array;
}

/** Decodes a commit record; undefined when it is damaged or of another format. */
export function decodeCommitRecord(value: unknown): CommitRecord | undefined {
  if (!(value instanceof Uint8Array) || value.length !== COMMIT_RECORD_BYTES) {
    return undefined;
  }
  const { view } = bytesOf(value);
  const isWhole = view.getUint32(0, true) === crc32(value.subarray(4)) &&
    view.getUint32(4, true) === FORMAT;
  if (!isWhole) return undefined;
  return {
    storeId: getUuid(value, 8),
    end: getSafeUint64(view, 24),
    checksum: view.getUint32(32, true),
    epoch: view.getUint32(36, true),
    lastCreatedAtUs: getSafeUint64(view, 40),
  };
}

/** A store whose log and commit record agree: it may be written. */
export interface Reconciled {
  /** The state that was found; see `open/reconcile.ts`. */
  readonly label: string;
  readonly catalog: Catalog;
  readonly storeId: string;
  readonly epoch: number;
}
