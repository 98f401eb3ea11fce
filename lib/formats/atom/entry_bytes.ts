/**
 * Entries of JSON feeds as bytes, for pages and live feeds of many: the same
 * that `feed_json.ts` writes, from which the layout is taken. What that shows
 * of an ordinary event is cut into the parts that are always the same and the
 * places between them.
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../model/event_number.ts";
import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import type { ByteText } from "../../text/byte_text.ts";
import { quoteJson } from "../json/json_string.ts";
import { formatUpdated } from "./feed.ts";
import { streamRef, StreamRefs } from "./links.ts";
import { encodeUtf8 } from "../../text/utf8.ts";

/** Writes an entry as text: that of a page, or of a live feed. */
type RenderEntry = (event: ResolvedEvent, refs: StreamRefs) => string;

/** Stand for what differs from entry to entry; no event's layout has them. */
const PLACES = {
  id: "\ue000",
  type: "\ue001",
  number: "\ue002",
  data: "\ue003",
  metadata: "\ue004",
  name: "\ue005",
  uri: "\ue006",
  updated: "\ue007",
} as const;
type Place = keyof typeof PLACES;

const PLACE_NAMES = new Map<string, Place>([
  ["\ue000", "id"],
  ["\ue001", "type"],
  ["\ue002", "number"],
  ["\ue003", "data"],
  ["\ue004", "metadata"],
  ["\ue005", "name"],
  ["\ue006", "uri"],
  ["\ue007", "updated"],
]);
const ANY_PLACE = /[\ue000-\ue007]/u;

/** As written before they are replaced by their places. */
const SAMPLE_NUMBER = 7_777_777_777_777;
const SAMPLE_TIME_US = 1_111_111_111_111_111;
const SAMPLE_BASE = "\ue006";

/** Types whose bytes are remembered. */
const TYPES_MAX = 256;

const SECOND_US = 1_000_000;
const FRACTION_DIGITS = 6;

/** The part of a URI that never needs an escape, in neither place. */
const PLAIN_NAME = /^[A-Za-z0-9_~-]+$/;

/** The parts of an entry that are always the same, and what comes after each. */
interface Layout {
  readonly parts: readonly Uint8Array[];
  readonly places: readonly (Place | undefined)[];
}

/** Writes entries. */
export class EntryBytes {
  readonly #render: RenderEntry;
  readonly #baseUrl: string;
  readonly #hasBodies: boolean;
  readonly #isKnownLevel: boolean;
  readonly #uriStart: Uint8Array;
  /** By whether the event is JSON and whether it has metadata. */
  readonly #layouts: (Layout | undefined)[] = [];
  #refs: StreamRefs;
  #type: string | undefined;
  readonly #types = new Map<string, Uint8Array>();
  #typeBytes: Uint8Array = new Uint8Array(0);
  #name: string | undefined;
  /** The stream's name in JSON, and its URI's end; of the first so many bytes. */
  #nameBytes: Uint8Array = new Uint8Array(64);
  #nameLength = 0;
  #uriBytes: Uint8Array = new Uint8Array(64);
  #uriLength = 0;
  readonly #digits = new Uint8Array(20);
  #digitCount = 0;
  #second = NaN;
  #secondText = "";
  /** Point, digits and `Z`. */
  readonly #fraction = new Uint8Array(FRACTION_DIGITS + 2);

