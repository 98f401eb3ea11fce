/**
 * Entries of JSON feeds (spec: streams §5.4 and §5.7), as items of a feed, as
 * documents and as messages of a live feed.
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import { formatEventNumber } from "../../model/event_number.ts";
import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import { newlineAt } from "../../text/json_layout.ts";
import { quoteJson } from "../json/json_string.ts";
import { indentedObject, jsonValueOf, textOfBytes } from "./event_text.ts";
import type { FeedLink } from "./links.ts";
import { formatUpdated } from "./updated.ts";
import type { StreamRefs } from "./uris.ts";

export interface EntryOptions {
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
  const { embed, depth, isDocument = false, links = [] } = options;
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
  options: Pick<EntryOptions, "embed" | "links">,
): string {
  // Line breaks in strings are escaped: each one here is layout.
  return renderEntryJson(event, refs, { ...options, depth: 0 })
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

/** What the levels from `rich` on put in front of an entry. */
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
export function authorAt(depth: number): string {
  return authors[depth] ??= '"author": {' + newlineAt(depth + 1) +
    '"name": "EventStore"' + newlineAt(depth) + "}";
}

/** @param uri As it stands in JSON, with its closing quote. */
function entryLinks(
  uri: string,
  depth: number,
  more: readonly FeedLink[],
): string {
  const item = newlineAt(depth + 1);
  const member = newlineAt(depth + 2);
  let out = '"links": [' + item + "{" + member + '"uri": "' + uri + "," +
    member + '"relation": "edit"' + item + "}," + item + "{" + member +
    '"uri": "' + uri + "," + member + '"relation": "alternate"' + item + "}";
  for (const link of more) {
    out += "," + item + "{" + member + '"uri": ' + quoteJson(link.uri) + "," +
      member + '"relation": "' + link.relation + '"' + item + "}";
  }
  return out + newlineAt(depth) + "]";
}
