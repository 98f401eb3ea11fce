/**
 * What is wrong with the events of a request, in the texts of the original
 * (spec: streams §2), and the bounds of one event.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ProposedEvent } from "../model/event.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import { describeBytes, malformed, Refusal } from "./refusal.ts";

/** The body is not what its type promises. */
export function invalidBody(): Refusal {
  return malformed("Write request body invalid.");
}

/** The body nests deeper than `LIMITS` allows. */
export function nestedTooDeeply(): Refusal {
  return malformed("Write request body invalid. It is nested too deeply.");
}

/** An event has no id. */
export function emptyEventId(): Refusal {
  return malformed("Empty eventId provided.");
}

/** An event has no type. */
export function emptyEventType(): Refusal {
  return malformed("Empty eventType provided.");
}

/** An event's data and metadata are larger than the limits allow. */
export function eventTooLarge(limits: Limits = LIMITS): Refusal {
  return new Refusal(
    "bodyTooLarge",
    `Too large events received. Limit is ${
      describeBytes(limits.eventBytesMax)
    }`,
  );
}

/** The batch holds more events than `LIMITS` allows. */
export function tooManyEvents(limits: Limits = LIMITS): Refusal {
  return new Refusal(
    "bodyTooLarge",
    `Too many events received. Limit is ${limits.batchEventsMax}`,
  );
}

/**
 * Checks that an event is within bounds.
 *
 * @throws {Refusal} If its data and metadata, or its type, are too large.
 */
export function checkEvent(
  event: ProposedEvent,
  limits: Limits = LIMITS,
): void {
  const { eventType, data, metadata } = event;
  if (
    !fits(eventType.length * 3, limits.storedEventTypeBytesMax, [eventType])
  ) {
    throw malformed(
      `Event type too long. Limit is ${limits.eventTypeBytesMax} bytes`,
    );
  }
  const most = (data.length + metadata.length) * 3;
  if (!fits(most, limits.eventBytesMax, [data, metadata])) {
    throw eventTooLarge(limits);
  }
}

/** Counts bytes only where the number of UTF-16 units leaves it open. */
function fits(
  bytesAtMost: number,
  bytesMax: number,
  parts: readonly (string | Uint8Array)[],
): boolean {
  if (bytesAtMost <= bytesMax) return true;
  const bytes = parts.reduce(
    (sum, part) =>
      sum + (typeof part === "string" ? Buffer.byteLength(part) : part.length),
    0,
  );
  return bytes <= bytesMax;
}
