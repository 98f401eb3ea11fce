/**
 * Reads the records of a segment one after the other, in the order of the log
 * or against it. Every record is checked.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, bytesOf } from "./bytes.ts";
import { LogRecord } from "./log_record.ts";
import { checkRecord, RECORD_BYTES_MIN, type RecordFault } from "./record.ts";
import { offsetOf, type Segment } from "./segment.ts";

/** Most bytes that one read of several records takes. */
export const WINDOW_BYTES_MAX = 64 * 1024;

export interface RecordReadOptions {
  /** Whether data and metadata are read and checked. */
  readonly withBodies: boolean;
  /** Name of the stream of all records, if known. */
  readonly streamName?: string | undefined;
}

/**
 * Reads a segment's records one after the other, up to its `endPosition`.
 * Records stay valid: each chunk is read into memory of its own, unless the
 * scanner is told to use its memory again.
 */
export class RecordScanner {
  readonly #file: DiskFile;
  readonly #segment: Segment;
  readonly #chunkBytes: number;
  #memory: Bytes | undefined;
  #bytes: Bytes = bytesOf(new Uint8Array(0));
  /** Log position of the first byte of `#bytes`. */
  #bytesPosition: number;
  /** Log position of the next record. */
  position: number;

  constructor(
    file: DiskFile,
    segment: Segment,
    position: number,
    chunkBytes = WINDOW_BYTES_MAX,
    { isReused = false }: {
      /** Whether a record only has to hold until the next one is asked for. */
      readonly isReused?: boolean;
    } = {},
  ) {
    this.#file = file;
    this.#segment = segment;
    this.#chunkBytes = chunkBytes;
    if (isReused) this.#memory = bytesOf(new Uint8Array(chunkBytes));
    this.#bytesPosition = position;
    this.position = position;
  }

  /**
   * The next record.
   *
   * @returns `undefined` at the end; what is wrong when it is not whole.
   */
  next(options: RecordReadOptions): LogRecord | RecordFault | undefined {
    const left = this.#segment.endPosition - this.position;
    if (left <= 0) return undefined;
    let at = this.position - this.#bytesPosition;
    const available = this.#bytes.array.length - at;
    // A scan reads on by whole records, so all of each one must be there.
    const lengthBytes = available >= 4
      ? this.#bytes.view.getUint32(at, true)
      : RECORD_BYTES_MIN;
    if (lengthBytes > left || left < RECORD_BYTES_MIN) return "short";
    if (available < Math.max(lengthBytes, RECORD_BYTES_MIN)) {
      this.#fill(Math.max(lengthBytes, RECORD_BYTES_MIN), left);
      at = 0;
      // The file may be shorter than it was.
      if (this.#bytes.array.length < RECORD_BYTES_MIN) return "short";
      const actual = this.#bytes.view.getUint32(0, true);
      if (actual > left) return "short";
      if (actual > this.#bytes.array.length) this.#fill(actual, left);
    }
    const fault = faultAt(this.#bytes, at, this.position, options);
    if (fault !== undefined) return fault;
    const record = new LogRecord(this.#bytes, at, options);
    this.position += record.lengthBytes;
    return record;
  }

  #fill(neededBytes: number, leftBytes: number): void {
    this.#bytes = readUpTo(
      this.#file,
      offsetOf(this.#segment, this.position),
      Math.min(Math.max(neededBytes, this.#chunkBytes), leftBytes),
      this.#memory,
    );
    this.#bytesPosition = this.position;
  }
}

/** Reads a segment's records one after the other, towards its start. */
export class BackwardScanner {
  readonly #file: DiskFile;
  readonly #segment: Segment;
  #bytes: Bytes = bytesOf(new Uint8Array(0));
  /** Log position of the first byte of `#bytes`. */
  #bytesPosition: number;
  /** Log position after the next record: where it ends. */
  position: number;

  constructor(file: DiskFile, segment: Segment, position: number) {
    this.#file = file;
    this.#segment = segment;
    this.#bytesPosition = position;
    this.position = position;
  }

  /**
   * The record that ends at `position`.
   *
   * @returns `undefined` at the segment's start; what is wrong when no whole
   * record ends there.
   */
  next(options: RecordReadOptions): LogRecord | RecordFault | undefined {
    const left = this.position - this.#segment.startPosition;
    if (left <= 0) return undefined;
    if (left < RECORD_BYTES_MIN) return "short";
    if (this.position - this.#bytesPosition < 4) this.#fill(4, left);
    if (this.#isShort) return "short";
    const lengthBytes = this.#bytes.view.getUint32(
      this.position - this.#bytesPosition - 4,
      true,
    );
    if (lengthBytes < RECORD_BYTES_MIN || lengthBytes > left) {
      return "badLength";
    }
    if (this.position - this.#bytesPosition < lengthBytes) {
      this.#fill(lengthBytes, left);
      if (this.#isShort) return "short";
    }
    const start = this.position - lengthBytes;
    const at = start - this.#bytesPosition;
    const fault = checkRecord(this.#bytes, at, {
      available: lengthBytes,
      position: start,
      withBody: options.withBodies,
    });
    if (fault !== undefined) return fault;
    this.position = start;
    return new LogRecord(this.#bytes, at, options);
  }

  /** Whether the file ends before the bytes that were to be read. */
  get #isShort(): boolean {
    return this.#bytes.array.length < this.position - this.#bytesPosition;
  }

  #fill(neededBytes: number, leftBytes: number): void {
    const byteCount = Math.min(
      Math.max(neededBytes, WINDOW_BYTES_MAX),
      leftBytes,
    );
    this.#bytesPosition = this.position - byteCount;
    this.#bytes = readUpTo(
      this.#file,
      offsetOf(this.#segment, this.#bytesPosition),
      byteCount,
    );
  }
}

/**
 * Reads up to `length` bytes; fewer only where the file ends.
 *
 * @param into Memory to use, for reads that are over before the next one; what
 * is read must be copied to be kept. Default: memory of its own.
 */
export function readUpTo(
  file: DiskFile,
  offset: number,
  length: number,
  into?: Bytes,
): Bytes {
  const array = into === undefined || into.array.length < length
    ? new Uint8Array(length)
    : into.array.subarray(0, length);
  let have = 0;
  while (have < length) {
    const count = file.readAt(
      have === 0 ? array : array.subarray(have),
      offset + have,
    );
    if (count === 0) return bytesOf(array.subarray(0, have));
    have += count;
  }
  return array.buffer === into?.array.buffer
    ? { array, view: into.view }
    : bytesOf(array);
}

/** The fault of the record at a place of an array. */
export function faultAt(
  bytes: Bytes,
  at: number,
  position: number,
  options: RecordReadOptions,
): RecordFault | undefined {
  return checkRecord(bytes, at, {
    available: bytes.array.length - at,
    position,
    withBody: options.withBodies,
  });
}
