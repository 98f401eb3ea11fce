/**
 * Records that were read lately, checked and with their bodies, at most about
 * `bytesMax`. A record is kept when it is read for the second time within a
 * while: one that nobody asks for again is garbage at once, not when it has
 * grown old. Two generations: a record that was not asked for while a whole
 * generation filled is dropped.
 *
 * @module
 */

import type { LogRecord } from "./log_record.ts";

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
 * What a cached record takes besides its bytes: measured as 390 of the heap and
 * of buffers, and what their allocator rounds up.
 */
const ENTRY_OVERHEAD_BYTES = 450;
