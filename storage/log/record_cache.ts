/**
 * Records that were read lately, checked and with their bodies, at most about
 * `bytesMax`. Two generations: a record that was not asked for while a whole
 * generation filled is dropped.
 *
 * @module
 */

import type { LogRecord } from "./log_record.ts";

/** Larger records are read each time: a few would fill the cache. */
export const CACHED_RECORD_BYTES_MAX = 64 * 1024;

export class RecordCache {
  readonly #generationBytesMax: number;
  /** By log position. */
  #young = new Map<number, LogRecord>();
  #youngBytes = 0;
  #old = new Map<number, LogRecord>();
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

  /** Keeps a record of at most that length, whose bytes must be its own. */
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
