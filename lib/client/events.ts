/**
 * Events as callers have them, and as entries of feeds bring them.
 *
 * `Types` maps the caller's event types to their data. It is a promise of the
 * caller: data is not checked against it.
 *
 * @module
 */

import { ClientError } from "./errors.ts";

/** Any types of events, with any data. */
export type AnyTypes = Readonly<Record<string, unknown>>;

/** Names of the event types of a map. */
type TypeOf<Types extends object> = keyof Types & string;

/** An event to append. */
export type NewEvent<Types extends object = AnyTypes> = {
  [Type in TypeOf<Types>]: {
    readonly eventType: Type;
    /**
     * JSON: an object, an array, a number or a boolean. A string is stored as
     * text, and bytes as they are; both are read with `readBytes`.
     */
    readonly data: Types[Type] | Uint8Array<ArrayBuffer>;
    /** A JSON object. */
    readonly metadata?: unknown;
    /** A UUID. Default: a random one. */
    readonly eventId?: string | undefined;
  };
}[TypeOf<Types>];

/** An event that is stored. */
export type RecordedEvent<Types extends object = AnyTypes> = {
  [Type in TypeOf<Types>]: EventFields & {
    readonly eventType: Type;
    /** What its JSON says; undefined if it has none. */
    readonly data: Types[Type];
  };
}[TypeOf<Types>];

/** What all stored events have. */
export interface EventFields {
  readonly streamName: string;
  readonly eventNumber: number;
  readonly eventId: string;
  /** Whether `data` is JSON; else `readBytes` reads it. */
  readonly isJson: boolean;
  /** The JSON of `data` as the server sent it, so that no digit is lost. */
  readonly dataText: string | undefined;
  /** What its JSON says, or its text; undefined without any. */
  readonly metadata: unknown;
  /** ISO 8601, UTC, in microseconds. */
  readonly createdAt: string;
  /** Where it stands in the stream that was read, if that is another one. */
  readonly link?: EventPlace;
  /**
   * Where to go on after it (`after` of `follow`): its number in the stream that
   * was read, or its position in `$all`; undefined in pages of `$all`.
   */
  readonly place: string | undefined;
}

/** A place in a stream. */
export interface EventPlace {
  readonly streamName: string;
  readonly eventNumber: number;
}

/** An entry of a feed with `embed=body`. */
export type Entry = Readonly<Record<string, unknown>>;

/**
 * The event of an entry.
 *
 * @param place As the feed says it; undefined: the number of the entry.
 * @returns Undefined for a link to an event that is gone or may not be read.
 */
export function decodeEntry<Types extends object>(
  entry: Entry,
  place?: string,
): RecordedEvent<Types> | undefined {
  if (entry["eventId"] === undefined) return undefined;
  const isJson = entry["isJson"] === true;
  const dataText = isJson ? textMember(entry, "data") : undefined;
  const metadataText = textMember(entry, "metaData");
  const streamName = String(entry["streamId"]);
  const eventNumber = Number(entry["eventNumber"]);
  const shownIn = {
    streamName: String(entry["positionStreamId"]),
    eventNumber: Number(entry["positionEventNumber"]),
  };
  const isLinked = shownIn.streamName !== streamName ||
    shownIn.eventNumber !== eventNumber;
  const event = {
    streamName,
    eventNumber,
    eventId: String(entry["eventId"]),
    eventType: String(entry["eventType"]),
    isJson,
    dataText,
    data: jsonOf(dataText),
    metadata: jsonOf(metadataText),
    createdAt: String(entry["updated"]),
    place: place ?? String(shownIn.eventNumber),
    ...(isLinked && { link: shownIn }),
  };
  // The map of types is the caller's promise.
  return event as unknown as RecordedEvent<Types>;
}

function textMember(entry: Entry, name: string): string | undefined {
  const value = entry[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What a text says as JSON; the text itself, if it is none. */
function jsonOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Parses a document that the server sent.
 *
 * @throws {ClientError} `unexpected`, if it is no JSON object or array.
 */
export function parseDocument(text: string): Entry {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw unexpectedDocument({ cause: error });
  }
  if (typeof document !== "object" || document === null) {
    throw unexpectedDocument();
  }
  return document as Entry;
}

function unexpectedDocument(options?: ErrorOptions): ClientError {
  return new ClientError(
    "unexpected",
    "The server answers with something that is not the JSON expected",
    options,
  );
}
