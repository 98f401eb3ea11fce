/**
 * Tells one state of a page from another, for its ETag (spec: http-api §6.3).
 *
 * The number of the last event says what a page shows as long as every event of
 * its range is there and every link is followed. Where that is not so, the
 * version says what is shown: the first number that metadata leaves visible,
 * and a digest for anything else (entries of lists that the reader may not see
 * or that were scavenged, links that are broken or not followed, filters).
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ListEntry } from "../store/event_store.ts";
import type { PageVersion, ResolvedEvent } from "../model/feed.ts";
import type { RecordedEvent } from "../model/event.ts";
import {
  defaultMetadataOf,
  firstVisibleNumber,
} from "../model/stream_metadata.ts";
import type { StreamContext } from "./context.ts";
import { isLink } from "../model/links.ts";
import type { PageRequest } from "./page_request.ts";
import type { PageWindow } from "./page_window.ts";
import type { LinkResolver, PlannedEntry } from "./resolve_links.ts";
import { searchList } from "./search_list.ts";

/** An entry of a page as far as its number does not say what is shown of it. */
export interface ShownEntry {
  /** Its place in the list, or in the log. */
  readonly number: number;
  /** Default: none. */
  readonly link?: LinkState;
}

/** Of a link that is not shown as the event that it points at. */
export type LinkState = "broken" | "unfollowed";

/** Version of an event that is asked for as the newest one. */
export function versionOfEvent(
  head: number,
  event: ResolvedEvent,
): PageVersion {
  const shown = shownEntryOf(event);
  return shown.link === undefined ? { head } : {
    head,
    contents: digestOf([shown]),
  };
}

/**
 * How all entries of a page are shown, though it may be too large to be held
 * whole.
 */
export async function shownEntriesOf(
  resolver: LinkResolver,
  { planned, resolved }: {
    readonly planned: readonly PlannedEntry[];
    /** The first of them. */
    readonly resolved: readonly ResolvedEvent[];
  },
): Promise<ShownEntry[]> {
  const shown = resolved.map(shownEntryOf);
  for (const entry of planned.slice(resolved.length)) {
    const target = await resolver.findTarget(entry, false);
    shown.push(shownEntryOf({ ...entry, target }));
  }
  return shown;
}

/** How an entry of a stream or a list is shown. */
function shownEntryOf(
  { original, link, target }: ResolvedEvent,
): ShownEntry {
  const state = link === undefined
    ? unfollowedLinkOf(original)
    : target === undefined
    ? "broken"
    : undefined;
  return shownEntry(original.eventNumber, state);
}

function shownEntry(number: number, link: LinkState | undefined): ShownEntry {
  return link === undefined ? { number } : { number, link };
}

/** How an entry is shown of which no link is followed. */
export function unfollowedEntryOf({ ordinal, event }: ListEntry): ShownEntry {
  return shownEntry(ordinal, unfollowedLinkOf(event));
}

function unfollowedLinkOf(event: RecordedEvent): LinkState | undefined {
  return isLink(event) ? "unfollowed" : undefined;
}

/**
 * Version of a page that shows a stream or a system list without a filter.
 *
 * @param shown Every entry of the page, newest first.
 * @param rest What else the page depends on, if events are missing.
 */
export async function versionOfPage(
  context: StreamContext,
  { request, window: { low, high } }: {
    readonly request: PageRequest;
    readonly window: PageWindow;
  },
  { shown, rest }: {
    readonly shown: readonly ShownEntry[];
    readonly rest?: unknown;
  },
): Promise<PageVersion> {
  const { state: { head }, visible } = request;
  const first = visible.sinceUs === -Infinity
    ? visible.first
    : await firstYoung(context, request);
  const promised = Math.max(0, high - Math.max(low, first) + 1);
  const isAsPromised = shown.length === promised &&
    shown.every(({ link }) => link === undefined);
  return {
    head,
    firstVisible: hiddenBelow(request, first),
    contents: isAsPromised ? undefined : digestOf(shown, rest),
  };
}

/** Version of a page that shows what passes a filter. */
export async function versionOfFilteredPage(
  context: StreamContext,
  request: PageRequest,
  { shown, rest }: {
    readonly shown: readonly ShownEntry[];
    /** What else the page depends on. */
    readonly rest: unknown;
  },
): Promise<PageVersion> {
  return {
    head: request.state.head,
    firstVisible: hiddenBelow(request, await firstYoung(context, request)),
    contents: digestOf(shown, rest),
  };
}

/** Lowest number that readers see; events are hidden by age from the first on. */
async function firstYoung(
  { store }: StreamContext,
  { command: { streamName }, state: { head }, visible }: PageRequest,
): Promise<number> {
  const { first, sinceUs } = visible;
  if (sinceUs === -Infinity) return first;
  const young = await searchList(store, {
    streamName,
    low: first,
    head,
    hasPassed: ({ createdAtUs }) => createdAtUs >= sinceUs,
  });
  // Older events may have been scavenged: they are hidden as before.
  return await store.findNearest(streamName, young, "forward") ?? head + 1;
}

/**
 * Lowest number that readers see, if metadata of the stream's own hides those
 * below; undefined: it hides none. Metastreams show one event by nature.
 */
function hiddenBelow(
  { command: { streamName }, state: { head } }: PageRequest,
  first: number,
): number | undefined {
  const usual = firstVisibleNumber(defaultMetadataOf(streamName), head);
  return first === usual ? undefined : Math.min(first, head + 1);
}

/**
 * Digest of what a page shows whose numbers do not tell it.
 *
 * @param rest Whatever else the page depends on, such as where it leads on to.
 */
export function digestOf(
  shown: readonly ShownEntry[],
  rest: unknown = undefined,
): string {
  return createHash("sha256")
    .update(JSON.stringify([shown, rest], bigintAsText))
    .digest("base64url").slice(0, DIGEST_LENGTH);
}

/** 96 bits: chance makes no two the same. */
const DIGEST_LENGTH = 16;

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
