/**
 * The quick way for bodies of the type `events+json`: plain ones are read from
 * their bytes, and what is stored of them is written as bytes, without a
 * string or object for each value in between.
 *
 * It reads only what needs no thought: strict JSON in valid UTF-8, the four
 * known members by their exact names, event ids of 36 characters, and strings
 * whose escapes stay as they are. Of everything else it says so, and
 * `json_events.ts` reads it; both give the same events.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { JsonCopier, type JsonValueKind } from "./json_copier.ts";
import { runSteps, STEP_LENGTH, type Steps } from "../../text/steps.ts";
import { decodeUtf8, encodeUtf8 } from "../../text/utf8.ts";

/** One event, with the bytes that are stored of it. */
export interface PlainEvent {
  /** The id's 16 bytes stand here, from `eventIdOffset` on. */
  readonly eventIdBytes: Uint8Array;
  readonly eventIdOffset: number;
  /** Where its 36 characters stand in the body. */
  readonly eventIdStart: number;
  readonly eventType: string;
  /** `absent` where there is no such member. */
  readonly dataKind: JsonValueKind | "absent";
  /** Re-indented JSON, or the characters of a string. */
  readonly data: Uint8Array;
  readonly metadataKind: JsonValueKind | "absent";
  readonly metadata: Uint8Array;
}

export interface ScanPlainOptions<Event> {
  /** Nesting that is read, the array and the events included. */
  readonly depthMax: number;
  readonly eventsMax: number;
  /** Bytes of a value from which on it is not plain. Default: no bound. */
  readonly valueMax?: number;
  /**
   * Makes what is returned of an event; `undefined` when it is not plain. One
   * object serves event after event: it is not to be kept.
   */
  readonly make: (event: PlainEvent) => Event | undefined;
}

const EMPTY = new Uint8Array(0);
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Depth at which values of events stand: in the array, in an event. */
const VALUE_DEPTH = 2;

/**
 * Scans a plain array of events, one at least.
 *
 * @returns `undefined` when it is not plain: read it the other way.
 */
export function scanPlainEvents<Event>(
  bytes: Uint8Array,
  options: ScanPlainOptions<Event>,
): Event[] | undefined {
  return runSteps(scanPlainEventsInSteps(bytes, options));
}

/** As {@link scanPlainEvents}, with a pause now and then between two events. */
export function* scanPlainEventsInSteps<Event>(
  bytes: Uint8Array,
  { depthMax, eventsMax, valueMax = Infinity, make }: ScanPlainOptions<Event>,
): Steps<Event[] | undefined> {
  if (!isUtf8(bytes)) return undefined;
  const copier = new JsonCopier(bytes, depthMax - VALUE_DEPTH, valueMax);
  const scan = new PlainScan(bytes, copier);
  const events: Event[] = [];
  let pauseAt = STEP_LENGTH;
  if (!copier.take(BRACKET)) return undefined;
  do {
    if (events.length >= eventsMax || !scan.readEvent()) return undefined;
    const event = make(scan);
    if (event === undefined) return undefined;
    events.push(event);
    if (copier.position < pauseAt) continue;
    pauseAt = copier.position + STEP_LENGTH;
    yield;
  } while (copier.take(COMMA));
  if (!copier.take(BRACKET_END) || !copier.isAtEnd()) return undefined;
  copier.finish();
  return events;
}

/** Reads event after event; its members are those of the last one. */
class PlainScan implements PlainEvent {
  eventIdBytes: Uint8Array = EMPTY;
  eventIdOffset = 0;
  eventIdStart = 0;
  eventType = "";
  dataKind: JsonValueKind | "absent" = "absent";
  data: Uint8Array = EMPTY;
  metadataKind: JsonValueKind | "absent" = "absent";
  metadata: Uint8Array = EMPTY;

  readonly #bytes: Uint8Array;
  readonly #copier: JsonCopier;
  /** The type read last, with its closing quote. */
  #lastType: Uint8Array = EMPTY;

  constructor(bytes: Uint8Array, copier: JsonCopier) {
    this.#bytes = bytes;
    this.#copier = copier;
  }

  /** Reads the next event; false when it is not plain. */
  readEvent(): boolean {
    const copier = this.#copier;
    let hasId = false;
    let hasType = false;
    this.dataKind = "absent";
    this.data = EMPTY;
    this.metadataKind = "absent";
    this.metadata = EMPTY;
    if (!copier.take(BRACE)) return false;
    do {
      if (!copier.take(QUOTE)) return false;
      if (copier.takeAll(EVENT_ID_NAME)) {
        if (!this.#readEventId()) return false;
        hasId = true;
      } else if (copier.takeAll(EVENT_TYPE_NAME)) {
        if (!this.#readEventType()) return false;
        hasType = true;
      } else if (copier.takeAll(DATA_NAME)) {
        const kind = this.#readValue();
        if (kind === undefined) return false;
        this.dataKind = kind;
        this.data = copier.copied;
      } else if (copier.takeAll(METADATA_NAME)) {
        const kind = this.#readValue();
        if (kind === undefined) return false;
        this.metadataKind = kind;
        this.metadata = copier.copied;
      } else return false;
    } while (copier.take(COMMA));
    return hasId && hasType && copier.take(BRACE_END);
  }

  #readEventId(): boolean {
    const copier = this.#copier;
    if (!copier.take(COLON) || !copier.take(QUOTE)) return false;
    this.eventIdStart = copier.position;
    this.eventIdOffset = copier.copyUuid();
    this.eventIdBytes = copier.out;
    return this.eventIdOffset >= 0 && copier.takeAll(CLOSING_QUOTE);
  }

  /** Types repeat from event to event: the same bytes are decoded once. */
  #readEventType(): boolean {
    const copier = this.#copier;
    if (!copier.take(COLON) || !copier.take(QUOTE)) return false;
    if (this.#lastType !== EMPTY && copier.takeAll(this.#lastType)) return true;
    const bytes = this.#bytes;
    const start = copier.position;
    let end = start;
    for (;; end++) {
      const code = bytes[end] ?? 0;
      if (code === QUOTE) break;
      if (code < 0x20 || code === BACKSLASH) return false;
    }
    if (end === start) return false;
    copier.position = end + 1;
    this.#lastType = bytes.subarray(start, end + 1);
    this.eventType = decodeUtf8(bytes.subarray(start, end));
    return true;
  }

  #readValue(): JsonValueKind | undefined {
    return this.#copier.take(COLON) ? this.#copier.copyValue() : undefined;
  }
}

/** The names of the members, each with its closing quote. */
const EVENT_ID_NAME = encodeUtf8('eventId"');
const EVENT_TYPE_NAME = encodeUtf8('eventType"');
const DATA_NAME = encodeUtf8('data"');
const METADATA_NAME = encodeUtf8('metadata"');
const CLOSING_QUOTE = encodeUtf8('"');
