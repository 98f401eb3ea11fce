/**
 * Decides requests by the rules of `lib/model/decide_append.ts` on what was
 * read, and adds what they write to a batch: with that very state as the
 * condition, so that it is written only if nothing has come between.
 *
 * @module
 */

import { brokenLinksOf } from "../../lib/store/broken_links.ts";
import {
  type DecidableStream,
  decideAppend,
  decideDelete,
} from "../../lib/model/decide_append.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { TRUNCATE_ALL } from "../../lib/model/event_number.ts";
import { isSystemList } from "../../lib/model/lists.ts";
import {
  keepTruncation,
  NOT_TRUNCATING_MESSAGE,
  softDeleteDataAfter,
} from "../../lib/model/metadata_writes.ts";
import {
  METADATA_EVENT_TYPE,
  withTruncateBefore,
} from "../../lib/model/stream_metadata.ts";
import {
  describedStream,
  isMetastream,
  metastreamOf,
} from "../../lib/model/stream_names.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
} from "../../lib/store/event_store.ts";
import type { Batch } from "./batch.ts";
import type { Unit } from "./group.ts";
import type { Look, LookedState } from "./look.ts";
import { refuse } from "./pending.ts";
import type { Asked, Pending } from "./pending.ts";

/** What decisions need besides what was read. */
export interface Deciding {
  readonly look: Look;
  readonly batch: Batch;
  readonly nowUs: number;
  readonly newEventId: () => string;
}

/** What became of a request: a unit that is to be written, or its answer. */
export type Decided = Unit | { readonly answer: () => void };

/** Says what is to be looked up for a request. */
export function wantFor(look: Look, pending: Pending): void {
  const { asked } = pending;
  if (asked.kind === "append") {
    const { streamName, expectedVersion, events } = asked.request;
    look.wantAppend(streamName, expectedVersion, events);
  } else if (asked.kind === "delete") {
    const { streamName, mode } = asked.request;
    look.wantState(streamName);
    look.wantId(
      mode === "soft" ? metastreamOf(streamName) : streamName,
      asked.eventId,
    );
  }
}

/** Decides a request. */
export function decide(pending: Pending, deciding: Deciding): Decided {
  try {
    const { asked } = pending;
    if (asked.kind === "append") {
      return decideOnAppend(pending, asked, deciding);
    }
    if (asked.kind === "delete") {
      return decideOnDelete(pending, asked, deciding);
    }
    throw new Error("Imports are decided together");
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    return { answer: () => refuse(pending, reason) };
  }
}

function decideOnAppend(
  pending: Pending,
  { request, resolve }: Extract<Asked, { kind: "append" }>,
  deciding: Deciding,
): Decided {
  const { look } = deciding;
  const { streamName, expectedVersion } = request;
  const state = look.stateOf(streamName);
  const decision = decideAppend(
    decidableOf(streamName, state, look, expectedVersion),
    expectedVersion,
    request.events.map(({ eventId }) => eventId),
  );
  const settle = (result: AppendResult) => {
    pending.isSettled = true;
    resolve(result);
  };
  if (decision.kind === "duplicate") {
    const { first } = decision;
    return {
      answer: () => settle({ kind: "duplicate", firstEventNumber: first }),
    };
  }
  if (decision.kind !== "append") return { answer: () => settle(decision) };
  const { first } = decision;
  const number = addAppend(request, { state, first, deciding });
  return {
    number,
    requests: [pending],
    answer: () => settle({ kind: "appended", firstEventNumber: first }),
  };
}

