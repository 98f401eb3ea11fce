/**
 * A small life of a store that meets everything: streams, metadata, deletes of
 * both kinds, reopenings, batches side by side, repeated requests, rolls,
 * sealing, and a restart in the middle.
 *
 * @module
 */

import { metastreamOf } from "../../lib/model/stream_names.ts";
import { aMetadataEvent, anEvent } from "../support/events.ts";
import type { WriteStep } from "../support/store_twins.ts";

/** So small that a few records fill a segment. */
export const SEGMENT_BYTES = 900;

/** Steps that are asked side by side; the groups one after the other. */
export type StepGroups = readonly (readonly WriteStep[])[];

function append(streamName: string, ...numbers: number[]): WriteStep {
  return {
    kind: "append",
    request: {
      streamName,
      expectedVersion: "any",
      events: numbers.map((number) =>
        anEvent(number, { eventType: number % 3 === 0 ? "added" : "tested" })
      ),
    },
  };
}

function remove(streamName: string, mode: "soft" | "hard"): WriteStep {
  return {
    kind: "delete",
    request: { streamName, expectedVersion: "any", mode },
  };
}

function describe(streamName: string, number: number): WriteStep {
  return {
    kind: "append",
    request: {
      streamName: metastreamOf(streamName),
      expectedVersion: "any",
      events: [aMetadataEvent(number, { $maxCount: number })],
    },
  };
}

/** Before the restart. */
export const FIRST_LIFE: StepGroups = [
  [append("cart-1", 1)],
  [append("cart-1", 2, 3), append("cart-2", 4), append("plain", 5)],
  [describe("cart-1", 6)],
  [remove("cart-2", "soft")],
  [append("cart-2", 7), append("cart-3", 8, 9)],
  [append("cart-1", 1), remove("plain", "hard")],
  [append("cart-3", 10)],
];

/** After it. */
export const SECOND_LIFE: StepGroups = [
  [append("cart-1", 11), append("cart-2", 12, 13)],
  [append("cart-3", 10), remove("cart-3", "soft")],
  [append("cart-4", 14)],
];

/** When everything works again. */
export const LAST_LIFE: StepGroups = [
  [append("cart-1", 21), append("cart-2", 22)],
  [append("new-1", 23, 24)],
  // Answered before or not: now they are there, once.
  [append("cart-1", 1), append("cart-3", 8, 9)],
];
