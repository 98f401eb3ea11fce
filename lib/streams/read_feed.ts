/**
 * Reading a page of a stream (spec: streams §5).
 *
 * @module
 */

import type { ListEntry } from "../store/event_store.ts";
import type {
  PageFollow,
  PageVersion,
  ResolvedEvent,
  StreamPage,
} from "../model/feed.ts";
import { headAsOf } from "./as_of.ts";
import type { StreamContext } from "./context.ts";
import { madeMetadataOf } from "./list_metadata.ts";
import { holdForNews } from "./long_poll.ts";
import type {
  Caller,
  FeedOutcome,
  ReadBasis,
  ReadFeedCommand,
} from "./outcomes.ts";
import { isLink } from "../model/links.ts";
import { type PageRequest, systemListOf } from "./page_request.ts";
import { cacheOfPage } from "./page_cache.ts";
import { type PageWindow, pageWindowOf } from "./page_window.ts";
import {
  shownEntriesOf,
  unfollowedEntryOf,
  versionOfPage,
} from "./page_version.ts";
import { basisOf } from "./read_basis.ts";
import { findsAny, readFilteredPage } from "./read_filtered_feed.ts";
import {
  LinkResolver,
  needsPlan,
  type PlannedEntry,
  type PlanOptions,
  unresolved,
} from "./resolve_links.ts";
import { presenceOf, visibleRangeOf } from "./visibility.ts";
import { WindowReader } from "./window_reader.ts";

/**
 * Reads a page of a stream or a system list; a system list that holds nothing
 * is not found, like a stream that was never written.
 *
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function readFeed(
  context: StreamContext,
  caller: Caller,
  command: ReadFeedCommand,
): Promise<FeedOutcome> {
  const { streamName, range, filter, asOfUs } = command;
  const { store, access: rights } = context;
  const state = store.local?.peekState(streamName) ??
    await store.readState(streamName);
  const access = rights.peekReadAccess(caller, streamName, state) ??
    await rights.readAccess(caller, streamName, state);
  if (access === "denied") return { kind: "unauthorized" };
  if (state.isTombstoned) return { kind: "deleted" };
  const maySee = command.longPollMs > 0 && range.kind === "forward" &&
    asOfUs === undefined;
  const mayHold = maySee && (range.from > state.head ||
    filter !== undefined &&
      !await findsAny(context, {
        streamName,
        filter,
        from: Number(range.from),
      }));
  if (mayHold) {
    const place = state.head + 1;
    const isCurrent = await holdForNews(context, caller, { ...command, place });
    if (!isCurrent) return { kind: "unauthorized" };
    return await readFeed(context, caller, { ...command, longPollMs: 0 });
  }
  if (presenceOf(streamName, state) === "missing") {
    return await readMadePage(context, { caller, command, state, access });
  }
  const visible = visibleRangeOf(state, context.clock);
  const head = asOfUs === undefined
    ? state.head
    : await headAsOf(context.store, asOfUs, { streamName, head: state.head });
  if (head < 0) return { kind: "notFound" };
  const request: PageRequest = {
    caller,
    command,
    state: { ...state, head },
    access,
    visible,
  };
  return filter === undefined
    ? await readPage(context, request)
    : await readFilteredPage(context, request, filter);
}

/** A page of a metastream that has nothing but an event that is made, if any. */
async function readMadePage(
  context: StreamContext,
  read: Omit<PageRequest, "visible">,
): Promise<FeedOutcome> {
  const { command: { streamName, filter, asOfUs }, state } = read;
  const made = await madeMetadataOf(context, streamName, state);
  const isShown = made !== undefined && filter === undefined &&
    asOfUs === undefined;
  if (!isShown) return { kind: "notFound" };
  const shownState = { ...state, head: made.ordinal };
  const visible = visibleRangeOf(shownState, context.clock);
  const outcome = await readPage(
    context,
    { ...read, state: shownState, visible },
    made,
  );
  if (outcome.kind !== "page") return outcome;
  const { page } = outcome;
  // What is written takes its place.
  const cache = { ...page.cache, kind: "head" } as const;
  return { kind: "page", page: { ...page, cache } };
}

