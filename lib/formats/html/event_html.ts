/**
 * An event as an HTML page (spec: streams §7).
 *
 * @module
 */

import {
  formatEventNumber,
  TOMBSTONE_EVENT_NUMBER,
} from "../../model/event_number.ts";
import type { ResolvedEvent } from "../../model/feed.ts";
import { escapeXmlText } from "../xml/xml_text.ts";
import { indentedObject, textOfBytes } from "../atom/event_text.ts";
import { HTML_TAIL, htmlHead, htmlLink, htmlText, htmlTime } from "./html.ts";
import { formatUpdated } from "../atom/updated.ts";
import { eventUri, StreamRefs } from "../atom/uris.ts";

/**
 * Writes an event as a page: of a resolved link, its target.
 *
 * @param baseUrl `http://host[:port][/prefix]`, no slash at its end.
 */
export function renderEventHtml(event: ResolvedEvent, baseUrl: string): string {
  const refs = new StreamRefs(baseUrl);
  const { original } = event;
  const shown = event.target ?? original;
  const stream = refs.of(shown.streamName);
  const { eventNumber } = shown;
  const uri = eventUri(stream, eventNumber);
  const title = `${formatEventNumber(eventNumber)}@${shown.streamName}`;
  const isTombstone = eventNumber >= TOMBSTONE_EVENT_NUMBER;

  let out = htmlHead(title) + `<h1>${htmlText(title)}</h1>\n<nav>` +
    htmlLink("Stream", stream.uri) +
    htmlLink(
      "Older event",
      isTombstone || eventNumber === 0
        ? undefined
        : eventUri(stream, eventNumber - 1),
    ) +
    htmlLink(
      "Newer event",
      isTombstone ? undefined : eventUri(stream, eventNumber + 1),
    ) +
    htmlLink("JSON", uri + "?format=json") +
    htmlLink("XML", uri + "?format=xml") +
    htmlLink("Atom", uri + "?format=atom") + "</nav>\n<dl>" +
    row("Type", htmlText(shown.eventType)) +
    row("Id", shown.eventId) +
    row("Written", htmlTime(formatUpdated(shown.createdAtUs))) +
    row("Counts as JSON", shown.isJson ? "yes" : "no");
  if (event.link !== undefined) {
    const linkTitle = `${
      formatEventNumber(original.eventNumber)
    }@${original.streamName}`;
    out += row(
      "Shown through",
      htmlLink(linkTitle, refs.of(original.streamName).uri),
    );
  }
  return out + "</dl>\n" + section("Data", shown.data) +
    section("Metadata", shown.metadata) + HTML_TAIL;
}

/** @param value HTML. */
function row(name: string, value: string): string {
  return `<dt>${name}</dt><dd>${value}</dd>`;
}

function section(name: string, bytes: Uint8Array): string {
  const text = textOfBytes(bytes);
  const body = text === ""
    ? '<p class="dim">Empty</p>'
    : `<pre>${escapeXmlText(indentedObject(text) ?? text)}</pre>`;
  return `<section>\n<h2>${name}</h2>\n${body}\n</section>\n`;
}
