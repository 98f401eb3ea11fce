/**
 * Copies of records that are used soon and then forgotten. They are cut from
 * larger arrays: an array for each takes as long to make, and to collect, as
 * it takes to read the record.
 *
 * Nobody keeps such a record for long: it would hold all those beside it.
 *
 * @module
 */

import { type Bytes, bytesOf } from "./bytes.ts";
import type { LogRecord } from "./log_record.ts";

const SLAB_BYTES = 64 * 1024;
/** Longer records get an array of their own. */
const CUT_BYTES_MAX = 8 * 1024;

/** Makes copies. */
export class RecordCopies {
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
