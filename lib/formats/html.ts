/**
 * HTML pages: the frame, the style and the policy that all of them share, feeds
 * to click through and events (spec: streams §7). Pages have no scripts;
 * everything that comes from events is escaped.
 *
 * @module
 */

import {
  formatEventNumber,
  TOMBSTONE_EVENT_NUMBER,
} from "../model/event_number.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import {
  type Feed,
  type FeedForm,
  formatUpdated,
  type RenderedBody,
  renderFeedForm,
} from "./atom/feed.ts";
import { indentedObject, textOfBytes } from "./atom/feed_json.ts";
import { eventUri, StreamRefs } from "./atom/links.ts";
import { escapeXmlAttribute, escapeXmlText } from "./xml/xml_text.ts";

const STYLE =
  `:root{color-scheme:light dark;--line:#8884;--soft:#8882;--dim:#666;--link:#0b62c4}
@media (prefers-color-scheme:dark){:root{--dim:#9a9a9a;--link:#7ab8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1.5rem 1rem 4rem;font:16px/1.5 system-ui,sans-serif}
a{color:var(--link);text-decoration:none}
a:hover,a:focus{text-decoration:underline}
h1{font-size:1.4rem;margin:.25rem 0 1rem;overflow-wrap:anywhere}
h2{font-size:1rem;margin:1.25rem 0 .25rem}
nav{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0}
nav a,nav span{border:1px solid var(--line);border-radius:.4rem;padding:.15rem .7rem}
nav span{color:var(--dim)}
article{border:1px solid var(--line);border-radius:.5rem;margin:.75rem 0;overflow:hidden}
article>header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;padding:.5rem .75rem;background:var(--soft)}
article>header>:last-child{margin-left:auto}
article p{margin:.5rem .75rem}
pre{margin:0;padding:.6rem .75rem;overflow:auto;max-height:32rem;font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
section>pre{border:1px solid var(--line);border-radius:.5rem;max-height:none}
details{border-top:1px solid var(--line)}
summary{padding:.3rem .75rem;cursor:pointer;color:var(--dim)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}
dt,time,.dim{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
strong{overflow-wrap:anywhere}
`;

/**
 * `Content-Security-Policy` of HTML pages: nothing but their one style, named
 * by its hash.
 */
export const HTML_CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'sha256-kLn09yAutmXVSH61u7FNsMs+ZH1wwwYhfADYjY4/jAI='; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Writes what stands before a page's content. */
export function htmlHead(title: string): string {
  return '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">\n' +
    `<title>${escapeXmlText(title)}</title>\n<style>${STYLE}</style>\n` +
    "</head>\n<body>\n<main>\n";
}

/** Ends a page. */
export const HTML_TAIL = "</main>\n</body>\n</html>\n";

/** Writes a link; without an address, its text alone. */
export function htmlLink(text: string, uri: string | undefined): string {
  return uri === undefined
    ? `<span>${htmlText(text)}</span>`
    : `<a href="${escapeXmlAttribute(uri)}">${htmlText(text)}</a>`;
}

/**
 * Writes text from outside: escaped, and kept from turning its surroundings
 * around.
 */
export function htmlText(text: string): string {
  return `<bdi>${escapeXmlText(text)}</bdi>`;
}

/** Writes a point in time. */
function htmlTime(updated: string): string {
  return `<time datetime="${updated}">${
    updated.replace("T", " ").replace("Z", " UTC")
  }</time>`;
}

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
