/**
 * Log records: one framed, checksummed event in a segment.
 *
 * ```
 *   0 ├ u32 length of the whole record
 *   4 ├ u32 CRC-32 of the header: bytes 8 to the end of the names
 *   8 ├ u64 log position of the record
 *  16 ├ u64 time, microseconds since 1970
 *  24 ├ u64 event number (2⁶³ − 1 for a tombstone)
 *  32 ├ u64 ordinal in the list of its category  (2⁶⁴ − 1: in none)
 *  40 ├ u64 ordinal in the list of its type      (2⁶⁴ − 1: in none)
 *  48 ├ 16  event id
 *  64 ├ u32 header CRC of the record before, in this segment
 *  68 ├ u32 CRC-32 of the body: data, then metadata
 *  72 ├ u32 length of data
 *  76 ├ u32 length of metadata
 *  80 ├ u16 length of the stream name
 *  82 ├ u16 length of the event type
 *  84 ├ u32 index in its batch
 *  88 ├ u8  flags
 *  89 ├ u8  0
 *  90 ├ u16 0
 *  92 ├ u64 ordinal in `$streams`            (only with FLAG_FIRST)
 * 100 ├ u64 ordinal in `$category-…`         (only with FLAG_FIRST)
 *     ├ stream name, event type                       UTF-8
 *     ├ data, metadata
 *     └ u32 length of the whole record, to read backwards
 * ```
 *
 * Numbers are little-endian. Invariants: the position says where the record
 * belongs, so one read from the wrong place is noticed; the chain of header
 * CRCs covers every byte before, so a missing or swapped record is noticed;
 * the records of one append are a batch, of which the last has `FLAG_BATCH_END`;
 * neither a record nor a batch spans segments.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import { bytesAtMost, encodeUtf8Into } from "../../lib/text/utf8.ts";
import type { DiskFile } from "../disk/disk.ts";
import {
  getSafeUint64,
  type GrowingBytes,
  setSafeUint64,
  setUuid,
} from "./bytes.ts";

/** Where in a record its event id is. */
export const EVENT_ID_OFFSET = 48;
const EVENT_ID_BYTES = 16;
/** Size of a record's header without names and first ordinals. */
export const RECORD_HEADER_BYTES = 92;
/** Size of the ordinals that only a stream's first event has. */
export const FIRST_ORDINALS_BYTES = 16;
/** More than a header with the longest names that there may be has. */
export const RECORD_HEADER_BYTES_MAX = 8 * 1024;
const TRAILER_BYTES = 4;
/** Length of the shortest record there can be. */
export const RECORD_BYTES_MIN = RECORD_HEADER_BYTES + TRAILER_BYTES;

/** Clients see the data as JSON. */
export const FLAG_JSON = 1;
/** Last record of its batch. */
export const FLAG_BATCH_END = 2;
/** First event of its stream: two more ordinals follow the header. */
export const FLAG_FIRST = 4;
/** Tombstone: the stream is gone for ever. */
export const FLAG_TOMBSTONE = 8;

/** Ordinal of an event that a list does not hold. */
export const NO_ORDINAL = -1;

/** The fields of a record besides the event that a client proposed. */
export interface RecordFields {
  readonly logPosition: number;
  readonly createdAtUs: number;
  readonly eventNumber: number;
  readonly eventId: string;
  /** The id's bytes, if they are at hand, from `eventIdOffset` on. */
  readonly eventIdBytes?: Uint8Array | undefined;
  readonly eventIdOffset?: number | undefined;
  readonly streamName: string;
  readonly eventType: string;
  readonly data: string | Uint8Array;
  readonly metadata: string | Uint8Array;
  /** `FLAG_…` bits. */
  readonly flags: number;
  readonly indexInBatch: number;
  /** Header CRC of the record before; the segment header's for the first. */
  readonly previousCrc: number;
  readonly categoryOrdinal: number;
  readonly typeOrdinal: number;
  /** Used only with `FLAG_FIRST`. */
  readonly streamsOrdinal: number;
  readonly categoryStreamsOrdinal: number;
}

