/**
 * The expected-version and idempotency rules (spec: streams §3 and §4.3): pure
 * decisions on what the store knows of a stream at one moment.
 *
 * Ids of events below the stream's `$tb` do not count: the events were deleted
 * or truncated on purpose, and the same append makes them again (the original
 * answers 201 and writes nothing). Ids that only `$maxCount` or `$maxAge` hides
 * count until they are scavenged: those hide events while a client may still
 * repeat the request that wrote them.
 *
 * @module
 */

import { type Int64, TRUNCATE_ALL } from "./event_number.ts";
import type { ExpectedVersion } from "./expected_version.ts";

/** The state that the rules read; `Id` identifies events. */
export interface DecidableStream<Id = string> {
  /** Number of the last event ever written, -1 for none. */
  readonly head: number;
  readonly isTombstoned: boolean;
  /** `$tb` of the stream: 0 for none, `TRUNCATE_ALL` when it is soft-deleted. */
  readonly truncateBefore: Int64;
  /** Whether it is one: it is deleted, but nothing is appended to it. */
  readonly isSystemList?: boolean;
  /** Whether metadata was ever written for the stream. */
  readonly hasMetadata: boolean;
  /** First number, `from` or more, recorded for the id in this stream. */
  numberOf(eventId: Id, from: Int64): number | undefined;
  /** Whether the event with that number has the id; false when it is gone for good. */
  hasIdAt(eventNumber: number, eventId: Id): boolean;
}

export type AppendDecision =
  /** Write the events from number `first` on. */
  | { readonly kind: "append"; readonly first: number }
  /** They are written already, the first as number `first`. */
  | { readonly kind: "duplicate"; readonly first: number }
  /** The stream's last number is `head`, not what was expected. */
  | { readonly kind: "conflict"; readonly head: number }
  | { readonly kind: "deleted" };

/** Decides what an append does. `eventIds` holds at least one. */
export function decideAppend<Id>(
  stream: DecidableStream<Id>,
  expected: ExpectedVersion,
  eventIds: readonly Id[],
): AppendDecision {
  if (stream.isTombstoned) return { kind: "deleted" };
  const { head } = stream;
  if (expected === "streamExists") {
    if (isDeleted(stream)) return { kind: "deleted" };
    if (head < 0 && !stream.hasMetadata) return { kind: "conflict", head };
  }
  if (expected === "any" || expected === "streamExists") {
    return decideByIds(stream, eventIds);
  }
  const expectedHead = expected === "noStream" ? -1 : expected;
  if (expectedHead > head) return { kind: "conflict", head };
  if (expectedHead === head) return { kind: "append", first: head + 1 };
  return decideByPosition(stream, expectedHead, eventIds);
}

/** Rule 3: a known first id makes it a repetition, or a conflict. */
function decideByIds<Id>(
  stream: DecidableStream<Id>,
  eventIds: readonly Id[],
): AppendDecision {
  const append: AppendDecision = { kind: "append", first: stream.head + 1 };
  const { truncateBefore } = stream;
  // No id counts in a stream without events: the common case of new streams.
  if (stream.head < truncateBefore) return append;
  const [firstId] = eventIds;
  const first = firstId === undefined
    ? undefined
    : stream.numberOf(firstId, truncateBefore);
  if (first === undefined) return append;
  const isKnown = (eventId: Id) =>
    stream.numberOf(eventId, truncateBefore) !== undefined;
  return eventIds.every(isKnown)
    ? { kind: "duplicate", first }
    : { kind: "conflict", head: stream.head };
}

/** Rule 4: below the head, the same ids at the same numbers are a repetition. */
function decideByPosition<Id>(
  stream: DecidableStream<Id>,
  expectedHead: number,
  eventIds: readonly Id[],
): AppendDecision {
  const first = expectedHead + 1;
  if (expectedHead === -1 && isDeleted(stream)) {
    return { kind: "append", first: stream.head + 1 };
  }
  const isRepeated = first >= stream.truncateBefore &&
    eventIds.every((eventId, index) => stream.hasIdAt(first + index, eventId));
  return isRepeated
    ? { kind: "duplicate", first }
    : { kind: "conflict", head: stream.head };
}

/** Whether the stream is soft-deleted; of a system list, up to its last entry. */
function isDeleted(
  { truncateBefore, head, isSystemList }: Pick<
    DecidableStream,
    "truncateBefore" | "head" | "isSystemList"
  >,
): boolean {
  return truncateBefore >= TRUNCATE_ALL ||
    isSystemList === true && truncateBefore > head;
}

export type DeleteDecision =
  | { readonly kind: "delete" }
  | { readonly kind: "conflict"; readonly head: number }
  | { readonly kind: "deleted" };

/**
 * Decides what a delete does: as an append of an event with an id that was
 * never seen.
 */
export function decideDelete(
  stream: Omit<DecidableStream, "numberOf" | "hasIdAt">,
  expected: ExpectedVersion,
): DeleteDecision {
  const { head, isTombstoned, truncateBefore, hasMetadata, isSystemList } =
    stream;
  const decision = decideAppend(
    {
      head,
      isTombstoned,
      truncateBefore,
      hasMetadata,
      isSystemList: isSystemList === true,
      numberOf: () => undefined,
      hasIdAt: () => false,
    },
    expected,
    ["never seen"],
  );
  return decision.kind === "conflict" || decision.kind === "deleted"
    ? decision
    : { kind: "delete" };
}
