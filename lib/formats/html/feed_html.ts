/**
 * Feeds as HTML pages to click through (spec: streams §7).
 *
 * @module
 */

import { formatEventNumber } from "../../model/event_number.ts";
import type { ResolvedEvent } from "../../model/feed.ts";
import { escapeXmlText } from "../xml/xml_text.ts";
import { indentedObject, textOfBytes } from "../atom/event_text.ts";
import type { Feed } from "../atom/feed.ts";
import { HTML_TAIL, htmlHead, htmlLink, htmlText, htmlTime } from "./html.ts";
import {
  type FeedForm,
  type RenderedBody,
  renderFeedForm,
} from "../atom/rendering.ts";
import { formatUpdated } from "../atom/updated.ts";
import { eventUri, type StreamRefs } from "../atom/uris.ts";

/** Characters of an event's data that a feed shows; its own page has all. */
const SHOWN_LENGTH_MAX = 4000;

/** Writes a feed as a page. */
export function renderFeedHtml(feed: Feed): RenderedBody {
  return renderFeedForm(feed, new HtmlFeed(feed.refs, feed.streamName));
}

class HtmlFeed implements FeedForm {
  readonly #refs: StreamRefs;
  readonly #streamName: string | undefined;

  constructor(refs: StreamRefs, streamName: string | undefined) {
    this.#refs = refs;
    this.#streamName = streamName;
  }

  head(feed: Feed): string {
    const heading = feed.streamName ?? feed.title;
    return htmlHead(feed.title) + `<h1>${htmlText(heading)}</h1>\n` +
      navigation(feed);
  }

  entry(event: ResolvedEvent): string {
    return renderArticle(event, this.#refs, this.#streamName);
  }

  tail(feed: Feed, isEmpty: boolean): string {
    const notice = isEmpty ? '<p class="dim">No events here.</p>\n' : "";
    return notice + navigation(feed) + HTML_TAIL;
  }
}

function navigation(feed: Feed): string {
  const uriOf = (relation: string) =>
    feed.links.find((link) => link.relation === relation)?.uri;
  return "<nav>" + htmlLink("Newest", uriOf("first")) +
    htmlLink("Newer", uriOf("previous")) + htmlLink("Older", uriOf("next")) +
    htmlLink("Oldest", uriOf("last")) +
    htmlLink("Metadata", uriOf("metadata")) + "</nav>\n";
}

/** @param feedStream Stream whose feed this is; undefined for `$all`. */
function renderArticle(
  event: ResolvedEvent,
  refs: StreamRefs,
  feedStream: string | undefined,
): string {
  const { original, link } = event;
  const shown = event.target ?? (link === undefined ? original : undefined);
  const streamName = link?.streamName ?? original.streamName;
  const eventNumber = link?.eventNumber ?? original.eventNumber;
  const stream = refs.of(streamName);
  const uri = eventUri(stream, eventNumber);
  let out = "<article>\n<header>" +
    htmlLink(`${formatEventNumber(eventNumber)}@${streamName}`, uri) +
    `<strong>${htmlText(shown?.eventType ?? original.eventType)}</strong>`;
  if (streamName !== feedStream) out += htmlLink("Stream", stream.uri);
  out += htmlTime(formatUpdated(original.createdAtUs)) + "</header>\n";
  if (shown === undefined) {
    return out +
      '<p class="dim">The event that this link points to is gone.</p>\n' +
      "</article>\n";
  }
  out += renderText(shown.data, uri);
  if (shown.metadata.length > 0) {
    out += "<details><summary>Metadata</summary>" +
      renderText(shown.metadata, uri) + "</details>\n";
  }
  return out + "</article>\n";
}

function renderText(bytes: Uint8Array, uri: string): string {
  const text = textOfBytes(bytes);
  if (text === "") return '<p class="dim">Empty</p>\n';
  const pretty = indentedObject(text) ?? text;
  if (pretty.length <= SHOWN_LENGTH_MAX) {
    return `<pre>${escapeXmlText(pretty)}</pre>\n`;
  }
  return `<pre>${escapeXmlText(pretty.slice(0, SHOWN_LENGTH_MAX))}…</pre>\n` +
    `<p>${htmlLink("Show all", uri)}</p>\n`;
}
