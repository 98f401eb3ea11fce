/**
 * Reading a page of a stream through a filter: as many events as were asked
 * for, however far apart they lie, within bounds.
 *
 * @module
 */

import type { EventFilter } from "../model/event_filter.ts";
import type { PageFollow, ResolvedEvent, StreamPage } from "../model/feed.ts";
import type { StreamContext } from "./context.ts";
import { isLink } from "../model/links.ts";
import type { FeedOutcome } from "./outcomes.ts";
import { cacheOfPage } from "./page_cache.ts";
import { type PageRequest, systemListOf } from "./page_request.ts";
import { shownEntriesOf, versionOfFilteredPage } from "./page_version.ts";
import { LinkResolver, type PlannedEntry } from "./resolve_links.ts";
import { type Scan, scanList } from "./scan_list.ts";
import { visibleRangeOf } from "./visibility.ts";

/** Reads the page; it may be shorter than was asked for, and lead on. */
export async function readFilteredPage(
  context: StreamContext,
  request: PageRequest,
  filter: EventFilter,
): Promise<FeedOutcome> {
  const { caller, command, state, access, visible } = request;
  const { streamName, range, withBodies, resolveLinks, asOfUs } = command;
  const { head, metadata } = state;
  const isForward = range.kind === "forward";
  const from = range.kind === "head" ? head : Number(range.from);
  const scan = await scanList(context.store, {
    streamName,
    filter,
    low: isForward ? Math.max(from, visible.first) : visible.first,
    high: isForward ? head : Math.min(from, head),
    direction: isForward ? "forward" : "backward",
    count: range.count,
    sinceUs: visible.sinceUs,
    withBodies,
  });
  const resolver = new LinkResolver(context, caller, access);
  const planned = await resolver.planEntries(
    isForward ? scan.entries.toReversed() : scan.entries,
    { list: systemListOf(streamName), streamName, resolveLinks, withBodies },
  );
  const dating = isForward ? planned.at(-1) : planned[0];
  const updatedUs = await resolver.dateOf(dating);
  const first = await resolver.resolveEntries(planned, 0, withBodies);
  const { showsAll } = resolver;
  const isSettled = isForward
    ? scan.isCutShort
    : range.kind === "backward" && from <= head;
  const follow = followOf({ isForward, from, head, scan });
  const page: StreamPage = {
    streamName,
    range,
    head,
    entries: first.entries,
    updatedUs,
    isEndOfStream: !scan.isCutShort,
    hasEntries: planned.length > 0,
    isHeadOfStream: range.kind === "head" || isForward && !scan.isCutShort,
    follow,
    version: isSettled && showsAll || asOfUs !== undefined
      ? undefined
      : await versionOfFilteredPage(context, request, {
        shown: await shownEntriesOf(resolver, {
          planned,
          resolved: first.entries,
        }),
        rest: [follow, scan.isCutShort],
      }),
    hasLinks: planned.some(({ original }) => isLink(original)),
    cache: cacheOfPage(context.clock, {
      asOfUs,
      isSettled,
      maxAgeSeconds: metadata.cacheControlSeconds,
      access,
      isPublic: resolver.isPublic,
      showsAll,
    }),
  };
  if (first.nextIndex >= planned.length) return { kind: "page", page };
  const moreEntries = resolveRest(resolver, planned, {
    index: first.nextIndex,
    withBodies,
  });
  return { kind: "page", page: { ...page, moreEntries } };
}

/**
 * Whether a held read would find an event to show from a number on, or more to
 * look through than one read does.
 */
export async function findsAny(
  { store, clock }: StreamContext,
  { streamName, filter, from }: {
    readonly streamName: string;
    readonly filter: EventFilter;
    readonly from: number;
  },
): Promise<boolean> {
  const state = await store.readState(streamName);
  const visible = visibleRangeOf(state, clock);
  const { entries, isCutShort } = await scanList(store, {
    streamName,
    filter,
    low: Math.max(from, visible.first),
    high: state.head,
    direction: "forward",
    count: 1,
    sinceUs: visible.sinceUs,
    withBodies: false,
  });
  return entries.length > 0 || isCutShort;
}

interface FollowRequest {
  readonly isForward: boolean;
  /** Number that was asked for; the head of a head page. */
  readonly from: number;
  readonly head: number;
  readonly scan: Scan;
}

/** Pages on both sides begin where this one was asked to, or stopped looking. */
function followOf(
  { isForward, from, head, scan }: FollowRequest,
): PageFollow {
  if (!isForward) {
    return {
      next: scan.isCutShort ? scan.next : undefined,
      previous: Math.min(from, head) + 1,
    };
  }
  const hasLookedAtAny = scan.lastLookedAt !== undefined;
  return {
    next: from > 0 ? Math.min(from, head + 1) - 1 : undefined,
    previous: hasLookedAtAny ? scan.next : undefined,
  };
}

async function* resolveRest(
  resolver: LinkResolver,
  planned: readonly PlannedEntry[],
  rest: { readonly index: number; readonly withBodies: boolean },
): AsyncGenerator<ResolvedEvent[]> {
  for (let { index } = rest; index < planned.length;) {
    const { entries, nextIndex } = await resolver.resolveEntries(
      planned,
      index,
      rest.withBodies,
    );
    yield entries;
    index = nextIndex;
  }
}
