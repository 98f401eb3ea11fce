/**
 * Reads records of segments: one by its place, many of a page in few reads,
 * or all in order. Every record is checked before anybody sees it; damage
 * throws `corruptRecord` and is never served.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { CacheStatus } from "../../lib/store/maintenance.ts";
import { type Bytes, bytesOf } from "./bytes.ts";
import { LogRecord } from "./log_record.ts";
import { RECORD_BYTES_MIN, type RecordFault } from "./record.ts";
import {
  BackwardScanner,
  faultAt,
  readUpTo,
  type RecordReadOptions,
  RecordScanner,
  WINDOW_BYTES_MAX,
} from "./record_scanner.ts";
import {
  BackwardScavengedScanner,
  findRemaining,
  type FoundIn,
  ScavengedScanner,
} from "./scavenged_scanner.ts";
import { offsetOf, type OpenFiles, type Segment } from "./segment.ts";
import type { LogFault } from "./segment_file.ts";

/** Most records fit in it. */
const SINGLE_READ_BYTES = 2048;
/** First read of a record, if those before it were short. */
const SHORT_READ_BYTES = 512;
/** By how much the expected length falls from record to record. */
const SHORTER_BY_BYTES = 16;
/** Records that lie further apart are read separately. */
const WINDOW_GAP_BYTES_MAX = 8 * 1024;

/** Pages up to this long are kept in the cache; longer ones are scans. */
const CACHED_PAGE_MAX = 32;

/** Reads records one after the other; see `RecordScanner`. */
interface RecordScan {
  readonly position: number;
  next(options: RecordReadOptions): LogRecord | RecordFault | undefined;
}

export class RecordReader {
  readonly #files: OpenFiles;
  readonly #cache: RecordCache;
  readonly #onDamage: (position: number, message: string) => void;
  /** Memory for reads of one record, and of several; records are copied out. */
  readonly #single = bytesOf(new Uint8Array(SINGLE_READ_BYTES));
  readonly #short = bytesOf(new Uint8Array(SHORT_READ_BYTES));
  readonly #window = bytesOf(new Uint8Array(WINDOW_BYTES_MAX));
  readonly #copies = new RecordCopies();
  /** About how long the longest records of the last ones were. */
  #likelyBytes = SINGLE_READ_BYTES;
  /** The last read of a scavenged segment. */
  #foundIn: FoundIn | undefined;

  /** @param options `onDamage` is told of each record that is not whole. */
  constructor(
    options: {
      readonly files: OpenFiles;
      readonly cacheBytes: number;
      readonly onDamage?: (position: number, message: string) => void;
    },
  ) {
    this.#files = options.files;
    this.#onDamage = options.onDamage ?? (() => {});
    this.#cache = new RecordCache(options.cacheBytes);
  }

  /** How often a record was in memory. */
  get cacheStatus(): CacheStatus {
    const { hits, misses } = this.#cache;
    return { hits, misses };
  }

  /**
   * Reads the record at a log position, which must be below `endPosition`.
   *
   * @throws {QuipuError} `corruptRecord` if it is not whole.
   */
  read(
    segment: Segment,
    position: number,
    options: RecordReadOptions,
  ): LogRecord {
    const cached = this.#cache.get(position);
    if (cached !== undefined) return asAsked(cached, options);
    return this.#readFromFile(segment, position, options);
  }

  /**
   * Reads the records at log positions of one segment, in the given order.
   * Neighbours in the file are read together.
   */
  readMany(
    segment: Segment,
    positions: readonly number[],
    options: RecordReadOptions,
    visit: (record: LogRecord, index: number) => boolean,
  ): void {
    if (segment.scavenged !== undefined) {
      for (let index = 0; index < positions.length; index++) {
        const record = this.read(segment, positions[index] ?? 0, options);
        if (!visit(record, index)) return;
      }
      return;
    }
    const isCached = positions.length <= CACHED_PAGE_MAX;
    for (let start = 0; start < positions.length;) {
      const cached = isCached
        ? this.#cache.get(positions[start] ?? 0)
        : undefined;
      if (cached !== undefined) {
        if (!visit(asAsked(cached, options), start)) return;
        start++;
        continue;
      }
      const window = windowFrom(positions, start);
      const bytes = this.#readWindow(segment, window, isCached);
      for (let index = start; index < window.end; index++) {
        const position = positions[index] ?? 0;
        const record = this.#recordIn(
          bytes,
          position - window.low,
          position,
          isCached ? { ...options, withBodies: true } : options,
        );
        // A record that the window cuts off, or a damaged one, is read by itself.
        const read = record === undefined
          ? this.read(segment, position, options)
          : isCached
          ? asAsked(this.#take(position, record), options)
          : record;
        if (!visit(read, index)) return;
      }
      start = window.end;
    }
  }

