/**
 * Feeds as JSON (spec: streams §5.2 and §8.4), and their entries as items of a
 * feed, as documents and as messages of a live feed (spec: streams §5.4, §5.7).
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import { formatEventNumber } from "../../model/event_number.ts";
import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import type { ByteText } from "../../text/byte_text.ts";
import { newlineAt } from "../json/json_layout.ts";
import { decodeUtf8Leniently } from "../../text/utf8.ts";
import { quoteJson } from "../json/json_string.ts";
import { reindentJson } from "../json/json_text.ts";
import { EntryBytes } from "./entry_bytes.ts";
import {
  type Feed,
  type FeedForm,
  formatUpdated,
  type LinksOfEntry,
  type RenderedBody,
  renderFeedForm,
} from "./feed.ts";
import type { FeedLink, StreamRefs } from "./links.ts";

/** Writes a feed as indented JSON. */
export function renderFeedJson(feed: Feed, embed: EmbedLevel): RenderedBody {
  return renderFeedForm(feed, new JsonFeed(feed, embed));
}

/** The separator before an entry. */
const FIRST_ENTRY = "\n    ";
const NEXT_ENTRY = ",\n    ";

class JsonFeed implements FeedForm {
  readonly #refs: StreamRefs;
  readonly #options: EntryOptions;
  readonly #linksOfEntry: LinksOfEntry | undefined;
  #entryBytes: EntryBytes | undefined;

  constructor({ refs, linksOfEntry }: Feed, embed: EmbedLevel) {
    this.#refs = refs;
    this.#options = { embed, depth: 2 };
    this.#linksOfEntry = linksOfEntry;
  }

  head(feed: Feed): string {
    const id = quoteJson(feed.id);
    let out = '{\n  "title": ' + quoteJson(feed.title) +
      ',\n  "id": ' + id +
      ',\n  "updated": "' + feed.updated + '"';
    if (feed.streamName !== undefined) {
      out += ',\n  "streamId": ' + quoteJson(feed.streamName);
    }
    out += ",\n  " + authorAt(1) + ',\n  "headOfStream": ' +
      feed.isHeadOfStream;
    if (feed.hasSelfUrl) out += ',\n  "selfUrl": ' + id;
    if (feed.etag !== undefined) out += ',\n  "eTag": "' + feed.etag + '"';
    out += ',\n  "links": [';
    let separator = "";
    for (const link of feed.links) {
      out += separator + '\n    {\n      "uri": ' + quoteJson(link.uri) +
        ',\n      "relation": "' + link.relation + '"\n    }';
      separator = ",";
    }
    return out + '\n  ],\n  "entries": [';
  }

