/**
 * Reading streams and `$all` page by page. A page is asked for when the one
 * before it has been taken: whoever reads slowly has one page in memory.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { ClientError } from "./errors.ts";
import {
  decodeEntry,
  type Entry,
  parseDocument,
  type RecordedEvent,
} from "./events.ts";
import type { ClientRequest, Transport } from "./transport.ts";

/** Which events of a feed are wanted. */
export interface EventFilter {
  /** A type, or its beginning and a `*`. */
  readonly eventType?: string | undefined;
  /** A stream, or the beginning of its name and a `*`. */
  readonly streamName?: string | undefined;
  /** Whether events of the system are wanted. Default: as the server does. */
  readonly system?: boolean | undefined;
}

/** What pages and live feeds have in common. */
export interface FeedOptions {
  /**
   * Where to begin: an event number (in `$all` a position), or the first event
   * from a time on. Default: the first event, or backward the last one.
   */
  readonly from?: number | string | Date | undefined;
  readonly filter?: EventFilter | undefined;
  /** Whether links are followed. Default: true. */
  readonly resolveLinks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How to read. */
export interface ReadOptions extends FeedOptions {
  /** Default: `forward`. */
  readonly direction?: "forward" | "backward" | undefined;
  /** Events at most. Default: all. */
  readonly count?: number | undefined;
  /** Shows the feed as it was at that time. */
  readonly asOf?: Date | string | undefined;
  /** Events of one page, 1 to 4,096. Default: 500. */
  readonly pageSize?: number | undefined;
}

/** The whole log, as a stream. */
export const ALL = "$all";

const ALL_START = "0".repeat(32);
const PAGE_SIZE = 500;

/** Media type of feeds and entries. */
export const ATOM_JSON = "application/vnd.eventstore.atom+json";

/** See `Client.read`. */
export async function* readFeed<Types extends object>(
  transport: Transport,
  streamName: string,
  options: ReadOptions,
): AsyncGenerator<RecordedEvent<Types>, void> {
  const { direction = "forward", count = Infinity } = options;
  const isForward = direction === "forward";
  let left = count;
  let next: Page | undefined = firstPage(streamName, options);
  while (next !== undefined && left > 0) {
    const feed = await readPage(transport, streamName, next, options);
    const entries = feed.entries;
    if (isForward) entries.reverse();
    for (const entry of entries) {
      const event = decodeEntry<Types>(entry);
      if (event === undefined) continue;
      yield streamName === ALL ? { ...event, place: undefined } : event;
      if (--left <= 0) return;
    }
    next = pageAfter(feed, direction);
  }
}

/** A page: where it begins; or a time to begin at. */
type Page =
  | { readonly kind: "place"; readonly place: string }
  | { readonly kind: "time"; readonly time: string };

function firstPage(
  streamName: string,
  { from, direction = "forward" }: ReadOptions,
): Page {
  const isForward = direction === "forward";
  if (from === undefined) {
    const start = streamName === ALL ? ALL_START : "0";
    return { kind: "place", place: isForward ? start : "head" };
  }
  const text = from instanceof Date ? from.toISOString() : String(from);
  if (/^[0-9a-f]{32}$/i.test(text)) return { kind: "place", place: text };
  if (/^\d{1,15}$/.test(text)) {
    return {
      kind: "place",
      place: streamName === ALL ? positionOf(Number(text)) : text,
    };
  }
  if (text === "head" && !isForward) return { kind: "place", place: text };
  if (isForward && /^\d{4}-/.test(text)) return { kind: "time", time: text };
  throw new ClientError(
    "invalid",
    `Cannot read ${direction} from "${text}": expected a number` +
      (isForward ? " or a time" : ""),
  );
}

/** A position in the whole log, as pages name it. */
function positionOf(position: number): string {
  return position.toString(16).padStart(16, "0") + "0".repeat(16);
}

interface ReadPage {
  readonly entries: Entry[];
  readonly links: readonly Entry[];
}

async function readPage(
  transport: Transport,
  streamName: string,
  page: Page,
  options: ReadOptions,
): Promise<ReadPage> {
  const { direction = "forward", count, signal, asOf } = options;
  const { pageSize = PAGE_SIZE } = options;
  const size = Math.min(count ?? pageSize, pageSize);
  const stream = `/streams/${encodePathSegment(streamName)}`;
  const request: ClientRequest = {
    path: page.kind === "time"
      ? stream
      : `${stream}/${page.place}/${direction}/${size}`,
    query: {
      embed: "body",
      from: page.kind === "time" ? page.time : undefined,
      asOf: asOf instanceof Date ? asOf.toISOString() : asOf,
      ...filterQuery(options.filter),
    },
    headers: { Accept: ATOM_JSON, ...linkHeader(options) },
    isRedirected: page.kind === "time",
    signal,
  };
  const { text, headers } = await transport.send(request);
  const location = headers.get("Location");
  if (page.kind === "time" && location !== null) {
    // An app in this process follows no redirects.
    return readPage(transport, streamName, pageAt(location), options);
  }
  const { entries, links } = parseDocument(text);
  if (!Array.isArray(entries) || !Array.isArray(links)) {
    throw new ClientError("unexpected", "The server answers with no feed");
  }
  return { entries, links };
}

/** Parameters of a filter. */
export function filterQuery(
  { eventType, streamName, system }: EventFilter = {},
): ClientRequest["query"] & object {
  return {
    "filter-type": eventType,
    "filter-stream": streamName,
    system: system === undefined ? undefined : String(system),
  };
}

/** The header that asks for links as they are. */
export function linkHeader(
  { resolveLinks = true }: Pick<FeedOptions, "resolveLinks">,
): ClientRequest["headers"] & object {
  return resolveLinks ? {} : { "ES-ResolveLinkTos": "false" };
}

/** The page that follows; undefined at the end. */
function pageAfter(
  { links }: ReadPage,
  direction: "forward" | "backward",
): Page | undefined {
  const relation = direction === "forward" ? "previous" : "next";
  const link = links.find((one) => one["relation"] === relation);
  return link === undefined ? undefined : pageAt(String(link["uri"]));
}

/** The page of a link. Only its place is used: proxies may change the rest. */
function pageAt(uri: string): Page {
  const place = /\/([0-9A-Fa-f]+)\/(?:forward|backward)\/\d+(?:\?|$)/
    .exec(uri)?.[1];
  if (place !== undefined) return { kind: "place", place };
  throw new ClientError("unexpected", "The server answers with a bad link");
}
