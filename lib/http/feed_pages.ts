/**
 * Pages of feeds over HTTP, of streams, of metadata and of the whole log alike:
 * what a request asks of them, how they are read, and how they are shown
 * (spec: streams §5, §8).
 *
 * @module
 */

import type { Feed, RenderedBody } from "../formats/atom/feed.ts";
import { renderFeedJson } from "../formats/atom/feed_json.ts";
import { renderFeedXml } from "../formats/atom/feed_xml.ts";
import { formatAllPosition } from "../formats/atom/links.ts";
import type {
  AllRange,
  EmbedLevel,
  PageRange,
  StreamPage,
} from "../model/feed.ts";
import type {
  FeedReadOptions,
  LiveStart,
  Validator,
} from "../streams/outcomes.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { baseUrlOf, type RequestContext } from "./context.ts";
import { readProblemOf, type RefusedOutcome } from "./errors.ts";
import { checkPageSize, readFeedView, readFrom } from "./feed_request.ts";
import { openLiveFeed } from "./live_feed.ts";
import {
  ATOM_JSON,
  EVENT_STREAM,
  isXml,
  type MediaType,
} from "./negotiation.ts";
import { answerFeedPage, withoutEmpty } from "./event_pages.ts";
import { wantsPage } from "./pages.ts";
import { decodeParameter } from "./router.ts";
import {
  checkRequireMaster,
  readLongPollMs,
  readResolveLinks,
} from "./request_headers.ts";
import { etagOf, problemResponse, redirectResponse } from "./respond.ts";

/** A feed, and how a page of it is read. */
export interface PageSource<Page extends ShownPage> {
  /** `$all` is the whole log. */
  readonly streamName: string;
  readonly isAll: boolean;
  /** The page that is asked for. */
  readonly range: PageRange | AllRange;
  /** Whether the address names the feed as a whole, and no page. */
  readonly isWhole?: boolean;
  read(options: PageOptions): Promise<PageOutcome<Page>>;
  /** What the page shows; parameters as those of `feedOfStream`. */
  feedOf(page: Page, baseUrl: string, query: string): Feed;
}

/** What is asked of a page besides its range. */
export type PageOptions = FeedReadOptions & {
  /** Means nothing for the whole log, where links are always followed. */
  readonly resolveLinks: boolean;
};

/** What the headers of an answer say of a page. */
type ShownPage =
  & Pick<StreamPage, "version" | "cache">
  & Partial<Pick<StreamPage, "hasLinks">>;

type PageOutcome<Page> =
  | {
    readonly kind: "page";
    readonly page: Page;
    /** Undefined: the answer may be another one the next time. */
    readonly validator?: Validator | undefined;
  }
  | { readonly kind: RefusedOutcome };

/** Answers with a page, or opens the live feed that goes on from there. */
export async function answerPage<Page extends ShownPage>(
  source: PageSource<Page>,
  context: RequestContext,
): Promise<Response> {
  const { streamName, isAll, range } = source;
  const { request, query, allowedMethods } = context;
  const { headers } = request;
  checkPageSize(range, context.limits);
  const type = context.responseType ?? ATOM_JSON;
  if (type === EVENT_STREAM) {
    const begin = source.isWhole ? undefined : range;
    return await openLiveFeed(
      { streamName, isAll, range: begin },
      context,
    );
  }
  const isPage = wantsPage(context);
  // Of a form, what is left empty says nothing.
  const view = isPage ? withoutEmpty(query) : query;
  if (view.from !== undefined && range.kind === "head") {
    const start = readFrom(view.from, isAll);
    // The head itself needs no leading to.
    if (start.kind === "at" || start.kind === "time") {
      return await redirectToPage(start, source, context);
    }
  }
  const { filter, asOfUs, linkQuery } = readFeedView(view);
  const embed = embedLevelOf(type, query.embed);
  const resolveLinks = isAll || readResolveLinks(headers);
  checkRequireMaster(headers);
  const longPollMs = range.kind === "forward" ? readLongPollMs(headers) : 0;
  const read = () =>
    source.read({
      resolveLinks,
      withBodies: embed !== "none" && embed !== "rich",
      longPollMs,
      signal: () => request.signal,
      filter,
      asOfUs,
    });
  const outcome =
    await (longPollMs > 0
      ? context.services.quota.hold(context, read)
      : read());
  if (outcome.kind !== "page") {
    return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
  const { page, validator } = outcome;
  if (isPage) {
    return await answerFeedPage(
      (baseUrl, linked) => source.feedOf(page, baseUrl, linked),
      { asked: view, linkQuery, isHead: range.kind === "head" },
      context,
    );
  }
  const { version, cache, hasLinks = false } = page;
  return context.services.responseCache.page(
    { context, streamName, validator },
    { type, cache, etag: etagOf(version, type), hasLinks },
    () => {
      const baseUrl = baseUrlOf(context);
      const feed = source.feedOf(page, baseUrl, linkQuery);
      return context.services.sending.bodyOf(renderFeed(feed, type, embed));
    },
  );
}

/** XML feeds know one level; pages show all there is. */
function embedLevelOf(type: MediaType, asked: EmbedLevel): EmbedLevel {
  if (type.form === "html") return "pretty";
  return isXml(type) && asked !== "content" ? "none" : asked;
}

function renderFeed(
  feed: Feed,
  type: MediaType,
  embed: EmbedLevel,
): RenderedBody {
  return isXml(type) ? renderFeedXml(feed, embed) : renderFeedJson(feed, embed);
}

/**
 * Sends the client to the numbered page that begins where `?from=` says: 307 (an
 * addition to the original's interface).
 */
async function redirectToPage(
  start: Extract<LiveStart, { readonly kind: "at" | "time" }>,
  { streamName, isAll, range }: Pick<
    PageSource<never>,
    "streamName" | "isAll" | "range"
  >,
  context: RequestContext,
): Promise<Response> {
  const { allowedMethods, caller, target, services } = context;
  let place = start.kind === "at" ? start.place : 0;
  if (start.kind === "time") {
    const { timeUs } = start;
    const outcome = await services.streams.locateTime(caller, {
      streamName,
      timeUs,
    });
    if (outcome.kind !== "place") {
      return problemResponse(readProblemOf(outcome.kind), allowedMethods);
    }
    place = outcome.place;
  }
  const begin = isAll
    ? formatAllPosition({ commit: place, prepare: place })
    : String(place);
  return redirectResponse({
    status: 307,
    location: baseUrlOf(context) +
      `/streams/${encodePathSegment(streamName)}/${begin}/forward/` +
      range.count + otherParameters(target.query),
    text: "Temporary Redirect",
    isPermanent: false,
  }, allowedMethods);
}

/** The query without `from`. */
function otherParameters(query: string): string {
  const others = query.split("&").filter((parameter) => {
    const [name = ""] = parameter.split("=", 1);
    return parameter !== "" && decodeParameter(name).toLowerCase() !== "from";
  });
  return others.length === 0 ? "" : "?" + others.join("&");
}
