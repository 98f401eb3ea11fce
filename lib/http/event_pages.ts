/**
 * Feeds and events as pages. They name who is logged in and are not kept, so
 * they neither have an ETag nor go through what keeps answers.
 *
 * @module
 */

import type { Feed } from "../formats/atom/feed.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { eventPage, idsIn } from "../web/event_page.tsx";
import {
  type EventRow,
  eventRowOf,
  ROWS_MAX,
  rowSizesFor,
} from "../web/event_row.ts";
import { feedPage } from "../web/feed_page.tsx";
import { noMetadataPage } from "../web/metadata_page.tsx";
import { baseUrlOf, type RequestContext, streamNameOf } from "./context.ts";
import { pageResponse, prefixOf } from "./pages.ts";
import { parameterOf, type Query } from "./router.ts";

/** How a feed is looked at. */
interface FeedView {
  /** What was asked for, in words. */
  readonly asked: Query;
  /** Of links that keep the view: empty, or `?` and parameters. */
  readonly linkQuery: string;
  /** Whether the page goes on to the newest event. */
  readonly isHead: boolean;
}

/**
 * Answers with a feed as a page.
 *
 * @param feedOf Makes the feed, from what its links begin with and end in.
 */
export async function answerFeedPage(
  feedOf: (baseUrl: string, linkQuery: string) => Feed,
  { asked, linkQuery, isHead }: FeedView,
  context: RequestContext,
): Promise<Response> {
  const isOldestFirst = parameterOf(context.target.query, "order") === "oldest";
  const order = `${linkQuery === "" ? "?" : "&"}order=oldest`;
  const prefix = prefixOf(context);
  const feed = feedOf(prefix, isOldestFirst ? linkQuery + order : linkQuery);
  const { rows, leftOutCount } = await rowsOf(feed, context);
  return pageResponse(
    feedPage({
      prefix,
      feed,
      rows: isOldestFirst ? rows.reverse() : rows,
      leftOutCount,
      asked,
      viewQuery: linkQuery,
      isOldestFirst,
      isHead: isHead && !isOldestFirst && asked.asOf === undefined,
    }),
    context,
  );
}

async function rowsOf(
  { entries, moreEntries, refs, streamName }: Feed,
  { limits }: RequestContext,
): Promise<{
  readonly rows: EventRow[];
  readonly leftOutCount: number;
}> {
  const sizes = rowSizesFor(
    moreEntries === undefined ? entries.length : limits.pageEventsMax,
  );
  const made = { feedStream: streamName, sizes };
  const rows: EventRow[] = [];
  let leftOutCount = 0;
  const add = (event: ResolvedEvent) => {
    if (rows.length < ROWS_MAX) rows.push(eventRowOf(event, refs, made));
    else leftOutCount++;
  };
  entries.forEach(add);
  // Each chunk is let go before the next one is read.
  for await (const more of moreEntries ?? []) more.forEach(add);
  return { rows, leftOutCount };
}

/** A query without those parameters that are empty. */
export function withoutEmpty(query: Query): Query {
  const { embed, format, ...named } = query;
  const said = Object.entries(named).filter(([, value]) => value !== "");
  return { embed, format, ...Object.fromEntries(said) };
}

/** Answers with an event as a page. */
export async function answerEventPage(
  event: ResolvedEvent,
  context: RequestContext,
): Promise<Response> {
  const shown = event.target ?? event.original;
  const page = eventPage({
    prefix: prefixOf(context),
    baseUrl: baseUrlOf(context),
    event,
    correlated: await correlatedOf(shown.metadata, context),
  });
  return pageResponse(page, context);
}

/**
 * The stream of all events with the same `$correlationId`, if the projection
 * that makes it runs and the caller may read it.
 */
async function correlatedOf(
  metadata: Uint8Array,
  { caller, services, limits }: RequestContext,
): Promise<string | undefined> {
  const { $correlationId } = idsIn(metadata);
  if ($correlationId === undefined) return undefined;
  const streamName = `$bc-${$correlationId.toWellFormed()}`;
  if (streamName.length * 3 > limits.streamNameBytesMax) return undefined;
  const outcome = await services.streams.readEvent(caller, {
    streamName,
    eventNumber: "head",
    resolveLinks: false,
  });
  return outcome.kind === "event" ? streamName : undefined;
}

/** Answers that a stream has no metadata. */
export function answerNoMetadataPage(context: RequestContext): Response {
  const streamName = streamNameOf(context);
  return pageResponse(
    noMetadataPage({ prefix: prefixOf(context), streamName }),
    context,
  );
}
