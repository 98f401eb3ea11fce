/**
 * Feeds and events as pages. They name who is logged in and are not kept, so
 * they neither have an ETag nor go through what keeps answers.
 *
 * @module
 */

import type { Feed } from "../formats/atom/feed.ts";
import type { RecordedEvent } from "../model/event.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { isUnnarrowed } from "../model/principal.ts";
import { readJsonMembers } from "../model/json_members.ts";
import { decodeStreamMetadata, NO_METADATA } from "../model/stream_metadata.ts";
import { decodeJsonText } from "../text/utf8.ts";
import { eventPage, idsIn } from "../web/event_page.tsx";
import {
  type EventRow,
  eventRowOf,
  ROWS_MAX,
  rowSizesFor,
} from "../web/event_row.ts";
import { feedPage } from "../web/feed_page.tsx";
import { metadataPage, NUMBER_FIELDS } from "../web/metadata_page.tsx";
import { baseUrlOf, type RequestContext, streamNameOf } from "./context.ts";
import { markOf, pageResponse, prefixOf } from "./pages.ts";
import { hasRole } from "./route.ts";
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
      mayExport: mayExport(context),
      isHead: isHead && !isOldestFirst && asked.asOf === undefined,
    }),
    context,
  );
}

function mayExport({ caller }: RequestContext): boolean {
  return hasRole(caller, "backup") && caller !== undefined &&
    isUnnarrowed(caller);
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

/**
 * Answers with a stream's metadata as a page.
 *
 * @param event Undefined: none was written.
 */
export function answerMetadataPage(
  event: ResolvedEvent | undefined,
  context: RequestContext,
): Response {
  const { target } = context;
  const facts = metadataFactsOf(event?.original);
  const page = metadataPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    streamName: streamNameOf(context),
    isSaved: parameterOf(target.query, "done") === "saved",
    ...facts,
  });
  return pageResponse(page, context);
}

/** Answers to a form that changed nothing: what the metadata is now, and why. */
export async function metadataPageResponse(
  streamName: string,
  context: RequestContext,
  { problem }: { readonly problem: string },
): Promise<Response> {
  const outcome = await context.services.streams.readMetadata(context.caller, {
    streamName,
    eventNumber: "head",
    resolveLinks: false,
  });
  const event = outcome.kind === "event" ? outcome.event.original : undefined;
  const page = metadataPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    streamName,
    problem,
    ...metadataFactsOf(event),
  });
  return pageResponse(page, context, { status: 400 });
}

const NO_DOCUMENT = new Uint8Array(0);

function metadataFactsOf(event: RecordedEvent | undefined) {
  if (event === undefined) {
    return {
      version: -1,
      data: NO_DOCUMENT,
      metadata: NO_METADATA,
      further: "",
    };
  }
  const { eventNumber, createdAtUs, data } = event;
  return {
    version: eventNumber,
    createdAtUs,
    data,
    metadata: decodeStreamMetadata(event),
    further: furtherMembersOf(data),
  };
}

/** What a document says besides what the system knows, as it is written. */
function furtherMembersOf(data: Uint8Array): string {
  const text = decodeJsonText(data);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return "";
  }
  const isObject = typeof document === "object" && document !== null &&
    !Array.isArray(document);
  if (!isObject) return "";
  const further = [...readJsonMembers(text)].filter(([name]) =>
    !KNOWN_MEMBERS.has(name)
  );
  const lines = further.map(([name, value]) =>
    `  ${JSON.stringify(name)}: ${value}`
  );
  return lines.length === 0 ? "" : `{\n${lines.join(",\n")}\n}`;
}

const KNOWN_MEMBERS: ReadonlySet<string> = new Set([
  ...NUMBER_FIELDS.map(([name]) => name),
  "$acl",
]);
