/**
 * Follows every list through the log: each record must have the next number of
 * its stream and the next ordinal of each list that it is in, and be in those
 * lists that the rules say.
 *
 * @module
 */

import { LINK_TYPE } from "../../../lib/model/links.ts";
import { membershipsOf } from "../../../lib/model/lists.ts";
import { decodeStreamMetadata } from "../../../lib/model/stream_metadata.ts";
import {
  CATEGORY_SEPARATOR,
  hasCategory,
  isMetastream,
} from "../../../lib/model/stream_names.ts";
import { encodeUtf8 } from "../../../lib/text/utf8.ts";
import { bytesOf } from "../../log/bytes.ts";
import type { LogRecord } from "../../log/log_record.ts";
import { FLAG_FIRST, FLAG_TOMBSTONE } from "../../log/record.ts";
import type { ListEnd } from "../../log/scavenged_segment.ts";
import { type EntryDigest, ListHeads, NameHash } from "./list_entries.ts";
import { isPlaceable } from "../../index/ordinal_rule.ts";

/** Codes of the kinds of lists, as in files. */
const STREAM = 0;
const CATEGORY = 1;
const EVENT_TYPE = 2;
const STREAMS = 3;
const CATEGORY_STREAMS = 4;

const KIND_NAMES = [
  "its stream",
  "its category",
  "its event type",
  "all streams",
  "the streams of its category",
];

const DOLLAR = 0x24;
const SEPARATOR = CATEGORY_SEPARATOR.charCodeAt(0);

/** An entry that is not where it should be. */
interface WrongEntry {
  readonly kind: "eventNumber" | "ordinal";
  readonly what: string;
}

export class EntryCheck {
  readonly heads = new ListHeads();
  /** Entries may be missing: a list may go on with a later one. */
  isLenient = false;
  readonly #stream = new NameHash();
  readonly #category = new NameHash();
  readonly #type = new NameHash();
  readonly #noName = hashOf("");
  /** Those of the segment that is being checked; set before it is. */
  digest: EntryDigest;
  #wrong: WrongEntry | undefined;

  constructor(digest: EntryDigest) {
    this.digest = digest;
  }

  /**
   * Takes the next record.
   *
   * @param offset Its place, as index files have it.
   * @returns What is wrong, if anything is.
   */
  take(record: LogRecord, offset: number): WrongEntry | undefined {
    const { flags } = record;
    const names = record.nameSpan();
    const { array, start: nameStart, nameEnd, typeEnd } = names;
    this.#wrong = undefined;
    this.#stream.take(names, nameStart, nameEnd);
    if ((flags & FLAG_TOMBSTONE) === 0) {
      this.#enter(STREAM, this.#stream, record.eventNumber, offset);
    }
    const isOfSystem = array[nameStart] === DOLLAR ||
      (typeEnd > nameEnd && array[nameEnd] === DOLLAR);
    if (isOfSystem) this.#takeOfSystem(record, offset);
    else {
      // As `membershipsOf()` does for such records, without making texts.
      const separator = indexOfSeparator(array, nameStart, nameEnd);
      const isIn = hasCategory(separator - nameStart);
      const category = isIn ? this.#category : undefined;
      category?.take(names, nameStart, separator);
      this.#type.take(names, nameEnd, typeEnd);
      this.#enterIf(CATEGORY, category, record.categoryOrdinal, offset);
      this.#enter(EVENT_TYPE, this.#type, record.typeOrdinal, offset);
      if ((flags & FLAG_FIRST) !== 0) {
        this.#enter(STREAMS, this.#noName, record.streamsOrdinal, offset);
        const ordinal = record.categoryStreamsOrdinal;
        this.#enterIf(CATEGORY_STREAMS, category, ordinal, offset);
      }
    }
    const wrong: WrongEntry | undefined = this.#wrong;
    return wrong && describe(wrong, record);
  }

  /** Takes where lists end of which a scavenged segment lost the last entry. */
  takeEnds(ends: Iterable<ListEnd>): void {
    for (const { kind, name, next } of ends) {
      const slot = this.heads.slotOf(kind, hashOf(name));
      if (next > this.heads.nextAt(slot)) this.heads.setNext(slot, next);
    }
  }

  /** Lists of records of the system, of metadata and of deletes. */
  #takeOfSystem(record: LogRecord, offset: number): void {
    const { category, eventType, isInStreams, categoryOfStream } =
      membershipsOf(
        record,
        isMetastream(record.streamName)
          ? decodeStreamMetadata(record)
          : undefined,
      );
    const enter = (kind: number, name: string | undefined, ordinal: number) =>
      this.#enterIf(
        kind,
        name === undefined ? undefined : hashOf(name),
        ordinal,
        offset,
      );
    // A link that led nowhere when it was written is in none.
    const isListed = record.eventType !== LINK_TYPE || record.isInCategory;
    enter(CATEGORY, isListed ? category : undefined, record.categoryOrdinal);
    enter(EVENT_TYPE, eventType, record.typeOrdinal);
    if ((record.flags & FLAG_FIRST) === 0) return;
    enter(STREAMS, isInStreams ? "" : undefined, record.streamsOrdinal);
    enter(CATEGORY_STREAMS, categoryOfStream, record.categoryStreamsOrdinal);
  }

  /** @param name Undefined: the record must not be in a list of that kind. */
  #enterIf(
    kind: number,
    name: NameHash | undefined,
    ordinal: number,
    offset: number,
  ): void {
    if (name !== undefined) this.#enter(kind, name, ordinal, offset);
    else if (ordinal >= 0) {
      this.#wrong ??= {
        kind: "ordinal",
        what: `has an ordinal in ${KIND_NAMES[kind]}, which it is not in`,
      };
    }
  }

  #enter(kind: number, name: NameHash, ordinal: number, offset: number): void {
    const { heads } = this;
    const slot = heads.slotOf(kind, name);
    const next = heads.nextAt(slot);
    if (ordinal < 0) {
      this.#wrong ??= {
        kind: "ordinal",
        what: `is not in ${
          KIND_NAMES[kind]
        }, where it should be number ${next}`,
      };
      return;
    }
    // A stream that was imported may begin later than with 0.
    const maySkip = this.isLenient || (kind === STREAM && next === 0);
    const isPlaced = isPlaceable(ordinal, next, this.isLenient || next === 0);
    if (ordinal !== next && !(maySkip && isPlaced)) {
      this.#wrong ??= {
        kind: kind === STREAM ? "eventNumber" : "ordinal",
        what: `is number ${ordinal} of ${KIND_NAMES[kind]}, where ${next} is ` +
          "the next one",
      };
    }
    // A record that cannot be there is in no index either.
    if (!isPlaced) return;
    heads.setNext(slot, ordinal + 1);
    this.digest.add(kind, name.high, name.low, ordinal, offset);
  }
}

/** Hash of a name that is at hand as a text. */
function hashOf(name: string): NameHash {
  const hash = new NameHash();
  const bytes = bytesOf(encodeUtf8(name));
  hash.take(bytes, 0, bytes.array.length);
  return hash;
}

/** Where the first separator stands; before the start for none. */
function indexOfSeparator(
  array: Uint8Array,
  start: number,
  end: number,
): number {
  for (let at = start; at < end; at++) if (array[at] === SEPARATOR) return at;
  return start - 1;
}

/** Names the event. */
function describe(
  { kind, what }: WrongEntry,
  { eventNumber, streamName }: LogRecord,
): WrongEntry {
  return { kind, what: `event ${eventNumber} of "${streamName}" ${what}` };
}
