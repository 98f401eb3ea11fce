/**
 * Renders what services answer as the type that was negotiated.
 *
 * @module
 */

import {
  type EventForm,
  renderEvent as renderEventForm,
} from "../formats/atom/event_body.ts";
import {
  HTML_TAIL,
  htmlHead,
  renderEventHtml,
  renderFeedHtml,
} from "../formats/html.ts";
import {
  type Feed,
  feedOfAll,
  feedOfStream,
  type RenderedBody,
} from "../formats/atom/feed.ts";
import { renderFeedJson } from "../formats/atom/feed_json.ts";
import { renderFeedXml } from "../formats/atom/feed_xml.ts";
import type {
  AllPage,
  EmbedLevel,
  ResolvedEvent,
  StreamPage,
} from "../model/feed.ts";
import { isJson, isXml, type MediaType } from "./media_types.ts";

/** How a representation is asked for. */
export interface RenderOptions {
  readonly type: MediaType;
  readonly embed: EmbedLevel;
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  /** Added to the links of a feed: `?` and parameters. Default: nothing. */
  readonly linkQuery?: string;
}

/** A page of a stream. */
export function renderStreamPage(
  page: StreamPage,
  options: RenderOptions,
): RenderedBody {
  return renderFeed(
    feedOfStream(page, options.baseUrl, options.linkQuery),
    options,
  );
}

/** A page of the whole log. */
export function renderAllPage(
  page: AllPage,
  options: RenderOptions,
): RenderedBody {
  return renderFeed(
    feedOfAll(page, options.baseUrl, options.linkQuery),
    options,
  );
}

function renderFeed(
  feed: Feed,
  { type, embed }: RenderOptions,
): RenderedBody {
  if (type.form === "html") return renderFeedHtml(feed);
  return isXml(type) ? renderFeedXml(feed, embed) : renderFeedJson(feed, embed);
}

/** One event. */
export function renderEvent(
  event: ResolvedEvent,
  options: RenderOptions,
): BodyInit {
  const { type } = options;
  if (type.form === "html") return renderEventHtml(event, options.baseUrl);
  const body = renderEventForm(event, eventFormOf(type.form), options);
  // A view of the store's own memory: it must not change while it is sent.
  return typeof body === "string" ? body : new Uint8Array(body);
}

function eventFormOf(form: MediaType["form"]): EventForm {
  switch (form) {
    case "html":
    case "text":
    case "eventStream":
    case "streamDescription":
      throw new Error(`Invariant broken: no event is served as ${form}`);
    default:
      return form;
  }
}

/** What is served in place of metadata that was never written. */
export function renderNoMetadata(type: MediaType): string {
  if (isJson(type)) return "{}";
  if (type.form !== "html") return "";
  return htmlHead("No metadata") +
    '<h1>No metadata</h1>\n<p class="dim">None was written for this stream.</p>\n' +
    HTML_TAIL;
}
