/**
 * Feeds, entries and data of events as XML (spec: streams §5.6 and §6.2).
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import { formatEventNumber } from "../../model/event_number.ts";
import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import { escapeXmlAttribute, escapeXmlText } from "../xml/xml_text.ts";
import { jsonToXml } from "../xml/json_xml.ts";
import { textOfBytes } from "./feed_json.ts";
import {
  type Feed,
  type FeedForm,
  formatUpdated,
  type LinksOfEntry,
  type RenderedBody,
  renderFeedForm,
} from "./feed.ts";
import type { FeedLink, StreamRefs } from "./links.ts";

const DECLARATION = '<?xml version="1.0" encoding="utf-8"?>';
const NAMESPACE = "http://www.w3.org/2005/Atom";

/** Writes a feed as Atom; of the embed levels only `content` shows. */
export function renderFeedXml(feed: Feed, embed: EmbedLevel): RenderedBody {
  return renderFeedForm(feed, new XmlFeed(feed, embed));
}

class XmlFeed implements FeedForm {
  readonly #refs: StreamRefs;
  readonly #hasContent: boolean;
  readonly #linksOfEntry: LinksOfEntry | undefined;

  constructor({ refs, linksOfEntry }: Feed, embed: EmbedLevel) {
    this.#refs = refs;
    this.#hasContent = embed === "content";
    this.#linksOfEntry = linksOfEntry;
  }

  head(feed: Feed): string {
    const out = DECLARATION + `<feed xmlns="${NAMESPACE}"><title>` +
      escapeXmlText(feed.title) + "</title><id>" + escapeXmlText(feed.id) +
      "</id><updated>" + feed.updated +
      "</updated><author><name>EventStore</name></author>";
    return out + linkElements(feed.links);
  }

  entry(event: ResolvedEvent): string {
    let out = "<entry>" + entryFields(event, this.#refs, "");
    if (this.#linksOfEntry !== undefined) {
      out += linkElements(this.#linksOfEntry(event));
    }
    if (this.#hasContent && hasContent(event)) {
      out += '<content type="application/xml">' +
        renderDtoXml(event.original, true) + "</content>";
    }
    return out + "</entry>";
  }

  tail(): string {
    return "</feed>";
  }
}

function linkElements(links: readonly FeedLink[]): string {
  let out = "";
  for (const { uri, relation } of links) {
    out += `<link href="${escapeXmlAttribute(uri)}" rel="${relation}" />`;
  }
  return out;
}

/** Writes an entry as a document of its own; the prefix is the original's. */
export function renderEntryXml(event: ResolvedEvent, refs: StreamRefs): string {
  let out = DECLARATION + `<atom:entry xmlns:atom="${NAMESPACE}">` +
    entryFields(event, refs, "atom:");
  if (hasContent(event)) {
    out += '<atom:content type="application/xml">' +
      renderDtoXml(event.original, false) + "</atom:content>";
  }
  return out + "</atom:entry>";
}

function hasContent(event: ResolvedEvent): boolean {
  return event.link === undefined && event.original.isJson;
}

/** @param prefix Of the Atom elements, with its colon. */
function entryFields(
  event: ResolvedEvent,
  refs: StreamRefs,
  prefix: "" | "atom:",
): string {
  const { original, link } = event;
  const stream = refs.of(link?.streamName ?? original.streamName);
  const number = formatEventNumber(link?.eventNumber ?? original.eventNumber);
  const uri = escapeXmlAttribute(stream.uri) + "/" + number;
  const p = prefix;
  return `<${p}title>${number}@${escapeXmlText(stream.name)}</${p}title>` +
    `<${p}id>${uri}</${p}id>` +
    `<${p}updated>${formatUpdated(original.createdAtUs)}</${p}updated>` +
    `<${p}author><${p}name>EventStore</${p}name></${p}author>` +
    `<${p}summary>${escapeXmlText(original.eventType)}</${p}summary>` +
    `<${p}link href="${uri}" rel="edit" />` +
    `<${p}link href="${uri}" rel="alternate" />`;
}

/**
 * The event's own description as elements without namespace, as `content` and
 * `event+xml` have it.
 *
 * @param isInNamespace Whether they stand where Atom is the default namespace.
 */
export function renderDtoXml(
  event: RecordedEvent,
  isInNamespace: boolean,
): string {
  const ns = isInNamespace ? ' xmlns=""' : "";
  const options = { isJson: event.isJson, isInNamespace };
  return `<eventStreamId${ns}>${
    escapeXmlText(event.streamName)
  }</eventStreamId>` +
    `<eventNumber${ns}>${formatEventNumber(event.eventNumber)}</eventNumber>` +
    `<eventType${ns}>${escapeXmlText(event.eventType)}</eventType>` +
    `<eventId${ns}>${event.eventId}</eventId>` +
    xmlValueOf(event.data, "data", options) +
    xmlValueOf(event.metadata, "metadata", options);
}

interface XmlValueOptions {
  readonly isJson: boolean;
  /** Whether the element stands in the Atom namespace, to which it does not belong. */
  readonly isInNamespace?: boolean;
  /** Whether it is a document of its own. */
  readonly isRoot?: boolean;
}

/** Writes stored bytes as elements of the name `name`. */
export function xmlValueOf(
  bytes: Uint8Array,
  name: "data" | "metadata",
  options: XmlValueOptions,
): string {
  const text = textOfBytes(bytes);
  if (options.isJson && text !== "" && text.trim() !== "null") {
    const xml = jsonToXml(text, name, { ...options, isLenient: true });
    if (xml !== undefined) return xml;
  }
  const namespace = options.isInNamespace ? ' xmlns=""' : "";
  return `<${name}${namespace}>${escapeXmlText(text)}</${name}>`;
}