/** Bytes that the record of an event takes at most; its texts are not counted. */
export function recordBytesMax(
  streamName: string,
  { eventType, data, metadata }: Pick<
    RecordFields,
    "eventType" | "data" | "metadata"
  >,
): number {
  return RECORD_HEADER_BYTES + FIRST_ORDINALS_BYTES + TRAILER_BYTES +
    bytesAtMost(streamName) + bytesAtMost(eventType) + bytesAtMost(data) +
    bytesAtMost(metadata);
}

/**
 * Appends a record to `out`.
 *
 * @returns The record's header CRC.
 */
export function encodeRecord(out: GrowingBytes, fields: RecordFields): number {
  const { streamName, eventType, data, metadata } = fields;
  const isFirst = (fields.flags & FLAG_FIRST) !== 0;
  const headerBytes = RECORD_HEADER_BYTES +
    (isFirst ? FIRST_ORDINALS_BYTES : 0);
  out.reserve(recordBytesMax(streamName, fields));
  const start = out.length;
  const { array, view } = out;
  const namesStart = start + headerBytes;
  const nameBytes = write(array, namesStart, streamName);
  const typeBytes = write(array, namesStart + nameBytes, eventType);
  const bodyStart = namesStart + nameBytes + typeBytes;
  const dataBytes = write(array, bodyStart, data);
  const metadataBytes = write(array, bodyStart + dataBytes, metadata);
  const at = bodyStart + dataBytes + metadataBytes;
  const lengthBytes = at + TRAILER_BYTES - start;

  view.setUint32(start, lengthBytes, true);
  setSafeUint64(view, start + 8, fields.logPosition);
  setSafeUint64(view, start + 16, fields.createdAtUs);
  setEventNumber(view, start + 24, fields.eventNumber);
  setOrdinal(view, start + 32, fields.categoryOrdinal);
  setOrdinal(view, start + 40, fields.typeOrdinal);
  putEventId(array, start + EVENT_ID_OFFSET, fields);
  view.setUint32(start + 64, fields.previousCrc, true);
  // Of data that is bytes already no view has to be made.
  const bodyCrc = at === bodyStart
    ? 0
    : metadataBytes === 0 && typeof data !== "string"
    ? crc32(data)
    : crc32(array.subarray(bodyStart, at));
  view.setUint32(start + 68, bodyCrc, true);
  view.setUint32(start + 72, dataBytes, true);
  view.setUint32(start + 76, metadataBytes, true);
  view.setUint16(start + 80, nameBytes, true);
  view.setUint16(start + 82, typeBytes, true);
  view.setUint32(start + 84, fields.indexInBatch, true);
  view.setUint32(start + 88, fields.flags, true);
  if (isFirst) {
    setOrdinal(view, start + 92, fields.streamsOrdinal);
    setOrdinal(view, start + 100, fields.categoryStreamsOrdinal);
  }
  const headerCrc = crc32(array.subarray(start + 8, bodyStart));
  view.setUint32(start + 4, headerCrc, true);
  view.setUint32(at, lengthBytes, true);
  out.length = at + TRAILER_BYTES;
  return headerCrc;
}

/** Writes an event's id as 16 bytes. */
export function putEventId(
  array: Uint8Array,
  offset: number,
  event: Pick<RecordFields, "eventId" | "eventIdBytes" | "eventIdOffset">,
): void {
  const { eventIdBytes, eventIdOffset = 0 } = event;
  if (eventIdBytes === undefined) {
    setUuid(array, offset, event.eventId);
    return;
  }
  for (let index = 0; index < EVENT_ID_BYTES; index++) {
    array[offset + index] = eventIdBytes[eventIdOffset + index] ?? 0;
  }
}

/** Texts up to this long are written by a loop: a call takes longer. */
const LOOP_CHARACTERS_MAX = 64;

