/**
 * Whether events may be stored, whatever the state of their stream: the one
 * place for the rules of names, types and sizes.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import type { ProposedEvent } from "../model/event.ts";
import { LIMITS } from "../model/limits.ts";
import { isSystemList } from "../model/lists.ts";
import { describedStream } from "../model/stream_names.ts";
import { isLongerThan } from "../text/utf8.ts";
import type { DeleteRequest } from "./event_store.ts";

/** Bounds of new names. */
export interface NameLimits {
  /** Memory that all names may take. */
  readonly namesBytesMax: number;
  /** UTF-8 bytes of a new stream's name. */
  readonly streamNameBytesMax: number;
  /** UTF-8 bytes of a new event type. */
  readonly eventTypeBytesMax: number;
}

/** Which names are new to a store, and how long those may be. */
export interface NewNames {
  readonly names: NameLimits;
  isKnown(kind: "stream" | "eventType", name: string): boolean;
}

/** Bounds of names in files. */
export const STORED_NAMES: NameLimits = {
  namesBytesMax: Infinity,
  streamNameBytesMax: LIMITS.storedStreamNameBytesMax,
  eventTypeBytesMax: LIMITS.storedEventTypeBytesMax,
};

/** For stores that take all names that files may hold. */
const ANY_NAMES: NewNames = { names: STORED_NAMES, isKnown: () => false };

/**
 * Why an append is refused, whatever the state of its stream; undefined if it
 * is not.
 *
 * @param newNames The bounds of names that the store does not have yet.
 */
export function refusalOf(
  streamName: string,
  events: readonly ProposedEvent[],
  newNames: NewNames = ANY_NAMES,
): QuipuError | undefined {
  if (isSystemList(streamName)) {
    return new QuipuError(
      "reservedStream",
      `Cannot write "${streamName}": the server itself keeps this stream`,
    );
  }
  const nameRefusal = nameRefusalOf(streamName, newNames);
  if (nameRefusal !== undefined) return nameRefusal;
  if (events.length > LIMITS.batchEventsMax) {
    return new QuipuError(
      "batchTooLarge",
      `Cannot append ${events.length} events at once: ` +
        `${LIMITS.batchEventsMax} is the limit`,
    );
  }
  for (const event of events) {
    const longType = longTypeRefusal(event.eventType, newNames);
    if (longType !== undefined) return longType;
    if (!event.eventType.isWellFormed()) {
      return new QuipuError(
        "invalidRequest",
        "Cannot append an event whose type is not well-formed Unicode",
      );
    }
    if (!isStorable(event.data) || !isStorable(event.metadata)) {
      return new QuipuError(
        "invalidRequest",
        "Cannot append an event whose data or metadata is no well-formed " +
          "Unicode: half a surrogate pair has no bytes",
      );
    }
    if (isLongerThan(LIMITS.eventBytesMax, event.data, event.metadata)) {
      return new QuipuError(
        "eventTooLarge",
        "Too large events received. Limit is 4mb",
      );
    }
  }
  return undefined;
}

/** Why a deletion is refused; see `refusalOf`. */
export function deleteRefusalOf(
  { streamName, mode }: Pick<DeleteRequest, "streamName" | "mode">,
  newNames: NewNames,
): QuipuError | undefined {
  // A system list is hidden, but never gone.
  return mode === "soft" && isSystemList(streamName)
    ? nameRefusalOf(streamName, newNames)
    : refusalOf(streamName, [], newNames);
}

function nameRefusalOf(
  streamName: string,
  newNames: NewNames,
): QuipuError | undefined {
  const longName = longNameRefusal(streamName, newNames);
  if (longName !== undefined) return longName;
  if (streamName === "") {
    return new QuipuError(
      "invalidRequest",
      "Cannot write a stream without a name",
    );
  }
  // As UTF-8 two such names may be one: after a restart they would be.
  if (!streamName.isWellFormed()) {
    return new QuipuError(
      "invalidRequest",
      "Cannot write a stream whose name is not well-formed Unicode",
    );
  }
  return undefined;
}

/** The text for a stream's name that is too long. */
export function longNameMessage(streamNameBytesMax: number): string {
  return `Stream name too long. Limit is ${streamNameBytesMax} bytes`;
}

/** A metastream's name is as long as that of its stream allows. */
function longNameRefusal(
  streamName: string,
  newNames: NewNames,
): QuipuError | undefined {
  const described = describedStream(streamName);
  const { streamNameBytesMax } = newNames.names;
  if (!isLongerThan(streamNameBytesMax, described)) return undefined;
  const isStored = newNames.isKnown("stream", described) &&
    !isLongerThan(LIMITS.storedStreamNameBytesMax, described);
  return isStored ? undefined : new QuipuError(
    "nameTooLong",
    longNameMessage(streamNameBytesMax),
  );
}

function longTypeRefusal(
  eventType: string,
  newNames: NewNames,
): QuipuError | undefined {
  const { eventTypeBytesMax } = newNames.names;
  if (!isLongerThan(eventTypeBytesMax, eventType)) return undefined;
  const isStored = newNames.isKnown("eventType", eventType) &&
    !isLongerThan(LIMITS.storedEventTypeBytesMax, eventType);
  return isStored ? undefined : new QuipuError(
    "invalidRequest",
    `Event type too long. Limit is ${eventTypeBytesMax} bytes`,
  );
}

/** Whether a body comes back as it is. */
function isStorable(body: string | Uint8Array): boolean {
  return typeof body !== "string" || body.isWellFormed();
}