  /** @param isCopied Whether no record is kept but as a copy. */
  #readWindow(segment: Segment, window: Window, isCopied: boolean): Bytes {
    const byteCount = Math.min(
      window.high - window.low + SINGLE_READ_BYTES,
      segment.endPosition - window.low,
    );
    const file = this.#files.open(segment.path);
    return readUpTo(
      file,
      offsetOf(segment, window.low),
      byteCount,
      isCopied ? this.#window : undefined,
    );
  }

  #recordIn(
    bytes: Bytes,
    at: number,
    position: number,
    options: RecordReadOptions,
  ): LogRecord | undefined {
    return faultAt(bytes, at, position, options) === undefined
      ? new LogRecord(bytes, at, options)
      : undefined;
  }

  #readFromFile(
    segment: Segment,
    position: number,
    options: RecordReadOptions,
  ): LogRecord {
    const file = this.#files.open(segment.path);
    if (segment.scavenged !== undefined) {
      const found = findRemaining(
        file,
        segment,
        position,
        options,
        this.#foundIn,
      );
      if (typeof found === "string") {
        throw this.corrupt(segment, position, found);
      }
      const { foundIn, record } = found;
      this.#foundIn = foundIn.stretch.bytes.array.length <= WINDOW_BYTES_MAX
        ? foundIn
        : undefined;
      return options.withBodies ? this.#take(position, record) : record.copy();
    }
    const offset = offsetOf(segment, position);
    const left = segment.endPosition - position;
    const memory = this.#likelyBytes <= SHORT_READ_BYTES
      ? this.#short
      : this.#single;
    const first = readUpTo(
      file,
      offset,
      Math.min(memory.array.length, left),
      memory,
    );
    let fault = faultAt(first, 0, position, options);
    let record = fault === undefined
      ? new LogRecord(first, 0, options)
      : undefined;
    if (fault === "short" && first.array.length >= 4) {
      // The length may be damaged: it counts only as far as the log goes.
      const lengthBytes = first.view.getUint32(0, true);
      if (lengthBytes <= left) {
        const whole = readUpTo(file, offset, lengthBytes);
        fault = faultAt(whole, 0, position, options);
        if (fault === undefined) record = new LogRecord(whole, 0, options);
      }
    }
    if (record === undefined) {
      throw this.corrupt(segment, position, fault ?? "short");
    }
    const { lengthBytes } = record;
    this.#likelyBytes = Math.max(
      lengthBytes,
      this.#likelyBytes - SHORTER_BY_BYTES,
    );
    if (options.withBodies) return this.#take(position, record);
    return record.copy();
  }

  /** The error for a committed record that is damaged, which it tells of. */
  corrupt(segment: Segment, position: number, fault: LogFault): QuipuError {
    // In a scavenged segment records stand elsewhere; verify tells where.
    const place = segment.scavenged === undefined
      ? ` at offset ${offsetOf(segment, position)}`
      : "";
    const message = `Cannot read the record at position ${position}: ${fault}` +
      ` in segment ${segment.number}${place}`;
    this.#onDamage(position, message);
    return new QuipuError("corruptRecord", message);
  }

  /**
   * A copy of a record that was read with its bodies. It is kept for the next
   * one who asks if this is not the first.
   */
  #take(position: number, record: LogRecord): LogRecord {
    if (!this.#cache.isWanted(position, record.lengthBytes)) {
      return this.#copies.of(record);
    }
    const copy = record.copy();
    this.#cache.set(position, copy);
    return copy;
  }

  /**
   * Position of the record that ends at `position`: the one before it.
   *
   * @returns `undefined` when no record ends there.
   */
  positionBefore(segment: Segment, position: number): number | undefined {
    if (position < segment.startPosition + RECORD_BYTES_MIN) return undefined;
    if (segment.scavenged !== undefined) {
      const record = this.scanBack(segment, position).next({
        withBodies: false,
      });
      if (record === undefined || typeof record === "string") return undefined;
      const { logPosition, lengthBytes } = record;
      return logPosition + lengthBytes === position ? logPosition : undefined;
    }
    const trailer = readUpTo(
      this.#files.open(segment.path),
      offsetOf(segment, position) - 4,
      4,
    );
    if (trailer.array.length < 4) return undefined;
    const lengthBytes = trailer.view.getUint32(0, true);
    const before = position - lengthBytes;
    // Any bytes may point at a record; only its own end is as far from it.
    return this.#lengthAt(segment, before) === lengthBytes ? before : undefined;
  }

  /** Whether a record with a whole header stands at the position. */
  isRecordAt(segment: Segment, position: number): boolean {
    return this.#lengthAt(segment, position) !== undefined;
  }

  /** Length of the record at the position; undefined if there is none. */
  #lengthAt(segment: Segment, position: number): number | undefined {
    const left = segment.endPosition - position;
    if (position < segment.startPosition || left < RECORD_BYTES_MIN) {
      return undefined;
    }
    const bytes = readUpTo(
      this.#files.open(segment.path),
      offsetOf(segment, position),
      Math.min(SINGLE_READ_BYTES, left),
      this.#single,
    );
    const isWhole =
      faultAt(bytes, 0, position, { withBodies: false }) === undefined;
    return isWhole ? bytes.view.getUint32(0, true) : undefined;
  }

  /**
   * Reads on from a record of the segment, in the order of the log. In a
   * scavenged segment any position will do.
   */
  scan(segment: Segment, position: number): RecordScan {
    const file = this.#files.open(segment.path);
    return segment.scavenged === undefined
      ? new RecordScanner(file, segment, position)
      : new ScavengedScanner(file, segment, position);
  }

  /**
   * Reads back from the end of a record of the segment. In a scavenged segment
   * any position will do.
   */
  scanBack(segment: Segment, position: number): RecordScan {
    const file = this.#files.open(segment.path);
    return segment.scavenged === undefined
      ? new BackwardScanner(file, segment, position)
      : new BackwardScavengedScanner(file, segment, position);
  }
}