/** Writes a value at `offset`; returns how many bytes it took. */
function write(
  array: Uint8Array,
  offset: number,
  value: string | Uint8Array,
): number {
  const { length } = value;
  if (length === 0) return 0;
  if (typeof value !== "string") {
    array.set(value, offset);
    return length;
  }
  let index = 0;
  if (length <= LOOP_CHARACTERS_MAX) {
    for (; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) break;
      array[offset + index] = code;
    }
    if (index === length) return length;
  }
  return encodeUtf8Into(value, array.subarray(offset));
}

function setEventNumber(view: DataView, offset: number, value: number): void {
  if (value >= TOMBSTONE_EVENT_NUMBER) {
    view.setUint32(offset, 0xffff_ffff, true);
    view.setUint32(offset + 4, 0x7fff_ffff, true);
  } else setSafeUint64(view, offset, value);
}

function setOrdinal(view: DataView, offset: number, value: number): void {
  if (value < 0) {
    view.setUint32(offset, 0xffff_ffff, true);
    view.setUint32(offset + 4, 0xffff_ffff, true);
  } else setSafeUint64(view, offset, value);
}

/** The fault of the bytes where a record should be. */
export type RecordFault =
  | "short"
  | "badLength"
  | "badHeader"
  | "badPosition"
  | "badBody"
  | "badPlaces";

/** Bytes of the whole record at `start`. */
export function lengthOfRecord(view: DataView, start: number): number {
  return view.getUint32(start, true);
}

/** Bytes of a record's header, names included. The fixed part must be there. */
function headerEndOf(view: DataView, start: number): number {
  const isFirst = (view.getUint8(start + 88) & FLAG_FIRST) !== 0;
  return RECORD_HEADER_BYTES + (isFirst ? FIRST_ORDINALS_BYTES : 0) +
    view.getUint16(start + 80, true) + view.getUint16(start + 82, true);
}

/**
 * Checks the record at `start` of an array that holds `available` bytes from
 * there on.
 *
 * @param position The log position that the record must have.
 * @returns `undefined` when it is whole, `"short"` when the array ends inside
 * the part that is to be checked, otherwise what is wrong.
 */
export function checkRecord(
  bytes: { readonly array: Uint8Array; readonly view: DataView },
  start: number,
  options: { available: number; position: number; withBody: boolean },
): RecordFault | undefined {
  const { array, view } = bytes;
  const { available, position, withBody } = options;
  if (available < RECORD_HEADER_BYTES) return "short";
  const lengthBytes = view.getUint32(start, true);
  if (lengthBytes < RECORD_BYTES_MIN) return "badLength";
  if (getSafeUint64(view, start + 8) !== position) return "badPosition";
  const headerEnd = headerEndOf(view, start);
  const bodyEnd = headerEnd + view.getUint32(start + 72, true) +
    view.getUint32(start + 76, true);
  if (bodyEnd + TRAILER_BYTES !== lengthBytes) return "badLength";
  if (available < headerEnd) return "short";
  const headerCrc = crc32(array.subarray(start + 8, start + headerEnd));
  if (view.getUint32(start + 4, true) !== headerCrc) return "badHeader";
  if (!withBody) return undefined;
  if (available < lengthBytes) return "short";
  const bodyCrc = bodyEnd === headerEnd
    ? 0
    : crc32(array.subarray(start + headerEnd, start + bodyEnd));
  if (view.getUint32(start + 68, true) !== bodyCrc) return "badBody";
  if (view.getUint32(start + bodyEnd, true) !== lengthBytes) return "badLength";
  return undefined;
}

/** Steps by which the file grows. */
export const PREALLOCATION_STEP_BYTES = 64 * 1024;

const ZEROS = Buffer.alloc(PREALLOCATION_STEP_BYTES);

/** Whether nothing but zeros stands in a file from `offset` on. */
export function isPreallocated(file: DiskFile, offset: number): boolean {
  const chunk = Buffer.alloc(PREALLOCATION_STEP_BYTES);
  for (let at = offset;;) {
    const count = file.readAt(chunk, at);
    if (count === 0) return true;
    if (chunk.compare(ZEROS, 0, count, 0, count) !== 0) return false;
    at += count;
  }
}
