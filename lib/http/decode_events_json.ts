/**
 * Events out of a JSON array (spec: streams §2.3).
 *
 * @module
 */

import type { ProposedEvent } from "../model/event.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import {
  type JsonMember,
  scanEventArrayInSteps,
  type ScannedEvent,
} from "../formats/json/json_events.ts";
import {
  type PlainEvent,
  scanPlainEventsInSteps,
} from "../formats/json/json_events_bytes.ts";
import { runSteps, type Steps } from "../text/steps.ts";
import { parseEventId, ZERO_EVENT_ID } from "./event_id.ts";
import {
  checkEvent,
  emptyEventId,
  emptyEventType,
  eventTooLarge,
  invalidBody,
  nestedTooDeeply,
  tooManyEvents,
} from "./event_refusals.ts";
import { decodeUtf8 } from "../text/utf8.ts";
import { bodyTextOf } from "./body_text.ts";

/**
 * Decodes the body of the types `events+json`, `event+json` and `atom+json`
 * from its bytes: plain bodies the quick way.
 *
 * @returns At least one event.
 * @throws {Refusal} As `decodeEventsJson`.
 */
export function decodeEventsJsonBytes(
  bytes: Uint8Array,
  limits: Limits = LIMITS,
): ProposedEvent[] {
  return runSteps(decodeEventsJsonInSteps(bytes, limits));
}

/** As {@link decodeEventsJsonBytes}, with pauses. */
export function* decodeEventsJsonInSteps(
  bytes: Uint8Array,
  limits: Limits = LIMITS,
): Steps<ProposedEvent[]> {
  const plain = yield* scanPlainEventsInSteps(bytes, {
    depthMax: limits.jsonDepthMax,
    eventsMax: limits.batchEventsMax,
    valueMax: limits.eventBytesMax,
    make: (event) =>
      isWithin(event, limits) ? new BytesEvent(event, bytes) : undefined,
  });
  if (plain !== undefined) return plain;
  yield;
  const text = bodyTextOf(bytes);
  yield;
  return yield* decodeTextInSteps(text, limits);
}

/** What is refused is left to the other way, which says why. */
function isWithin(event: PlainEvent, limits: Limits): boolean {
  return !isZeroId(event) &&
    event.data.length + event.metadata.length <= limits.eventBytesMax &&
    event.eventType.length * 3 <= limits.storedEventTypeBytesMax;
}

function isZeroId({ eventIdBytes, eventIdOffset }: PlainEvent): boolean {
  for (let index = 0; index < 16; index++) {
    if (eventIdBytes[eventIdOffset + index] !== 0) return false;
  }
  return true;
}

/** An event that was read from bytes; few of its ids are ever asked for as text. */
class BytesEvent implements ProposedEvent {
  readonly eventIdBytes: Uint8Array;
  readonly eventIdOffset: number;
  readonly eventType: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  readonly #body: Uint8Array;
  readonly #eventIdStart: number;

  constructor(event: PlainEvent, body: Uint8Array) {
    const { dataKind, metadataKind } = event;
    const isDataJson = dataKind !== "string" && dataKind !== "null" &&
      dataKind !== "absent";
    const isMetadataKept = metadataKind === "object" ||
      metadataKind === "string";
    this.eventIdBytes = event.eventIdBytes;
    this.eventIdOffset = event.eventIdOffset;
    this.eventType = event.eventType;
    this.isJson = isDataJson || metadataKind === "object";
    this.data = dataKind === "null" ? NO_BYTES : event.data;
    this.metadata = isMetadataKept ? event.metadata : NO_BYTES;
    this.#body = body;
    this.#eventIdStart = event.eventIdStart;
  }

  get eventId(): string {
    const start = this.#eventIdStart;
    return decodeUtf8(
      this.#body.subarray(start, start + ZERO_EVENT_ID.length),
    );
  }
}

const NO_BYTES = new Uint8Array(0);

/**
 * Decodes the body of the types `events+json`, `event+json` and `atom+json`.
 *
 * @returns At least one event.
 * @throws {Refusal} If it is no array of events, or one of them lacks something.
 */
export function decodeEventsJson(
  text: string,
  limits: Limits = LIMITS,
): ProposedEvent[] {
  return runSteps(decodeTextInSteps(text, limits));
}

function* decodeTextInSteps(
  text: string,
  limits: Limits,
): Steps<ProposedEvent[]> {
  const scanned = yield* scanEventArrayInSteps(text, {
    depthMax: limits.jsonDepthMax,
    layoutMax: limits.eventBytesMax,
    eventsMax: limits.batchEventsMax,
  });
  switch (scanned.kind) {
    case "malformed":
      throw invalidBody();
    case "tooDeep":
      throw nestedTooDeeply();
    case "tooLong":
      throw eventTooLarge(limits);
    case "tooMany":
      throw tooManyEvents(limits);
  }
  if (scanned.events.length === 0) throw invalidBody();
  // What cannot be read anywhere makes the whole body invalid, before what is
  // missing in some event is looked at.
  const eventIds = scanned.events.map(readEventId);
  return scanned.events.map((event, index) => {
    if (event === null) throw invalidBody();
    return proposeEvent(event, eventIds[index], limits);
  });
}

function readEventId(event: ScannedEvent | null): string | undefined {
  if (event?.eventId === undefined) return undefined;
  const { kind, text } = event.eventId;
  const eventId = kind === "string" ? parseEventId(text) : undefined;
  if (eventId === undefined) throw invalidBody();
  return eventId;
}

function proposeEvent(
  event: ScannedEvent,
  eventId: string | undefined,
  limits: Limits,
): ProposedEvent {
  if (eventId === undefined || eventId === ZERO_EVENT_ID) throw emptyEventId();
  const eventType = readEventType(event.eventType);
  if (eventType === "") throw emptyEventType();
  const proposed: ProposedEvent = {
    eventId,
    eventType,
    isJson: isJson(event.data) || event.metadata?.kind === "object",
    data: storedText(event.data),
    metadata: storedMetadata(event.metadata),
  };
  checkEvent(proposed, limits);
  return proposed;
}

/** Scalars become their text, as the original's JSON reader makes them. */
function readEventType(member: JsonMember | undefined): string {
  if (member === undefined) return "";
  switch (member.kind) {
    case "string":
    case "number":
      return member.text;
    case "boolean":
      return member.text === "true" ? "True" : "False";
    case "null":
      return "";
    case "object":
    case "array":
      throw invalidBody();
  }
}

/**
 * The original stores arrays, numbers and booleans as nothing at all; here they
 * are kept as the JSON they are.
 */
function isJson(member: JsonMember | undefined): boolean {
  return member !== undefined && member.kind !== "string" &&
    member.kind !== "null";
}

function storedText(member: JsonMember | undefined): string {
  return member === undefined || member.kind === "null" ? "" : member.text;
}

/** Metadata is an object or a text; anything else is none, as recorded. */
function storedMetadata(member: JsonMember | undefined): string {
  const isKept = member?.kind === "object" || member?.kind === "string";
  return isKept ? member.text : "";
}