/** Adds the unit of an append; returns its number. */
function addAppend(
  request: AppendRequest,
  { state, first, deciding }: {
    readonly state: LookedState;
    readonly first: number;
    readonly deciding: Deciding;
  },
): number {
  const { look, batch, nowUs } = deciding;
  const { streamName, lease } = request;
  const isMeta = isMetastream(streamName);
  const described = describedStream(streamName);
  const ofDescribed = isMeta ? look.stateOf(described) : state;
  const present = ofDescribed.metadata.truncateBefore ?? 0;
  const events = isMeta && request.keepsTruncation
    ? truncating(request.events, present)
    : request.events;
  const brokenLinks = brokenLinksOf(events, {
    stateOf: (name) => look.stateOf(name),
    timeOf: (link) => look.timeOf(link),
    isOfBatch: (link) =>
      link.streamName === streamName && link.eventNumber >= first &&
      link.eventNumber < first + events.length,
    nowUs: () => nowUs,
  });
  const isReopened = present >= TRUNCATE_ALL;
  const reopening = isReopened
    ? withTruncateBefore(
      isMeta ? events.at(-1)?.data ?? "{}" : state.metadataEvent?.data ?? "{}",
      ofDescribed.head + 1,
    )
    : undefined;
  const number = batch.beginUnit();
  if (lease !== undefined) batch.needLease(lease);
  const stream = batch.addStream({
    streamName,
    head: state.head,
    metadataNumber: isMeta ? undefined : state.metadataNumber,
  });
  for (const [index, event] of events.entries()) {
    batch.addEvent(stream, streamName, event, {
      createdAtUs: nowUs,
      isBrokenLink: brokenLinks?.has(index) === true,
    });
  }
  const metastream = isMeta
    ? stream
    : reopening === undefined
    ? undefined
    : batch.addStream({ streamName: metastreamOf(described) });
  if (isMeta) {
    // What is kept or reopened depends on the stream as it is.
    batch.addStream({
      streamName: described,
      head: isReopened && !isSystemList(described)
        ? ofDescribed.head
        : undefined,
      metadataNumber: ofDescribed.metadataNumber,
    });
  }
  if (reopening !== undefined && metastream !== undefined) {
    const event = metadataEvent(deciding.newEventId(), reopening);
    batch.addEvent(metastream, metastreamOf(described), event, {
      createdAtUs: nowUs,
    });
  }
  return number;
}

/** @throws {QuipuError} `invalidRequest`, if they cannot be made to truncate. */
function truncating(
  events: readonly ProposedEvent[],
  present: NonNullable<LookedState["metadata"]["truncateBefore"]>,
): readonly ProposedEvent[] {
  const kept = keepTruncation(events, present);
  if (kept === undefined) {
    throw new QuipuError("invalidRequest", NOT_TRUNCATING_MESSAGE);
  }
  return kept;
}

function decideOnDelete(
  pending: Pending,
  { request, eventId, resolve }: Extract<Asked, { kind: "delete" }>,
  { look, batch, nowUs }: Deciding,
): Decided {
  const { streamName, expectedVersion, mode } = request;
  const state = look.stateOf(streamName);
  const settle = (result: DeleteResult) => {
    pending.isSettled = true;
    resolve(result);
  };
  const written = mode === "soft" ? metastreamOf(streamName) : streamName;
  if (look.placeOf(written, eventId).first !== undefined) {
    return { answer: () => settle({ kind: "done" }) };
  }
  const decision = decideDelete(
    decidableOf(streamName, state, look, expectedVersion),
    expectedVersion,
  );
  if (decision.kind !== "delete") return { answer: () => settle(decision) };
  const isList = isSystemList(streamName);
  const number = batch.beginUnit();
  const stream = batch.addStream({
    streamName,
    head: isList || !expectsHead(request) ? undefined : state.head,
    // A metastream has no metadata of its own that counts.
    metadataNumber: isMetastream(streamName) ? undefined : state.metadataNumber,
  });
  const place = { createdAtUs: nowUs };
  if (mode === "soft") {
    const data = softDeleteDataAfter(state.metadataEvent, {
      streamName,
      head: state.head,
      truncateBefore: state.metadata.truncateBefore ?? 0,
    });
    const metastream = batch.addStream({ streamName: written });
    batch.addEvent(metastream, written, metadataEvent(eventId, data), place);
  } else {
    const event = {
      eventId,
      eventType: "$streamDeleted",
      isJson: false,
      data: "",
      metadata: "",
    };
    batch.addEvent(stream, streamName, event, { ...place, isTombstone: true });
  }
  return {
    number,
    requests: [pending],
    answer: () => settle({ kind: "done" }),
  };
}

/** Whether a delete is right only at one head. */
function expectsHead({ expectedVersion }: DeleteRequest): boolean {
  return typeof expectedVersion === "number" || expectedVersion === "noStream";
}

function decidableOf(
  streamName: string,
  state: LookedState,
  look: Look,
  expected: AppendRequest["expectedVersion"],
): DecidableStream {
  const hasNumbers = expected !== "any" && expected !== "streamExists";
  return {
    head: state.head,
    isTombstoned: state.isTombstoned,
    truncateBefore: state.metadata.truncateBefore ?? 0,
    isSystemList: isSystemList(streamName),
    hasMetadata: state.metadataNumber >= 0,
    numberOf: (eventId) => look.placeOf(streamName, eventId).first,
    hasIdAt: (eventNumber, eventId) =>
      hasNumbers && look.placeOf(streamName, eventId, eventNumber).isAt,
  };
}

function metadataEvent(eventId: string, data: string): ProposedEvent {
  return {
    eventId,
    eventType: METADATA_EVENT_TYPE,
    isJson: true,
    data,
    metadata: "",
  };
}