/** Positions of a page that are read at once. */
interface Window {
  /** Index after the last of them. */
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

/** A cached record, with bodies only if they were asked for. */
function asAsked(record: LogRecord, options: RecordReadOptions): LogRecord {
  return options.withBodies ? record : record.withoutBodies();
}

/** Positions from `start` on that lie close together: [start, end). */
function windowFrom(
  positions: readonly number[],
  start: number,
): Window {
  let last = positions[start] ?? 0;
  let low = last;
  let high = last;
  let end = start + 1;
  for (; end < positions.length; end++) {
    const position = positions[end] ?? 0;
    if (Math.abs(position - last) > WINDOW_GAP_BYTES_MAX) break;
    const newLow = Math.min(low, position);
    const newHigh = Math.max(high, position);
    if (newHigh - newLow + SINGLE_READ_BYTES > WINDOW_BYTES_MAX) break;
    low = newLow;
    high = newHigh;
    last = position;
  }
  return { end, low, high };
}

/** Larger records are read each time: a few would fill the cache. */
export const CACHED_RECORD_BYTES_MAX = 64 * 1024;

/** Records that are remembered as read; a power of two. */
const SEEN_COUNT = 32 * 1024;

export class RecordCache {
  readonly #generationBytesMax: number;
  /** By log position. */
  #young = new Map<number, LogRecord>();
  #youngBytes = 0;
  #old = new Map<number, LogRecord>();
  /**
   * Positions after the starts of records that were read lately, each at its
   * place; 0 for none: of an idle server's table no page is ever touched.
   */
  readonly #seen = new Float64Array(SEEN_COUNT);
  /** How often it had what was asked for, and how often not. */
  hits = 0;
  misses = 0;

  constructor(bytesMax: number) {
    this.#generationBytesMax = bytesMax / 2;
  }

  get(position: number): LogRecord | undefined {
    const young = this.#young.get(position);
    if (young !== undefined) {
      this.hits++;
      return young;
    }
    const old = this.#old.get(position);
    if (old === undefined) this.misses++;
    else {
      this.hits++;
      this.set(position, old);
    }
    return old;
  }

  /** Whether a record that is read now is worth keeping. */
  isWanted(position: number, lengthBytes: number): boolean {
    if (lengthBytes > CACHED_RECORD_BYTES_MAX) return false;
    const folded = (position >>> 0) ^ Math.imul(position / 2 ** 32, 0x9e37);
    const place = (Math.imul(folded, 0x2c1b_3c6d) >>> 15) & (SEEN_COUNT - 1);
    if (this.#seen[place] === position + 1) return true;
    this.#seen[place] = position + 1;
    return false;
  }

  /** Keeps a record, whose bytes must be its own. */
  set(position: number, record: LogRecord): void {
    const { lengthBytes } = record;
    if (this.#youngBytes + lengthBytes > this.#generationBytesMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(position, record);
    this.#youngBytes += lengthBytes + ENTRY_OVERHEAD_BYTES;
  }
}

/**
 * Memory of a cached record besides its bytes: measured as 390 of the heap and
 * of buffers, and what their allocator rounds up.
 */
const ENTRY_OVERHEAD_BYTES = 450;

const SLAB_BYTES = 64 * 1024;
/** Longer records get an array of their own. */
const CUT_BYTES_MAX = 8 * 1024;

/** Makes copies. */
class RecordCopies {
  #slab: Bytes = bytesOf(new Uint8Array(0));
  #used = 0;

  /** A copy of a record, which shares its memory with none that is reused. */
  of(record: LogRecord): LogRecord {
    const { lengthBytes } = record;
    if (lengthBytes > CUT_BYTES_MAX) return record.copy();
    if (this.#used + lengthBytes > this.#slab.array.length) {
      this.#slab = bytesOf(new Uint8Array(SLAB_BYTES));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += lengthBytes;
    return record.copyTo(this.#slab, start);
  }
}
