/**
 * Who is told what could not be read of a segment.
 *
 * @module
 */

import type { LogRecord } from "../log/log_record.ts";
import type { ListEnd } from "../log/remains.ts";

/** Is told what cannot be read. */
export interface LossSink {
  /** Positions [from, to) have no record that could be read. */
  lost(from: number, to: number): void;
  /** A record of which the header alone could be read. */
  lostRecord(record: LogRecord): void;
  /** Of a segment whose header is damaged: where a list ended in it. */
  listEnd?(end: ListEnd): void;
  /** Of one: no record of it was missed. */
  complete?(): void;
}
