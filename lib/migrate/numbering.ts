/**
 * Numbers that are missing in a stream of the source. A stream may begin with
 * any number; one that is missing later, because a scavenge removed it from
 * some files and not from others, is filled with an event that says so: a store
 * has no gaps between numbers. The source hides these numbers, by the stream's
 * metadata, and so does the destination.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import type { NumberedEvent } from "../store/transfer.ts";
import { MigrationError } from "./errors.ts";

/** Type of an event in place of one that is gone. */
export const MISSING_TYPE = "$missing";

/** Numbers that are filled at a time. */
const FILLED_MAX = 100_000;

/** Follows the numbers of all streams. */
export class Numbering {
  /** Number that each stream goes on with. */
  readonly #nexts = new Map<string, number>();
  /** Events that were put in place of missing ones. */
  filledCount = 0;

  /**
   * The events, with others in place of those that are missing between them.
   *
   * @throws {MigrationError} If too many are missing, or one comes twice.
   */
  fill(events: readonly NumberedEvent[]): readonly NumberedEvent[] {
    const filled: NumberedEvent[] = [];
    for (const event of events) {
      const { streamName, eventNumber } = event;
      if (eventNumber < TOMBSTONE_EVENT_NUMBER) {
        const next = this.#nexts.get(streamName) ?? eventNumber;
        if (eventNumber - next > FILLED_MAX || eventNumber < next) {
          throw new MigrationError(
            `The source has ${JSON.stringify(streamName)} with number ` +
              `${eventNumber} where ${next} is the next one: ` +
              (eventNumber < next
                ? "events come twice"
                : "more are missing than can be filled"),
          );
        }
        for (let number = next; number < eventNumber; number++) {
          filled.push(missing(event, number));
        }
        this.filledCount += eventNumber - next;
        this.#nexts.set(streamName, eventNumber + 1);
      }
      filled.push(event);
    }
    return filled;
  }
}

/** Always the same one for the same place. */
function missing(
  { streamName, createdAtUs }: NumberedEvent,
  eventNumber: number,
): NumberedEvent {
  const hash = createHash("sha256")
    .update(`${eventNumber}@${streamName}`).digest("hex");
  const eventId = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8` +
    `${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return {
    streamName,
    eventNumber,
    createdAtUs,
    event: {
      eventId,
      eventType: MISSING_TYPE,
      isJson: false,
      data: "",
      metadata: "",
    },
  };
}
