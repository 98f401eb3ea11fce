/**
 * Events, ids and clocks for tests: the same in every run.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";

/** The same UUID for the same number, 0 to 2^48 − 1. */
export function testUuid(number: number): string {
  return "00000000-0000-4000-8000-" + number.toString(16).padStart(12, "0");
}

/** A JSON event with id `testUuid(number)`; `changes` replace its members. */
export function anEvent(
  number: number,
  changes: Partial<ProposedEvent> = {},
): ProposedEvent {
  return {
    eventId: testUuid(number),
    eventType: "tested",
    isJson: true,
    data: `{"n":${number}}`,
    metadata: "",
    ...changes,
  };
}

/** A metadata event that says `metadata`. */
export function aMetadataEvent(
  number: number,
  metadata: unknown,
): ProposedEvent {
  return anEvent(number, {
    eventType: "$metadata",
    data: JSON.stringify(metadata),
  });
}

/** A clock that stands still until it is moved. */
export interface TestClock extends Clock {
  advanceMs(durationMs: number): void;
}

/** Makes a clock that shows 2026-01-01T00:00:00Z. */
export function createTestClock(): TestClock {
  let nowUs = Date.UTC(2026, 0, 1) * 1000;
  return {
    nowUs: () => nowUs,
    advanceMs(durationMs) {
      nowUs += durationMs * 1000;
    },
  };
}

/** Makes a source of ids that never collide with small `testUuid`s. */
export function createTestIds(): () => string {
  let last = 2 ** 40;
  return () => testUuid(++last);
}
