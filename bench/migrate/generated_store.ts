/**
 * A source of any length: orders of 200 bytes of JSON, the next event in the
 * next of 1,000 streams, with metadata on every tenth.
 *
 * @module
 */

import type {
  StandInEvent,
  StandInStore,
} from "../../tests/support/event_store_stand_in.ts";

const STREAMS = 1_000;
const STARTED_AT_MS = Date.UTC(2024, 0, 1);

/** What is wrong with a source, for a proof to find. */
export type Tampering = "byte" | "event" | "head";

/**
 * Makes it.
 *
 * @param tampering One changed byte, one missing event, or one event more at
 * the end of a stream.
 */
export function generatedStore(
  count: number,
  tampering?: Tampering,
): StandInStore {
  const middle = Math.floor(count / 2);
  return {
    length: tampering === "head" ? count + 1 : count,
    at(index) {
      if (tampering === "event" && index >= middle - STREAMS) {
        // The newest of its stream before the middle is left out.
        const isOfStream = index % STREAMS === middle % STREAMS;
        if (isOfStream && index < middle) return ofOther(index);
      }
      const event = eventOf(index);
      return tampering === "byte" && index === middle
        ? { ...event, data: String(event.data).replace("Lima", "Lina") }
        : event;
    },
    find: () => undefined,
  };
}

function eventOf(index: number): StandInEvent {
  const stream = index % STREAMS;
  const number = Math.floor(index / STREAMS);
  const time = new Date(STARTED_AT_MS + index * 10).toISOString();
  return {
    streamId: `orders-${stream}`,
    eventNumber: number,
    eventId: "00000000-0000-4000-8000-" + index.toString(16).padStart(12, "0"),
    eventType: "OrderPlaced",
    isJson: true,
    data: `{\n  "order": ${index},\n  "customer": "customer-${stream}",\n` +
      `  "city": "Lima",\n  "lines": [\n    {\n      "article": "khipu",\n` +
      `      "amount": ${number}\n    }\n  ],\n  "note": "none"\n}`,
    ...(index % 10 === 0 && { metadata: `{"$correlationId":"${index}"}` }),
    updated: time.replace("Z", `${String(index % 10_000).padStart(4, "0")}Z`),
  };
}

/** In place of an event that is missing: one that is not taken. */
function ofOther(index: number): StandInEvent {
  return { ...eventOf(index), streamId: "$stats-0" };
}