/** @param made The stream's only event, where it is not in the store. */
async function readPage(
  context: StreamContext,
  request: PageRequest,
  made?: ListEntry,
): Promise<FeedOutcome> {
  const { command, state, visible } = request;
  const { streamName, range, withBodies, resolveLinks } = command;
  const window = pageWindowOf(range, state.head, visible);
  const { sinceUs } = visible;
  const reader = new WindowReader(context, {
    streamName,
    window,
    sinceUs,
    made,
  });
  const first = await reader.read(window.high, withBodies);
  const isWhole = first.continueFrom === undefined;
  const shown = isWhole
    ? first.entries
    : (await reader.read(window.high, false)).entries;
  const options: PlanOptions = {
    list: systemListOf(streamName),
    streamName,
    resolveLinks,
    withBodies,
  };
  if (!needsPlan(shown, options)) {
    const entries = first.entries.map(({ event }) => unresolved(event));
    const dating = range.kind === "forward" ? shown.at(-1) : shown[0];
    const page = describePage(context, { request, window }, {
      shown,
      entries,
      hasEntries: shown.length > 0,
      updatedUs: dating?.event.createdAtUs,
      isSameForAll: true,
      showsAll: true,
      follow: undefined,
      // Where links are followed, a page without any comes here.
      hasLinks: !resolveLinks && shown.some(({ event }) => isLink(event)),
      version: hasVersion(request, window, true)
        ? await versionOfPage(context, { request, window }, {
          shown: shown.map(unfollowedEntryOf),
        })
        : undefined,
    });
    if (isWhole) {
      return { kind: "page", page, basis: basisOfPage(request, page) };
    }
    const moreEntries = readUnlinked(reader, first.continueFrom);
    return { kind: "page", page: { ...page, moreEntries } };
  }

  const resolver = new LinkResolver(context, request.caller, request.access);
  const planned = await resolver.planEntries(
    shown,
    isWhole ? options : { ...options, withBodies: false },
  );
  const dating = range.kind === "forward" ? planned.at(-1) : planned[0];
  const updatedUs = await resolver.dateOf(dating);
  const begun = isWhole
    ? planned
    : await resolver.planEntries(first.entries, options);
  const { entries, nextIndex } = await resolver.resolveEntries(
    begun,
    0,
    withBodies,
  );
  const isComplete = isWhole && nextIndex === begun.length;
  const follow = shown.length === 0
    ? await followOverGap(context, request, window)
    : undefined;
  const page = describePage(context, { request, window }, {
    shown,
    entries,
    // Who was shown nothing goes on all the same.
    hasEntries: shown.length > 0,
    updatedUs,
    isSameForAll: resolver.isPublic,
    showsAll: resolver.showsAll,
    follow,
    hasLinks: planned.some(({ original }) => isLink(original)),
    version: hasVersion(request, window, resolver.showsAll)
      ? await versionOfPage(context, { request, window }, {
        shown: await shownEntriesOf(resolver, { planned, resolved: entries }),
        rest: [follow, shown.length > 0],
      })
      : undefined,
  });
  if (isComplete) return { kind: "page", page };
  const rest = { begun, nextIndex, continueFrom: first.continueFrom };
  const moreEntries = readLinked({ reader, resolver, options }, rest);
  return { kind: "page", page: { ...page, moreEntries } };
}

interface PageParts {
  /** Every entry of the window, perhaps without bodies, before any is left out. */
  readonly shown: readonly ListEntry[];
  readonly entries: readonly ResolvedEvent[];
  readonly hasEntries: boolean;
  readonly updatedUs: number | undefined;
  readonly isSameForAll: boolean;
  readonly showsAll: boolean;
  readonly follow: PageFollow | undefined;
  readonly hasLinks: boolean;
  readonly version: PageVersion | undefined;
}

/** Whether the page may change, so that its version is told. */
function hasVersion(
  { command: { asOfUs } }: PageRequest,
  window: PageWindow,
  showsAll: boolean,
): boolean {
  return asOfUs === undefined && !(window.isImmutable && showsAll);
}

