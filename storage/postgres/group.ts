/**
 * Requests that are committed together, as units that are written whole or not
 * at all.
 *
 * Most appends are not looked at before: what must hold so that they are
 * written follows from what they expect, and is checked in the step that
 * writes. These conditions are sufficient, not necessary; what does not meet
 * them is decided by the rules on what is read.
 *
 * | Expected       | What must hold                              | Id that must be new |
 * | -------------- | ------------------------------------------- | ------------------- |
 * | a number, none | the head is that; not deleted               | none                |
 * | any            | not deleted                                 | the first           |
 * | stream exists  | not deleted, and it has an event or metadata | the first          |
 *
 * All requests for one stream are one unit: a later one builds on the earlier.
 *
 * @module
 */

import type {
  AppendRequest,
  AppendResult,
} from "../../lib/store/event_store.ts";
import type { Batch } from "./batch.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import type { Pending } from "./pending.ts";

/** A unit of a batch, and how it is answered once it is written. */
export interface Unit {
  readonly number: number;
  readonly requests: readonly Pending[];
  /** @param heads Number of the last event of each stream before, by its index. */
  readonly answer: (heads: readonly number[]) => void;
}

/** An append that becomes a unit with others of its stream. */
interface FastMember {
  readonly pending: Pending;
  readonly request: AppendRequest;
  readonly resolve: (result: AppendResult) => void;
  /** Events of the unit before it. */
  readonly offset: number;
}

/** Appends to one stream that usually hold. */
class FastUnit {
  readonly streamName: string;
  readonly members: FastMember[] = [];
  readonly #ids = new Set<string>();
  /** Head that the first member expects; undefined: any. */
  head: number | undefined;
  mustExist = false;
  /** First ids of members that the stream must not have. */
  readonly unknownIds: string[] = [];
  eventCount = 0;

  constructor(streamName: string) {
    this.streamName = streamName;
  }

  /** Adds an append if it builds on those before it for certain. */
  add(
    pending: Pending,
    request: AppendRequest,
    resolve: (result: AppendResult) => void,
  ): boolean {
    const { expectedVersion: expected, events, lease } = request;
    const isFirst = this.members.length === 0;
    const first = this.members[0]?.request;
    if (!isFirst && first?.lease?.token !== lease?.token) return false;
    const firstId = events[0]?.eventId;
    if (firstId === undefined) return false;
    if (expected === "any" || expected === "streamExists") {
      if (this.#ids.has(firstId)) return false;
      if (isFirst) this.mustExist = expected === "streamExists";
      this.unknownIds.push(firstId);
    } else {
      const head = expected === "noStream" ? -1 : expected;
      if (isFirst) this.head = head;
      else if (
        this.head === undefined || this.head + this.eventCount !== head
      ) {
        return false;
      }
    }
    this.members.push({ pending, request, resolve, offset: this.eventCount });
    for (const { eventId } of events) this.#ids.add(eventId);
    this.eventCount += events.length;
    return true;
  }
}

/** What is taken from the queue for one commit. */
export interface Taken {
  readonly fast: readonly FastUnit[];
  /** Requests that are to be decided on what is read, in their order. */
  readonly looking: readonly Pending[];
}

/** Takes as much from the front of the queue as one commit may hold. */
export function takeGroup(requests: readonly Pending[]): Taken {
  const fast = new Map<string, FastUnit>();
  const looking: Pending[] = [];
  /** Streams of requests that wait, or look: what comes later must not pass. */
  const waiting = new Set<string>();
  const lookedAt = new Set<string>();
  let requestCount = 0;
  let eventCount = 0;
  let bytes = 0;
  for (const pending of requests) {
    const isFull = requestCount >= POSTGRES_LIMITS.groupRequestsMax ||
      eventCount + pending.eventCount > POSTGRES_LIMITS.groupEventsMax ||
      bytes + pending.bytes > POSTGRES_LIMITS.groupBytesMax;
    if (isFull && requestCount > 0) break;
    const { asked, streams, mustLook } = pending;
    if (streams.some((name) => waiting.has(name))) {
      for (const name of streams) waiting.add(name);
      continue;
    }
    if (mustLook || streams.some((name) => lookedAt.has(name))) {
      if (streams.some((name) => fast.has(name))) {
        for (const name of streams) waiting.add(name);
        continue;
      }
      looking.push(pending);
      for (const name of streams) lookedAt.add(name);
    } else if (asked.kind === "append") {
      const { request, resolve } = asked;
      const { streamName } = request;
      const unit = fast.get(streamName) ?? new FastUnit(streamName);
      if (!unit.add(pending, request, resolve)) {
        waiting.add(streamName);
        continue;
      }
      fast.set(streamName, unit);
    }
    requestCount++;
    eventCount += pending.eventCount;
    bytes += pending.bytes;
  }
  return { fast: [...fast.values()], looking };
}

/** Adds a unit of appends that usually hold to a batch. */
export function addFastUnit(
  batch: Batch,
  unit: FastUnit,
  createdAtUs: number,
): Unit {
  const { streamName, members } = unit;
  const number = batch.beginUnit();
  const lease = members[0]?.request.lease;
  if (lease !== undefined) batch.needLease(lease);
  const stream = batch.addStream({
    streamName,
    head: unit.head,
    mustExist: unit.mustExist,
  });
  for (const id of unit.unknownIds) batch.addUnknownId(stream, id);
  for (const { request } of members) {
    for (const event of request.events) {
      batch.addEvent(stream, streamName, event, { createdAtUs });
    }
  }
  return {
    number,
    requests: members.map(({ pending }) => pending),
    answer(heads) {
      const first = (heads[stream - 1] ?? -1) + 1;
      for (const { pending, resolve, offset } of members) {
        pending.isSettled = true;
        resolve({ kind: "appended", firstEventNumber: first + offset });
      }
    },
  };
}
