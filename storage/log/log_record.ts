/**
 * A record as readers see it: a recorded event that decodes itself from the
 * bytes of the log. See `record.ts` for the format.
 *
 * @module
 */

import type { PlaceInBatch, RecordedEvent } from "../../lib/model/event.ts";
import {
  type Bytes,
  bytesOf,
  getSafeUint64,
  getUuid,
  readName,
} from "./bytes.ts";
import { hashEventIdAt } from "./event_id_hash.ts";
import {
  EVENT_ID_OFFSET,
  FIRST_ORDINALS_BYTES,
  FLAG_BATCH_END,
  FLAG_FIRST,
  FLAG_JSON,
  NO_ORDINAL,
  RECORD_HEADER_BYTES,
} from "./record.ts";

const EMPTY = new Uint8Array(0);

/** The name of a record's stream, directly followed by that of its type. */
interface NameSpan extends Bytes {
  readonly start: number;
  readonly nameEnd: number;
  readonly typeEnd: number;
}

/**
 * A record in a byte array. Fields are decoded when they are asked for; the
 * array must not change while the record is used.
 */
export class LogRecord implements RecordedEvent {
  readonly #array: Uint8Array;
  readonly #view: DataView;
  readonly #start: number;
  readonly #withBodies: boolean;
  #streamName: string | undefined;

  /**
   * @param start Where the record begins in the array.
   * @param streamName Name of the stream, if known: it need not be decoded.
   */
  constructor(
    bytes: { readonly array: Uint8Array; readonly view: DataView },
    start: number,
    options: { withBodies: boolean; streamName?: string | undefined },
  ) {
    this.#array = bytes.array;
    this.#view = bytes.view;
    this.#start = start;
    this.#withBodies = options.withBodies;
    this.#streamName = options.streamName;
  }

  /** The record with bytes of its own, which it shares with nothing. */
  copy(): LogRecord {
    const array = this.#array.slice(
      this.#start,
      this.#start + this.lengthBytes,
    );
    return new LogRecord(bytesOf(array), 0, {
      withBodies: this.#withBodies,
      streamName: this.#streamName,
    });
  }

  /** The record as a copy at a place of an array that is large enough. */
  copyTo(bytes: Bytes, start: number): LogRecord {
    bytes.array.set(this.bytes, start);
    return new LogRecord(bytes, start, {
      withBodies: this.#withBodies,
      streamName: this.#streamName,
    });
  }

  /** All of its bytes; a view. */
  get bytes(): Uint8Array {
    return this.#array.subarray(this.#start, this.#start + this.lengthBytes);
  }

  /** The record as a read without bodies gives it. */
  withoutBodies(): LogRecord {
    return new LogRecord(
      { array: this.#array, view: this.#view },
      this.#start,
      { withBodies: false, streamName: this.#streamName },
    );
  }

  get lengthBytes(): number {
    return this.#view.getUint32(this.#start, true);
  }
  get headerCrc(): number {
    return this.#view.getUint32(this.#start + 4, true);
  }
  get logPosition(): number {
    return getSafeUint64(this.#view, this.#start + 8);
  }
  get createdAtUs(): number {
    return getSafeUint64(this.#view, this.#start + 16);
  }
  get eventNumber(): number {
    return getSafeUint64(this.#view, this.#start + 24);
  }
  get categoryOrdinal(): number {
    return getOrdinal(this.#view, this.#start + 32);
  }
  get isInCategory(): boolean {
    return this.categoryOrdinal !== NO_ORDINAL;
  }
  get typeOrdinal(): number {
    return getOrdinal(this.#view, this.#start + 40);
  }
  get eventId(): string {
    return getUuid(this.#array, this.#start + EVENT_ID_OFFSET);
  }
  get previousCrc(): number {
    return this.#view.getUint32(this.#start + 64, true);
  }
  get indexInBatch(): number {
    return this.#view.getUint32(this.#start + 84, true);
  }
  get flags(): number {
    return this.#view.getUint8(this.#start + 88);
  }

  get inBatch(): PlaceInBatch {
    return {
      index: this.indexInBatch,
      isLast: (this.flags & FLAG_BATCH_END) !== 0,
      end: this.logPosition + this.lengthBytes,
    };
  }
  get isJson(): boolean {
    return (this.flags & FLAG_JSON) !== 0;
  }
  get streamsOrdinal(): number {
    return (this.flags & FLAG_FIRST) === 0
      ? NO_ORDINAL
      : getOrdinal(this.#view, this.#start + 92);
  }
  get categoryStreamsOrdinal(): number {
    return (this.flags & FLAG_FIRST) === 0
      ? NO_ORDINAL
      : getOrdinal(this.#view, this.#start + 100);
  }
  get streamName(): string {
    if (this.#streamName === undefined) {
      const start = this.#namesStart();
      this.#streamName = readName(
        this.#array,
        start,
        start + this.#view.getUint16(this.#start + 80, true),
      );
    }
    return this.#streamName;
  }
  get eventType(): string {
    const start = this.#namesStart() +
      this.#view.getUint16(this.#start + 80, true);
    return readName(
      this.#array,
      start,
      start + this.#view.getUint16(this.#start + 82, true),
    );
  }
  get data(): Uint8Array {
    if (!this.#withBodies) return EMPTY;
    const start = this.#bodyStart();
    return this.#array.subarray(
      start,
      start + this.#view.getUint32(this.#start + 72, true),
    );
  }
  get metadata(): Uint8Array {
    if (!this.#withBodies) return EMPTY;
    const start = this.#bodyStart() +
      this.#view.getUint32(this.#start + 72, true);
    return this.#array.subarray(
      start,
      start + this.#view.getUint32(this.#start + 76, true),
    );
  }
  /** Bytes of data and metadata. */
  get bodyBytes(): number {
    return this.#view.getUint32(this.#start + 72, true) +
      this.#view.getUint32(this.#start + 76, true);
  }

  /** Whether the record is of the stream and has the id. */
  hasId(eventIdBytes: Uint8Array): boolean {
    const start = this.#start + EVENT_ID_OFFSET;
    for (let index = 0; index < 16; index++) {
      if (this.#array[start + index] !== eventIdBytes[index]) return false;
    }
    return true;
  }

  /** Hash of the id in its stream, given the hash of the stream's name. */
  hashId(streamHash: number): number {
    return hashEventIdAt(streamHash, this.#view, this.#start + EVENT_ID_OFFSET);
  }

  /** Where its names stand: for checks that make no texts of them. */
  nameSpan(): NameSpan {
    const start = this.#namesStart();
    const nameEnd = start + this.#view.getUint16(this.#start + 80, true);
    return {
      array: this.#array,
      view: this.#view,
      start,
      nameEnd,
      typeEnd: nameEnd + this.#view.getUint16(this.#start + 82, true),
    };
  }

  #namesStart(): number {
    return this.#start + RECORD_HEADER_BYTES +
      ((this.flags & FLAG_FIRST) === 0 ? 0 : FIRST_ORDINALS_BYTES);
  }

  #bodyStart(): number {
    return this.#namesStart() + this.#view.getUint16(this.#start + 80, true) +
      this.#view.getUint16(this.#start + 82, true);
  }
}

function getOrdinal(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) === 0xffff_ffff
    ? NO_ORDINAL
    : getSafeUint64(view, offset);
}
