/**
 * Events and pages for the tests and benches of what renders them.
 *
 * @module
 */

import type { RecordedEvent } from "../../lib/model/event.ts";
import type { ResolvedEvent, StreamPage } from "../../lib/model/feed.ts";

const UTF8 = new TextEncoder();

/** 2026-11-21T17:01:36Z in microseconds. */
export const TIME_US = 1_795_280_496_000_000;

export interface TestEvent
  extends Partial<Omit<RecordedEvent, "data" | "metadata">> {
  readonly data?: string | Uint8Array;
  readonly metadata?: string | Uint8Array;
}

/** An event of the stream `s1` that counts as JSON. */
export function recordedEvent(event: TestEvent = {}): RecordedEvent {
  const { data = '{\n  "a": "1"\n}', metadata = "", ...rest } = event;
  const eventNumber = rest.eventNumber ?? 0;
  return {
    streamName: "s1",
    eventNumber,
    eventId: `00000000-0000-4000-8000-${String(eventNumber).padStart(12, "0")}`,
    eventType: "T",
    isJson: true,
    createdAtUs: TIME_US + (eventNumber % 2 ** 32),
    logPosition: eventNumber,
    ...rest,
    data: typeof data === "string" ? UTF8.encode(data) : data,
    metadata: typeof metadata === "string" ? UTF8.encode(metadata) : metadata,
  };
}

/** The event as it stands in its stream, no link. */
export function plainEvent(event: TestEvent = {}): ResolvedEvent {
  return {
    original: recordedEvent(event),
    link: undefined,
    target: undefined,
  };
}

/** A head page of `s1`. */
export function headPage(
  entries: readonly ResolvedEvent[],
  page: Partial<StreamPage> = {},
): StreamPage {
  const head = entries[0]?.original.eventNumber ?? -1;
  return {
    streamName: "s1",
    range: { kind: "head", count: 20 },
    head,
    entries,
    updatedUs: entries[0]?.original.createdAtUs,
    isEndOfStream: true,
    hasEntries: entries.length > 0,
    isHeadOfStream: true,
    version: { head },
    hasLinks: false,
    cache: { kind: "head", maxAgeSeconds: undefined, isPublic: true },
    ...page,
  };
}