function describePage(
  { clock }: StreamContext,
  { request, window }: {
    readonly request: PageRequest;
    readonly window: PageWindow;
  },
  parts: PageParts,
): StreamPage {
  const { command, state, access } = request;
  const { streamName, range, asOfUs } = command;
  const { head, metadata } = state;
  // In a list of the system any number may be missing, not only the lowest.
  const mayEnd = range.kind !== "forward" &&
    systemListOf(streamName) === undefined;
  const isEndOfStream = window.reachesEnd ||
    mayEnd && isLowestMissing(window, head, parts.shown);
  return {
    streamName,
    range,
    head,
    entries: parts.entries,
    updatedUs: parts.updatedUs,
    isEndOfStream,
    hasEntries: parts.hasEntries,
    isHeadOfStream: range.kind === "head" ||
      range.kind === "forward" && isEndOfStream,
    isHidden: window.isHidden,
    version: parts.version,
    hasLinks: parts.hasLinks,
    ...(parts.follow && { follow: parts.follow }),
    cache: cacheOfPage(clock, {
      asOfUs,
      isSettled: window.isImmutable,
      maxAgeSeconds: metadata.cacheControlSeconds,
      access,
      isPublic: access === "public" && parts.isSameForAll,
      showsAll: parts.showsAll,
    }),
  };
}

/** What a page without links was made of. */
function basisOfPage(
  { command, state, access }: PageRequest,
  { cache, range }: StreamPage,
): ReadBasis | undefined {
  if (command.asOfUs !== undefined) return undefined;
  // A forward page that ends in the newest event is the stream's end until
  // another one comes.
  const isSettled = cache.kind === "immutable" &&
    (range.kind !== "forward" ||
      Number(range.from) + range.count - 1 < state.head);
  return basisOf(state, access, isSettled);
}

/**
 * Where a page of a system list leads on to of which every event was scavenged:
 * to what is left. Undefined: where any page does.
 */
async function followOverGap(
  { store }: StreamContext,
  { command: { streamName, range }, state: { head }, visible }: PageRequest,
  { low, high }: PageWindow,
): Promise<PageFollow | undefined> {
  const mayBeGap = high >= low && systemListOf(streamName) !== undefined &&
    visible.sinceUs === -Infinity;
  if (!mayBeGap) return undefined;
  if (range.kind === "forward") {
    const newer = await store.findNearest(streamName, high + 1, "forward");
    return {
      next: low > 0 ? low - 1 : undefined,
      previous: newer ?? head + 1,
    };
  }
  const older = low === 0
    ? undefined
    : await store.findNearest(streamName, low - 1, "backward");
  return {
    next: older === undefined || older < visible.first ? undefined : older,
    previous: high + 1,
  };
}

/** Whether the lowest number asked for is gone: nothing follows below it. */
function isLowestMissing(
  { lowestAsked }: PageWindow,
  head: number,
  shown: readonly ListEntry[],
): boolean {
  return lowestAsked <= head && shown.at(-1)?.ordinal !== lowestAsked;
}

async function* readUnlinked(
  reader: WindowReader,
  continueFrom: number | undefined,
): AsyncGenerator<ResolvedEvent[]> {
  let from = continueFrom;
  while (from !== undefined) {
    const read = await reader.read(from, true);
    yield read.entries.map(({ event }) => unresolved(event));
    from = read.continueFrom;
  }
}

interface LinkedReading {
  readonly reader: WindowReader;
  readonly resolver: LinkResolver;
  readonly options: PlanOptions;
}

async function* readLinked(
  { reader, resolver, options }: LinkedReading,
  rest: {
    readonly begun: readonly PlannedEntry[];
    readonly nextIndex: number;
    readonly continueFrom: number | undefined;
  },
): AsyncGenerator<ResolvedEvent[]> {
  let { begun, nextIndex, continueFrom } = rest;
  for (;;) {
    while (nextIndex < begun.length) {
      const part = await resolver.resolveEntries(
        begun,
        nextIndex,
        options.withBodies,
      );
      yield part.entries;
      nextIndex = part.nextIndex;
    }
    if (continueFrom === undefined) return;
    const read = await reader.read(continueFrom, options.withBodies);
    begun = await resolver.planEntries(read.entries, options);
    nextIndex = 0;
    continueFrom = read.continueFrom;
  }
}
