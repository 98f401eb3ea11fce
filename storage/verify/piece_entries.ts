/**
 * Follows the lists of one piece of the log, as `EntryCheck` does those of the
 * whole log: by the same rules, for many records at once, and with one answer
 * for all of them. Where it says no, `EntryCheck` says why.
 *
 * @module
 */

import type { Bytes } from "../log/bytes.ts";
import { bytesOf, encodeUtf8 } from "../log/bytes.ts";
import {
  FIRST_ORDINALS_BYTES,
  FLAG_FIRST,
  FLAG_TOMBSTONE,
  RECORD_HEADER_BYTES,
} from "../log/record.ts";
import { EntryDigest } from "./entry_digest.ts";
import {
  CATEGORY,
  CATEGORY_STREAMS,
  EVENT_TYPE,
  STREAM,
  STREAMS,
} from "./list_kinds.ts";
import { NameHash } from "./name_hash.ts";
import { PieceLists } from "./piece_lists.ts";
import { isOfSystem, systemListsOf } from "./system_lists.ts";

const NONE = 0xffff_ffff;
/** Records whose lists are looked at together. */
const BATCH = 4 * 1024;
const EMPTY = bytesOf(new Uint8Array(0));

/** Records of a chunk. */
export interface RecordRange {
  readonly bytes: Bytes;
  /** Where each begins. */
  readonly starts: Int32Array;
  readonly from: number;
  readonly to: number;
  /** Where in the segment's file, as it once was, each stands. */
  readonly offsets: Float64Array;
}

export class PieceEntries {
  readonly digest = new EntryDigest();
  readonly lists: PieceLists;
  readonly #hash = new NameHash();
  readonly #typeHash = new NameHash();
  readonly #streams: NameHash;
  /** High and low half of the hash of each record's stream. */
  readonly #hashes = new Int32Array(2 * BATCH);
  readonly #categories = new Int32Array(2 * BATCH);
  readonly #hasCategory = new Uint8Array(BATCH);

  /** @param listCount About how many lists there will be. */
  constructor(options: { maySkip: boolean; listCount: number }) {
    this.lists = new PieceLists(options);
    this.#streams = new NameHash();
    this.#streams.take(EMPTY, 0, 0);
  }

  /** Takes records; false when one is not in its lists as it should be. */
  take(range: RecordRange): boolean {
    for (let from = range.from; from < range.to; from += BATCH) {
      const to = Math.min(range.to, from + BATCH);
      this.#hashStreams(range, from, to);
      this.lists.touch(STREAM, this.#hashes, to - from);
      if (!this.#enterAll(range, from, to)) return false;
    }
    return true;
  }

  #hashStreams({ bytes, starts }: RecordRange, from: number, to: number): void {
    const { view } = bytes;
    const hash = this.#hash;
    for (let index = from, at = 0; index < to; index++, at++) {
      const start = starts[index] ?? 0;
      const nameStart = nameStartOf(view, start);
      const nameEnd = nameStart + view.getUint16(start + 80, true);
      hash.takeStream(bytes, nameStart, nameEnd);
      this.#hashes[2 * at] = hash.high;
      this.#hashes[2 * at + 1] = hash.low;
      this.#hasCategory[at] = hash.hasCategory ? 1 : 0;
      this.#categories[2 * at] = hash.categoryHigh;
      this.#categories[2 * at + 1] = hash.categoryLow;
    }
  }

  #enterAll(range: RecordRange, from: number, to: number): boolean {
    const { bytes, starts, offsets } = range;
    const { view } = bytes;
    const hashes = this.#hashes;
    const categories = this.#categories;
    const type = this.#typeHash;
    for (let index = from, at = 0; index < to; index++, at++) {
      const start = starts[index] ?? 0;
      const offset = offsets[index] ?? 0;
      const flags = view.getUint8(start + 88);
      const high = hashes[2 * at] ?? 0;
      const low = hashes[2 * at + 1] ?? 0;
      const isInStream = (flags & FLAG_TOMBSTONE) !== 0 ||
        this.#enter(STREAM, high, low, view, start + 24, offset);
      if (!isInStream) return false;
      const nameStart = nameStartOf(view, start);
      const nameEnd = nameStart + view.getUint16(start + 80, true);
      const typeEnd = nameEnd + view.getUint16(start + 82, true);
      if (isOfSystem(bytes, nameStart, nameEnd, typeEnd)) {
        if (!this.#takeOfSystem(bytes, start, offset)) return false;
        continue;
      }
      type.take(bytes, nameEnd, typeEnd);
      const hasCategory = this.#hasCategory[at] === 1;
      const categoryHigh = categories[2 * at] ?? 0;
      const categoryLow = categories[2 * at + 1] ?? 0;
      const isFit = this.#enter(
        EVENT_TYPE,
        type.high,
        type.low,
        view,
        start + 40,
        offset,
      ) && (hasCategory
        ? this.#enter(
          CATEGORY,
          categoryHigh,
          categoryLow,
          view,
          start + 32,
          offset,
        )
        : isNone(view, start + 32));
      if (!isFit) return false;
      if ((flags & FLAG_FIRST) === 0) continue;
      const { high: streamsHigh, low: streamsLow } = this.#streams;
      const isFirstFit = this.#enter(
        STREAMS,
        streamsHigh,
        streamsLow,
        view,
        start + 92,
        offset,
      ) && (hasCategory
        ? this.#enter(
          CATEGORY_STREAMS,
          categoryHigh,
          categoryLow,
          view,
          start + 100,
          offset,
        )
        : isNone(view, start + 100));
      if (!isFirstFit) return false;
    }
    return true;
  }

  #takeOfSystem(bytes: Bytes, start: number, offset: number): boolean {
    for (const { kind, name, at } of systemListsOf(bytes, start)) {
      if (name === undefined) {
        if (!isNone(bytes.view, at)) return false;
        continue;
      }
      const encoded = bytesOf(encodeUtf8(name));
      const hash = this.#typeHash;
      hash.take(encoded, 0, encoded.array.length);
      const { high, low } = hash;
      if (!this.#enter(kind, high, low, bytes.view, at, offset)) return false;
    }
    return true;
  }

  #enter(
    kind: number,
    high: number,
    low: number,
    view: DataView,
    at: number,
    offset: number,
  ): boolean {
    const ordinal = view.getUint32(at, true);
    this.digest.add(kind, high, low, ordinal, offset);
    return this.lists.enter(
      kind,
      high,
      low,
      ordinal,
      view.getUint32(at + 4, true),
    );
  }
}

function nameStartOf(view: DataView, start: number): number {
  return start + RECORD_HEADER_BYTES +
    ((view.getUint8(start + 88) & FLAG_FIRST) === 0 ? 0 : FIRST_ORDINALS_BYTES);
}

/** Whether an ordinal says that the record is not in such a list. */
function isNone(view: DataView, at: number): boolean {
  return view.getUint32(at + 4, true) === NONE;
}
