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

export interface ScanPlainOptions {
  /** Nesting that is read, the array and the events included. */
  readonly depthMax: number;
  readonly eventsMax: number;
}

const EMPTY = new Uint8Array(0);
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
/** Depth at which values of events stand: in the array, in an event. */
const VALUE_DEPTH = 2;

/**
 * Scans a plain array of events, one at least.
 *
 * @returns `undefined` when it is not plain: read it the other way.
 */
export function scanPlainEvents(
  bytes: Uint8Array,
  options: ScanPlainOptions,
): PlainEvent[] | undefined {
  if (!isUtf8(bytes)) return undefined;
  const scan = new PlainScan(bytes, options.depthMax - VALUE_DEPTH);
  const events: PlainEvent[] = [];
  if (!scan.take(BRACKET)) return undefined;
  do {
    if (events.length >= options.eventsMax) return undefined;
    const event = scan.readEvent();
    if (event === undefined) return undefined;
    events.push(event);
  } while (scan.take(COMMA));
  return scan.take(BRACKET_END) && scan.isAtEnd() ? events : undefined;
}

class PlainScan {
  readonly #bytes: Uint8Array;
  readonly #copier: JsonCopier;
  #lastType = "";
  #lastTypeStart = 0;
  #lastTypeEnd = 0;

  constructor(bytes: Uint8Array, depthMax: number) {
    this.#bytes = bytes;
    this.#copier = new JsonCopier(bytes, depthMax);
  }

  /** Skips white space, and the byte if it is next. */
  take(code: number): boolean {
    const copier = this.#copier;
    copier.skipBlanks();
    if (this.#bytes[copier.position] !== code) return false;
    copier.position++;
    return true;
  }

  isAtEnd(): boolean {
    this.#copier.skipBlanks();
    return this.#copier.position === this.#bytes.length;
  }

  readEvent(): PlainEvent | undefined {
    if (!this.take(BRACE)) return undefined;
    let eventIdBytes: Uint8Array | undefined;
    let eventIdOffset = 0;
    let eventIdStart = 0;
    let eventType: string | undefined;
    let dataKind: JsonValueKind | "absent" = "absent";
    let metadataKind: JsonValueKind | "absent" = "absent";
    let data: Uint8Array = EMPTY;
    let metadata: Uint8Array = EMPTY;
    const copier = this.#copier;
    do {
      const member = this.#readMemberName();
      if (member === undefined || !this.take(COLON)) return undefined;
      if (member === "eventId") {
        if (!this.take(QUOTE)) return undefined;
        eventIdStart = copier.position;
        eventIdOffset = copier.copyUuid();
        if (eventIdOffset < 0) return undefined;
        if (this.#bytes[copier.position++] !== QUOTE) return undefined;
        eventIdBytes = copier.out;
      } else if (member === "eventType") {
        eventType = this.#readEventType();
        if (eventType === undefined) return undefined;
      } else {
        const kind = copier.copyValue();
        if (kind === undefined) return undefined;
        if (member === "data") {
          dataKind = kind;
          data = copier.copied;
        } else {
          metadataKind = kind;
          metadata = copier.copied;
        }
      }
    } while (this.take(COMMA));
    if (!this.take(BRACE_END)) return undefined;
    if (eventIdBytes === undefined || eventType === undefined) return undefined;
    return {
      eventIdBytes,
      eventIdOffset,
      eventIdStart,
      eventType,
      dataKind,
      data,
      metadataKind,
      metadata,
    };
  }

  #readMemberName():
    | "eventId"
    | "eventType"
    | "data"
    | "metadata"
    | undefined {
    if (!this.take(QUOTE)) return undefined;
    for (const [name, codes] of MEMBER_NAMES) {
      if (this.#takeAll(codes)) return name;
    }
    return undefined;
  }

  /** Takes the bytes if they are next, all of them. */
  #takeAll(codes: Uint8Array): boolean {
    const bytes = this.#bytes;
    const start = this.#copier.position;
    for (let index = 0; index < codes.length; index++) {
      if (bytes[start + index] !== codes[index]) return false;
    }
    this.#copier.position = start + codes.length;
    return true;
  }

  /** Types repeat from event to event: the same bytes are decoded once. */
  #readEventType(): string | undefined {
    if (!this.take(QUOTE)) return undefined;
    const bytes = this.#bytes;
    const start = this.#copier.position;
    const lastLength = this.#lastTypeEnd - this.#lastTypeStart;
    let end = start;
    let isLast = true;
    for (;; end++) {
      const code = bytes[end] ?? 0;
      if (code === QUOTE) break;
      if (code < 0x20 || code === BACKSLASH) return undefined;
      isLast &&= code === bytes[this.#lastTypeStart + end - start];
    }
    if (end === start) return undefined;
    this.#copier.position = end + 1;
    if (!isLast || end - start !== lastLength) {
      this.#lastType = UTF8.decode(bytes.subarray(start, end));
      this.#lastTypeStart = start;
      this.#lastTypeEnd = end;
    }
    return this.#lastType;
  }
}

const BACKSLASH = 0x5c;

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The names of the members, each with its closing quote. */
const MEMBER_NAMES = (["eventId", "eventType", "data", "metadata"] as const)
  .map((name) => [name, new TextEncoder().encode(name + '"')] as const);