  entry(event: ResolvedEvent, isFirst: boolean): string {
    return (isFirst ? FIRST_ENTRY : NEXT_ENTRY) +
      renderEntryJson(event, this.#refs, this.#optionsOf(event));
  }

  #optionsOf(event: ResolvedEvent): EntryOptions {
    return this.#linksOfEntry === undefined
      ? this.#options
      : { ...this.#options, links: this.#linksOfEntry(event) };
  }

  write(out: ByteText, event: ResolvedEvent, isFirst: boolean): void {
    if (this.#linksOfEntry !== undefined) {
      out.pushText(this.entry(event, isFirst));
      return;
    }
    out.pushAscii(isFirst ? FIRST_ENTRY : NEXT_ENTRY);
    this.#entryBytes ??= new EntryBytes(
      this.#refs.baseUrl,
      this.#options.embed,
      (entry, refs) => renderEntryJson(entry, refs, this.#options),
    );
    this.#entryBytes.write(out, event);
  }

  tail(_feed: Feed, isEmpty: boolean): string {
    return isEmpty ? "]\n}" : "\n  ]\n}";
  }
}

interface EntryOptions {
  readonly embed: EmbedLevel;
  /** Depth at which the entry is written. */
  readonly depth: number;
  /**
   * Whether the entry is a document of its own: it has its content whatever
   * the embed level.
   */
  readonly isDocument?: boolean;
  /** Links besides its own two. */
  readonly links?: readonly FeedLink[];
}

/** Writes an entry. */
export function renderEntryJson(
  event: ResolvedEvent,
  refs: StreamRefs,
  options: EntryOptions,
): string {
  const { original, link } = event;
  const { embed, depth, isDocument = false, links } = options;
  const newline = newlineAt(depth + 1);
  const shown = event.target ?? (link === undefined ? original : undefined);
  const isRich = embed !== "none" && embed !== "content" && shown !== undefined;

  const stream = refs.of(link?.streamName ?? original.streamName);
  const number = formatEventNumber(link?.eventNumber ?? original.eventNumber);
  const uri = `${stream.jsonUri}/${number}"`;
  const separator = "," + newline;

  let out = "{" + newline;
  if (isRich) out += richFields(event, shown, refs, embed, separator);
  out += '"title": "' + number + "@" + stream.jsonName + '"' + separator +
    '"id": "' + uri + separator +
    '"updated": "' + formatUpdated(original.createdAtUs) + '"' + separator +
    authorAt(depth + 1) + separator +
    '"summary": ' + quoteJson(original.eventType) + separator;
  const hasContent = link === undefined && original.isJson &&
    (isDocument || embed === "content");
  if (hasContent) {
    out += '"content": ' + renderDto(original, refs, depth + 1) + separator;
  }
  return out + entryLinks(uri, depth + 1, links) + newlineAt(depth) + "}";
}

/** Writes an entry on one line, for a live feed. */
export function renderEntryLine(
  event: ResolvedEvent,
  refs: StreamRefs,
  embed: EmbedLevel,
): string {
  // Line breaks in strings are escaped: each one here is layout.
  return renderEntryJson(event, refs, { embed, depth: 0 })
    .replace(/\n */g, "");
}

/** The event's own description, as `content` and `event+json` have it. */
export function renderDto(
  event: RecordedEvent,
  refs: StreamRefs,
  depth: number,
): string {
  const separator = "," + newlineAt(depth + 1);
  const { isJson } = event;
  return "{" + newlineAt(depth + 1) +
    '"eventStreamId": "' + refs.of(event.streamName).jsonName + '"' +
    separator +
    '"eventNumber": ' + formatEventNumber(event.eventNumber) + separator +
    '"eventType": ' + quoteJson(event.eventType) + separator +
    '"eventId": "' + event.eventId + '"' + separator +
    '"data": ' + jsonValueOf(event.data, isJson, depth + 1) + separator +
    '"metadata": ' + jsonValueOf(event.metadata, isJson, depth + 1) +
    newlineAt(depth) + "}";
}

/** The members that the levels from `rich` on put first in an entry. */
function richFields(
  event: ResolvedEvent,
  shown: RecordedEvent,
  refs: StreamRefs,
  embed: EmbedLevel,
  separator: string,
): string {
  const { original, link } = event;
  let bodies = "";
  let isJson = shown.isJson;
  let hasMetadata = false;
  let hasLinkMetadata = false;
  if (embed !== "rich") {
    const isPretty = embed !== "body";
    if (isJson || embed === "tryharder") {
      const text = textOfBytes(shown.data);
      const pretty = isPretty ? prettyOf(text) : undefined;
      // Whatever can be laid out as JSON counts as JSON; so does nothing.
      if (pretty !== undefined) isJson = true;
      bodies += '"data": ' + quoteJson(pretty ?? text) + separator;
    }
    hasMetadata = shown.metadata.length > 0;
    if (hasMetadata) {
      bodies += '"metaData": ' + textJson(shown.metadata, isPretty) + separator;
    }
    if (link !== undefined) {
      hasLinkMetadata = original.metadata.length > 0;
      bodies += '"linkMetaData": ' + textJson(original.metadata, isPretty) +
        separator;
    }
  }
  return '"eventId": "' + shown.eventId + '"' + separator +
    '"eventType": ' + quoteJson(shown.eventType) + separator +
    '"eventNumber": ' + formatEventNumber(shown.eventNumber) + separator +
    bodies +
    '"streamId": "' + refs.of(shown.streamName).jsonName + '"' + separator +
    '"isJson": ' + isJson + separator +
    '"isMetaData": ' + hasMetadata + separator +
    '"isLinkMetaData": ' + hasLinkMetadata + separator +
    '"positionEventNumber": ' + formatEventNumber(original.eventNumber) +
    separator +
    '"positionStreamId": "' + refs.of(original.streamName).jsonName + '"' +
    separator;
}

/** Text as the levels from `pretty` on show it, if that differs. */
function prettyOf(text: string): string | undefined {
  return text === "" ? "" : indentedObject(text);
}

function textJson(bytes: Uint8Array, isPretty: boolean): string {
  const text = textOfBytes(bytes);
  return quoteJson((isPretty ? prettyOf(text) : undefined) ?? text);
}

const authors: string[] = [];

/** The author, who is always the same. */
function authorAt(depth: number): string {
  return authors[depth] ??= '"author": {' + newlineAt(depth + 1) +
    '"name": "EventStore"' + newlineAt(depth) + "}";
}

const NO_LINKS: readonly FeedLink[] = [];

/** @param uri As it stands in JSON, with its closing quote. */
function entryLinks(
  uri: string,
  depth: number,
  more: readonly FeedLink[] | undefined,
): string {
  const item = newlineAt(depth + 1);
  const member = newlineAt(depth + 2);
  let out = '"links": [' + item + "{" + member + '"uri": "' + uri + "," +
    member + '"relation": "edit"' + item + "}," + item + "{" + member +
    '"uri": "' + uri + "," + member + '"relation": "alternate"' + item + "}";
  for (const link of more ?? NO_LINKS) {
    out += "," + item + "{" + member + '"uri": ' + quoteJson(link.uri) + "," +
      member + '"relation": "' + link.relation + '"' + item + "}";
  }
  return out + newlineAt(depth) + "]";
}

/** Decodes stored bytes; what is no UTF-8 becomes U+FFFD. */
export function textOfBytes(bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : decodeUtf8Leniently(bytes);
}

/**
 * Writes stored bytes as a JSON value: of an event that counts as JSON what it
 * says, else, or if it says null or nothing readable, a string.
 *
 * @param depth Depth at which it is written.
 */
export function jsonValueOf(
  bytes: Uint8Array,
  isJson: boolean,
  depth: number,
): string {
  if (bytes.length === 0) return '""';
  const text = decodeUtf8Leniently(bytes);
  if (!isJson) return quoteJson(text);
  const value = reindentJson(text, { depth, isLenient: true });
  return value === undefined || value === "null" ? quoteJson(text) : value;
}

/**
 * Re-indents text that is a JSON object.
 *
 * @returns `undefined` for anything else.
 */
export function indentedObject(text: string): string | undefined {
  const value = reindentJson(text, { isLenient: true });
  return value?.charCodeAt(0) === 0x7b ? value : undefined;
}
