/**
 * Follows every list through the log: each record must have the next number of
 * its stream and the next ordinal of each list that it is in, and be in those
 * lists that the rules say.
 *
 * @module
 */

import { type Bytes, bytesOf } from "../log/bytes.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import { LogRecord } from "../log/log_record.ts";
import {
  FIRST_ORDINALS_BYTES,
  FLAG_FIRST,
  FLAG_TOMBSTONE,
  RECORD_HEADER_BYTES,
} from "../log/record.ts";
import type { ListEnd } from "../log/remains.ts";
import type { EntryDigest } from "./entry_digest.ts";
import { ListHeads } from "./list_heads.ts";
import {
  CATEGORY,
  CATEGORY_STREAMS,
  EVENT_TYPE,
  STREAM,
  STREAMS,
} from "./list_kinds.ts";
import { NameHash } from "./name_hash.ts";
import { isOfSystem, systemListsOf } from "./system_lists.ts";

const NONE = 0xffff_ffff;
const TWO_32 = 2 ** 32;
const NO_NAME = bytesOf(new Uint8Array(0));

/** An entry that is not where it should be. */
export interface WrongEntry {
  readonly kind: "eventNumber" | "ordinal";
  readonly what: string;
}

export class EntryCheck {
  readonly heads = new ListHeads();
  /** Entries may be missing: a list may go on with a later one. */
  isLenient = false;
  readonly #hash = new NameHash();
  readonly #typeHash = new NameHash();
  /** Those of the segment that is being checked; set before it is. */
  digest: EntryDigest;
  #wrong: WrongEntry | undefined;

  constructor(digest: EntryDigest) {
    this.digest = digest;
  }

  /**
   * Takes the next record.
   *
   * @param start Where it begins in the bytes, of which it is a whole one.
   * @param offset Its place, as index files have it.
   * @returns What is wrong, if anything is.
   */
  take(bytes: Bytes, start: number, offset: number): WrongEntry | undefined {
    const { view } = bytes;
    const flags = view.getUint8(start + 88);
    const isFirst = (flags & FLAG_FIRST) !== 0;
    const nameStart = start + RECORD_HEADER_BYTES +
      (isFirst ? FIRST_ORDINALS_BYTES : 0);
    const nameEnd = nameStart + view.getUint16(start + 80, true);
    const typeEnd = nameEnd + view.getUint16(start + 82, true);
    const hash = this.#hash;
    hash.takeStream(bytes, nameStart, nameEnd);
    this.#wrong = undefined;
    if ((flags & FLAG_TOMBSTONE) === 0) {
      this.#enter(
        STREAM,
        hash.high,
        hash.low,
        view.getUint32(start + 24, true),
        view.getUint32(start + 28, true),
        offset,
      );
    }
    if (isOfSystem(bytes, nameStart, nameEnd, typeEnd)) {
      this.#takeOfSystem(bytes, start, offset);
    } else {
      const typeHash = this.#typeHash;
      typeHash.take(bytes, nameEnd, typeEnd);
      if (hash.hasCategory) {
        this.#enterAt(
          CATEGORY,
          hash.categoryHigh,
          hash.categoryLow,
          view,
          start + 32,
          offset,
        );
      } else this.#expectNone("category", view, start + 32);
      this.#enterAt(
        EVENT_TYPE,
        typeHash.high,
        typeHash.low,
        view,
        start + 40,
        offset,
      );
      if (isFirst) {
        typeHash.take(NO_NAME, 0, 0);
        this.#enterAt(
          STREAMS,
          typeHash.high,
          typeHash.low,
          view,
          start + 92,
          offset,
        );
        if (hash.hasCategory) {
          this.#enterAt(
            CATEGORY_STREAMS,
            hash.categoryHigh,
            hash.categoryLow,
            view,
            start + 100,
            offset,
          );
        } else this.#expectNone("streams of a category", view, start + 100);
      }
    }
    const wrong: WrongEntry | undefined = this.#wrong;
    return wrong === undefined ? undefined : describe(wrong, bytes, start);
  }

  /** Takes where lists end of which a scavenged segment lost the last entry. */
  takeEnds(ends: Iterable<ListEnd>): void {
    for (const { kind, name, next } of ends) {
      const slot = this.slotOf(kind, encodeUtf8(name));
      if (next > this.heads.nextAt(slot)) this.heads.setNext(slot, next);
    }
  }

  /** Slot of a list by its name. */
  slotOf(kind: number, name: Uint8Array): number {
    this.#hash.take(bytesOf(name), 0, name.length);
    return this.heads.slotOf(kind, this.#hash.high, this.#hash.low);
  }

  #takeOfSystem(bytes: Bytes, start: number, offset: number): void {
    const { view } = bytes;
    for (const { kind, name, at } of systemListsOf(bytes, start)) {
      if (name === undefined) {
        this.#expectNone("list", view, at);
        continue;
      }
      const encoded = bytesOf(encodeUtf8(name));
      const hash = this.#typeHash;
      hash.take(encoded, 0, encoded.array.length);
      this.#enterAt(kind, hash.high, hash.low, view, at, offset);
    }
  }

  #enterAt(
    kind: number,
    high: number,
    low: number,
    view: DataView,
    at: number,
    offset: number,
  ): void {
    this.#enter(
      kind,
      high,
      low,
      view.getUint32(at, true),
      view.getUint32(at + 4, true),
      offset,
    );
  }

  #enter(
    kind: number,
    high: number,
    low: number,
    ordinalLow: number,
    ordinalHigh: number,
    offset: number,
  ): void {
    const { heads } = this;
    const slot = heads.slotOf(kind, high, low);
    const next = heads.nextAt(slot);
    if (ordinalHigh === NONE) {
      this.#wrong ??= {
        kind: "ordinal",
        what: `is not in ${
          KIND_NAMES[kind]
        }, where it should be number ${next}`,
      };
      return;
    }
    const ordinal = ordinalHigh * TWO_32 + ordinalLow;
    // A stream that was imported may begin later than with 0.
    const maySkip = this.isLenient || (kind === STREAM && next === 0);
    if (ordinal !== next && !(maySkip && ordinal > next)) {
      this.#wrong ??= {
        kind: kind === STREAM ? "eventNumber" : "ordinal",
        what: `is number ${ordinal} of ${KIND_NAMES[kind]}, where ${next} is ` +
          "the next one",
      };
    }
    if (ordinal >= next) heads.setNext(slot, ordinal + 1);
    this.digest.add(kind, high, low, ordinalLow, offset);
  }

  #expectNone(what: string, view: DataView, at: number): void {
    if (view.getUint32(at + 4, true) === NONE) return;
    this.#wrong ??= {
      kind: "ordinal",
      what: `has an ordinal in a ${what} that it is not in`,
    };
  }
}

const KIND_NAMES = [
  "its stream",
  "its category",
  "its event type",
  "all streams",
  "the streams of its category",
];

/** Names the event. */
function describe(
  { kind, what }: WrongEntry,
  bytes: Bytes,
  start: number,
): WrongEntry {
  const record = new LogRecord(bytes, start, { withBodies: false });
  return {
    kind,
    what: `event ${record.eventNumber} of "${record.streamName}" ${what}`,
  };
}
