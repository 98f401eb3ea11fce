/**
 * Records that are whole and contradict those before them: a number or ordinal
 * that is not the next one, a time that goes back. They never keep a store from
 * opening (see `index/ordinal_rule.ts`); it says that they are there.
 *
 * @module
 */

import type { Logger } from "../../lib/model/logger.ts";
import type { LogRecord } from "../log/log_record.ts";

/** How many there are, and where the first one is. */
export class Contradictions {
  #last = -1;
  #first: { readonly position: number; readonly text: string } | undefined;
  count = 0;

  /** Counts a record, once. */
  add({ logPosition, eventNumber, streamName }: LogRecord): void {
    if (logPosition === this.#last) return;
    this.#last = logPosition;
    this.#first ??= {
      position: logPosition,
      text: `event ${eventNumber} of "${streamName}"`,
    };
    this.count++;
  }

  /** Says it aloud. */
  tell(logger: Logger): void {
    if (this.#first === undefined) return;
    logger.warn("store.contradictions", {
      count: this.count,
      firstPosition: this.#first.position,
      first: this.#first.text,
      hint: "quipu repair gives such records the next numbers",
    });
  }
}
