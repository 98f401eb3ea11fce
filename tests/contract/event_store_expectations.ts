/**
 * What every event store does, as tests: appends and deletes by what is
 * expected of a stream and what state it is in (spec: streams §3 and §4).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
  EventStore,
} from "../../lib/store/event_store.ts";
import type { ExpectedVersion } from "../../lib/model/expected_version.ts";
import { aMetadataEvent, anEvent } from "../support/events.ts";
import { appendNumbers, type OpenStore } from "./store_steps.ts";

/** Result of an append. */
export function appendedAt(firstEventNumber: number): AppendResult {
  return {
    kind: "appended",
    firstEventNumber,
  };
}

/** Result of an append. */
export function duplicateAt(firstEventNumber: number): AppendResult {
  return {
    kind: "duplicate",
    firstEventNumber,
  };
}

/** Result of an append. */
export function conflictAt(head: number): AppendResult {
  return { kind: "conflict", head };
}

/** Result of a write to a deleted stream. */
export const DELETED: AppendResult = { kind: "deleted" };

/** States of the stream "s", by the steps that lead there. */
export const STREAM_STATES = {
  missing: () => Promise.resolve(),
  three: (store: EventStore) => appendNumbers(store, "s", [1, 2, 3]),
  softDeleted: async (store: EventStore) => {
    await appendNumbers(store, "s", [1, 2, 3]);
    await store.deleteStream(aDelete({}));
  },
  softDeletedUnwritten: (store: EventStore) => store.deleteStream(aDelete({})),
  hardDeleted: async (store: EventStore) => {
    await appendNumbers(store, "s", [1, 2, 3]);
    await store.deleteStream(aDelete({ mode: "hard" }));
  },
  metadataOnly: (store: EventStore) => appendMetadata(store, { custom: 1 }),
  truncated: async (store: EventStore) => {
    await appendNumbers(store, "s", [1, 2, 3]);
    await appendMetadata(store, { $tb: 2 });
  },
} satisfies Record<string, (store: EventStore) => Promise<unknown>>;

type StreamStateName = keyof typeof STREAM_STATES;

/** Appends one event to "s", unless `changes` say otherwise. */
export function anAppend(changes: Partial<AppendRequest>): AppendRequest {
  return {
    streamName: "s",
    expectedVersion: "any",
    events: [anEvent(50)],
    ...changes,
  };
}

/** Deletes "s" softly, unless `changes` say otherwise. */
export function aDelete(changes: Partial<DeleteRequest>): DeleteRequest {
  return { streamName: "s", expectedVersion: "any", mode: "soft", ...changes };
}

/** Appends metadata of "s". */
export function appendMetadata(
  store: EventStore,
  metadata: unknown,
): Promise<AppendResult> {
  const events = [aMetadataEvent(900, metadata)];
  return store.append(anAppend({ streamName: "$$s", events }));
}

const EXPECTATIONS: readonly ExpectedVersion[] = [
  "any",
  "noStream",
  "streamExists",
  0,
  2,
  7,
];

/** Results of appending one new event, one column per expectation above. */
const APPEND_MATRIX: Record<StreamStateName, readonly AppendResult[]> = {
  missing: [
    appendedAt(0),
    appendedAt(0),
    ...[-1, -1, -1, -1].map(conflictAt),
  ],
  three: [
    appendedAt(3),
    conflictAt(2),
    appendedAt(3),
    conflictAt(2),
    appendedAt(3),
    conflictAt(2),
  ],
  softDeleted: [
    appendedAt(3),
    appendedAt(3),
    DELETED,
    conflictAt(2),
    appendedAt(3),
    conflictAt(2),
  ],
  softDeletedUnwritten: [
    appendedAt(0),
    appendedAt(0),
    DELETED,
    ...[-1, -1, -1].map(conflictAt),
  ],
  hardDeleted: Array(6).fill(DELETED),
  metadataOnly: [
    appendedAt(0),
    appendedAt(0),
    appendedAt(0),
    ...[-1, -1, -1].map(conflictAt),
  ],
  truncated: [
    appendedAt(3),
    conflictAt(2),
    appendedAt(3),
    conflictAt(2),
    appendedAt(3),
    conflictAt(2),
  ],
};

const DONE: DeleteResult = { kind: "done" };

/** Results of deleting, one column per expectation above. */
const DELETE_MATRIX: Record<StreamStateName, readonly DeleteResult[]> = {
  missing: [DONE, DONE, ...[-1, -1, -1, -1].map(deleteConflictAt)],
  three: [
    DONE,
    deleteConflictAt(2),
    DONE,
    deleteConflictAt(2),
    DONE,
    deleteConflictAt(2),
  ],
  softDeleted: [
    DONE,
    DONE,
    { kind: "deleted" },
    deleteConflictAt(2),
    DONE,
    deleteConflictAt(2),
  ],
  softDeletedUnwritten: [
    DONE,
    DONE,
    { kind: "deleted" },
    ...[-1, -1, -1].map(deleteConflictAt),
  ],
  hardDeleted: Array(6).fill({ kind: "deleted" }),
  metadataOnly: [DONE, DONE, DONE, ...[-1, -1, -1].map(deleteConflictAt)],
  truncated: [
    DONE,
    deleteConflictAt(2),
    DONE,
    deleteConflictAt(2),
    DONE,
    deleteConflictAt(2),
  ],
};

function deleteConflictAt(head: number): DeleteResult {
  return { kind: "conflict", head };
}

function stateNames(): StreamStateName[] {
  return Object.keys(STREAM_STATES) as StreamStateName[];
}

/** Defines a test for each state and operation. */
export function testExpectations(name: string, open: OpenStore): void {
  for (const state of stateNames()) {
    Deno.test(`${name}: append() to a ${state} stream, by expectation`, async () => {
      for (const [column, expectedVersion] of EXPECTATIONS.entries()) {
        await using store = await open();
        await STREAM_STATES[state](store);
        const result = await store.append(anAppend({ expectedVersion }));
        assertEquals(
          result,
          APPEND_MATRIX[state][column],
          `expecting ${expectedVersion}`,
        );
      }
    });

    for (const mode of ["soft", "hard"] as const) {
      Deno.test(`${name}: ${mode} deleteStream() of a ${state} stream, by expectation`, async () => {
        for (const [column, expectedVersion] of EXPECTATIONS.entries()) {
          await using store = await open();
          await STREAM_STATES[state](store);
          const request = aDelete({ expectedVersion, mode });
          assertEquals(
            await store.deleteStream(request),
            DELETE_MATRIX[state][column],
            `expecting ${expectedVersion}`,
          );
        }
      });
    }
  }
}