  /**
   * @param baseUrl `http://host[:port][/prefix]`, no slash at its end.
   * @param render Writes entries of that level as text; it is asked for what
   * is not ordinary, and for samples.
   */
  constructor(baseUrl: string, embed: EmbedLevel, render: RenderEntry) {
    this.#render = render;
    this.#baseUrl = baseUrl;
    this.#refs = new StreamRefs(baseUrl);
    this.#hasBodies = embed === "body";
    this.#isKnownLevel = embed === "body" || embed === "rich" ||
      embed === "none";
    this.#uriStart = encodeUtf8(
      quoteJson(`${baseUrl}/streams/`).slice(1, -1),
    );
  }

  /** Appends an entry. */
  write(out: ByteText, event: ResolvedEvent): void {
    const { original } = event;
    const isOrdinary = this.#isKnownLevel && event.link === undefined &&
      original.eventNumber < TOMBSTONE_EVENT_NUMBER;
    if (!isOrdinary) {
      // A page has few of them, or is all of them.
      out.pushText(this.#render(event, this.#refs));
      return;
    }
    this.#writeOrdinary(out, original);
  }

  /** Forgets the streams of links, which otherwise gather. */
  forgetStreams(): void {
    this.#refs = new StreamRefs(this.#baseUrl);
  }

  #writeOrdinary(out: ByteText, event: RecordedEvent): void {
    const { isJson } = event;
    const metadata = this.#hasBodies ? event.metadata : undefined;
    const hasMetadata = metadata !== undefined && metadata.length > 0;
    const { parts, places } = this.#layoutOf(isJson, hasMetadata);
    const { streamName, eventType } = event;
    if (streamName !== this.#name) this.#setName(streamName);
    if (eventType !== this.#type) this.#setType(eventType);
    this.#setNumber(event.eventNumber);
    const last = parts.length - 1;
    for (let index = 0; index <= last; index++) {
      const part = parts[index];
      if (part !== undefined) out.pushBytes(part);
      switch (places[index]) {
        case "id":
          out.pushAscii(event.eventId);
          break;
        case "type":
          out.pushBytes(this.#typeBytes);
          break;
        case "number":
          out.pushBytes(this.#digits, this.#digitCount);
          break;
        case "data":
          out.pushJsonString(event.data);
          break;
        case "metadata":
          if (metadata !== undefined) out.pushJsonString(metadata);
          break;
        case "name":
          out.pushBytes(this.#nameBytes, this.#nameLength);
          break;
        case "uri":
          out.pushBytes(this.#uriStart);
          out.pushBytes(this.#uriBytes, this.#uriLength);
          break;
        case "updated":
          this.#pushTime(out, event.createdAtUs);
          break;
      }
    }
  }

  #setType(eventType: string): void {
    this.#type = eventType;
    let bytes = this.#types.get(eventType);
    if (bytes === undefined) {
      if (this.#types.size >= TYPES_MAX) this.#types.clear();
      bytes = encodeUtf8(quoteJson(eventType).slice(1, -1));
      this.#types.set(eventType, bytes);
    }
    this.#typeBytes = bytes;
  }

  #setName(streamName: string): void {
    this.#name = streamName;
    const { length } = streamName;
    if (length <= this.#uriBytes.length && PLAIN_NAME.test(streamName)) {
      // Made new for each event of a page of the whole log.
      this.#nameBytes = this.#uriBytes;
      for (let index = 0; index < length; index++) {
        this.#nameBytes[index] = streamName.charCodeAt(index);
      }
      this.#nameLength = this.#uriLength = length;
      return;
    }
    const { jsonName, jsonUri } = streamRef(this.#baseUrl, streamName);
    const nameBytes = encodeUtf8(jsonName);
    this.#nameLength = nameBytes.length;
    const uriBytes = encodeUtf8(jsonUri).subarray(this.#uriStart.length);
    this.#uriLength = uriBytes.length;
    this.#nameBytes = padded(nameBytes);
    this.#uriBytes = padded(uriBytes);
  }

  #setNumber(eventNumber: number): void {
    let count = 1;
    for (let bound = 10; eventNumber >= bound; bound *= 10) count++;
    this.#digitCount = count;
    if (eventNumber >= 2 ** 31) {
      this.#digits.set(encodeUtf8(String(eventNumber)));
      return;
    }
    let rest = eventNumber;
    for (let at = count - 1; at >= 0; at--) {
      const next = (rest / 10) | 0;
      this.#digits[at] = 0x30 + rest - next * 10;
      rest = next;
    }
  }

  /** As `formatUpdated()` writes it: events of a page are mostly of one second. */
  #pushTime(out: ByteText, timeUs: number): void {
    const second = Math.floor(timeUs / SECOND_US);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = formatUpdated(second * SECOND_US).slice(0, -1);
    }
    out.pushAscii(this.#secondText);
    let fraction = timeUs - second * SECOND_US;
    let digitCount = fraction === 0 ? 0 : FRACTION_DIGITS;
    while (digitCount > 0 && fraction % 10 === 0) {
      fraction /= 10;
      digitCount--;
    }
    const digits = this.#fraction;
    digits[0] = 0x2e;
    for (let at = digitCount; at > 0; at--) {
      digits[at] = 0x30 + fraction % 10;
      fraction = Math.floor(fraction / 10);
    }
    const end = digitCount === 0 ? 0 : digitCount + 1;
    digits[end] = 0x5a;
    out.pushBytes(digits, end + 1);
  }

  #layoutOf(isJson: boolean, hasMetadata: boolean): Layout {
    const key = (isJson ? 1 : 0) + (hasMetadata ? 2 : 0);
    return this.#layouts[key] ??= this.#makeLayout(isJson, hasMetadata);
  }

  #makeLayout(isJson: boolean, hasMetadata: boolean): Layout {
    const original: RecordedEvent = {
      streamName: PLACES.name,
      eventNumber: SAMPLE_NUMBER,
      eventId: PLACES.id,
      eventType: PLACES.type,
      isJson,
      data: encodeUtf8(PLACES.data),
      metadata: encodeUtf8(hasMetadata ? PLACES.metadata : ""),
      createdAtUs: SAMPLE_TIME_US,
      logPosition: 0,
    };
    const refs = new StreamRefs(SAMPLE_BASE);
    const event = { original, link: undefined, target: undefined };
    let rest = this.#render(event, refs)
      .replaceAll(String(SAMPLE_NUMBER), PLACES.number)
      .replaceAll(refs.of(PLACES.name).jsonUri, PLACES.uri)
      .replaceAll(formatUpdated(SAMPLE_TIME_US), PLACES.updated);
    const parts: Uint8Array[] = [];
    const places: (Place | undefined)[] = [];
    for (;;) {
      const at = rest.search(ANY_PLACE);
      parts.push(encodeUtf8(at < 0 ? rest : rest.slice(0, at)));
      places.push(at < 0 ? undefined : PLACE_NAMES.get(rest.charAt(at)));
      if (at < 0) return { parts, places };
      rest = rest.slice(at + 1);
    }
  }
}

/** The bytes, with room for a name of usual length in their place. */
function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 64) return bytes;
  const array = new Uint8Array(64);
  array.set(bytes);
  return array;
}
