/**
 * Reading a page of a stream or a system list (spec: streams §5).
 *
 * @module
 */

import type { EventFilter } from "../model/event_filter.ts";
import type { PageFollow, PageRange, StreamPage } from "../model/feed.ts";
import { systemListOf } from "../model/lists.ts";
import type {
  ListEntry,
  ReadResult,
  StreamState,
} from "../store/event_store.ts";
import type { ReadAccess } from "./access.ts";
import { validatorOf, versionOfPage } from "./caching.ts";
import type { StreamContext } from "./context.ts";
import { scanList, searchList } from "./list_search.ts";
import { holdIfNothingNew } from "./long_poll.ts";
import type {
  Caller,
  FeedOutcome,
  ReadFeedCommand,
  Validator,
} from "./outcomes.ts";
import { type PageContents, showPage } from "./page.ts";
import { madeMetadataOf } from "./system_streams.ts";
import { presenceOf, type VisibleRange, visibleRangeOf } from "./visibility.ts";

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
  const { streamName, range, asOfUs } = command;
  const { store, access: rights } = context;
  const state = store.local?.peekState(streamName) ??
    await store.readState(streamName);
  const access = rights.peekReadAccess(caller, streamName, state) ??
    await rights.readAccess(caller, streamName, state);
  if (access === "denied") return { kind: "unauthorized" };
  if (state.isTombstoned) return { kind: "deleted" };
  if (command.longPollMs > 0 && range.kind === "forward") {
    const held = await holdIfNothingNew(context, caller, {
      ...command,
      from: Number(range.from),
      end: state.head + 1,
    });
    if (held === "outdated") return { kind: "unauthorized" };
    const again = { ...command, longPollMs: 0 };
    if (held === "held") return await readFeed(context, caller, again);
  }
  const read = { caller, command, access };
  if (presenceOf(streamName, state) === "missing") {
    return await readMadePage(context, { ...read, state });
  }
  // As it was then: cut off after the last event of that time. What is hidden
  // by now stays hidden, so that nothing deleted comes back.
  const head = asOfUs === undefined ? state.head : await searchList(store, {
    streamName,
    low: 0,
    head: state.head,
    hasPassed: ({ createdAtUs }) => createdAtUs > asOfUs,
  }) - 1;
  if (head < 0) return { kind: "notFound" };
  return await readPage(context, {
    ...read,
    state: { ...state, head },
    visible: visibleRangeOf(state, context.clock),
  });
}

/** A read that is allowed, of a stream that is there. */
interface PermittedRead {
  readonly caller: Caller;
  readonly command: ReadFeedCommand;
  /** Its head is that of the moment which the page shows. */
  readonly state: StreamState;
  readonly access: ReadAccess;
  readonly visible: VisibleRange;
}

/** A page of a metastream that has nothing but an event that is made, if any. */
async function readMadePage(
  context: StreamContext,
  read: Omit<PermittedRead, "visible">,
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
  // A stream that was written takes its place.
  const cache = { ...page.cache, kind: "head" } as const;
  return { kind: "page", page: { ...page, cache } };
}

/** @param made The stream's only event, where it is not in the store. */
async function readPage(
  context: StreamContext,
  read: PermittedRead,
  made?: ListEntry,
): Promise<FeedOutcome> {
  const { caller, access, command, state, visible } = read;
  const { streamName, range, filter, asOfUs } = command;
  const { head } = state;
  const isForward = range.kind === "forward";
  const contents = filter === undefined
    ? await readWindow(context, read, made)
    : await readThrough(context, read, filter);
  const shown = await showPage(context, {
    caller,
    access,
    streamName,
    resolveLinks: command.resolveLinks,
    withBodies: command.withBodies,
    asOfUs,
    isDatedByOldest: isForward,
    maxAgeSeconds: state.metadata.cacheControlSeconds,
  }, contents);
  const { isEndOfStream, follow, all } = contents;
  const hasEntries = all.length > 0;
  const page: StreamPage = {
    streamName,
    range,
    head,
    entries: shown.entries,
    ...(shown.moreEntries && { moreEntries: shown.moreEntries }),
    updatedUs: shown.updatedUs,
    isEndOfStream,
    // Who was shown nothing goes on all the same.
    hasEntries,
    isHeadOfStream: range.kind === "head" || isForward && isEndOfStream,
    isHidden: contents.isHidden,
    version: shown.hasVersion
      ? await versionOfPage(context.store, { streamName, head, visible }, {
        shown: await shown.describe(),
        rest: [follow, hasEntries, isEndOfStream],
        promised: contents.promised,
      })
      : undefined,
    hasLinks: shown.hasLinks,
    ...(follow && { follow }),
    cache: shown.cache,
  };
  const isCacheable = filter === undefined && shown.isPlain &&
    shown.moreEntries === undefined;
  return isCacheable
    ? { kind: "page", page, validator: validatorOfPage(read, page) }
    : { kind: "page", page };
}

/** The validator of a page without links. */
function validatorOfPage(
  { command, state, access }: PermittedRead,
  { cache, range }: StreamPage,
): Validator | undefined {
  if (command.asOfUs !== undefined) return undefined;
  // A forward page that ends in the newest event is the stream's end until
  // another one comes.
  const isImmutable = cache.kind === "immutable" &&
    (range.kind !== "forward" ||
      Number(range.from) + range.count - 1 < state.head);
  return validatorOf(state, access, isImmutable);
}

/** Entries of a page, and what it may say of itself for their sake. */
interface FeedContents extends PageContents {
  /** Whether the page reaches the end in its direction (spec: streams §5.3). */
  readonly isEndOfStream: boolean;
  /** Whether every number asked for is hidden by `$tb` or `$maxCount`. */
  readonly isHidden: boolean;
  /** Where it leads on to; undefined: where its range says. */
  readonly follow: PageFollow | undefined;
  /** The numbers that it shows unless some are missing. */
  readonly promised:
    | { readonly low: number; readonly high: number }
    | undefined;
}

/** Which numbers of a stream a page shows (spec: streams §5.1 to §5.5). */
interface PageWindow {
  /** Highest and lowest number to read; nothing to read if `high < low`. */
  readonly high: number;
  readonly low: number;
  /** Lowest number asked for, hidden ones included; may be below 0. */
  readonly lowestAsked: number;
  /** Whether the range alone says that the page reaches its end. */
  readonly reachesEnd: boolean;
  readonly isImmutable: boolean;
  readonly isHidden: boolean;
}

/** Finds the numbers of a page in a stream whose last number is `head`. */
function pageWindowOf(
  range: PageRange,
  head: number,
  { first }: VisibleRange,
): PageWindow {
  const { kind, count } = range;
  const from = kind === "head" ? head : Number(range.from);
  if (kind === "forward") {
    const highestAsked = from + count - 1;
    const isHidden = highestAsked < first;
    return {
      high: Math.min(highestAsked, head),
      low: Math.max(from, first),
      lowestAsked: from,
      // A page below the first visible number leads on to what is visible.
      reachesEnd: !isHidden && highestAsked >= head,
      isImmutable: head >= highestAsked,
      isHidden,
    };
  }
  const lowestAsked = from - count + 1;
  return {
    high: Math.min(from, head),
    low: Math.max(lowestAsked, first),
    lowestAsked,
    reachesEnd: lowestAsked <= first || from < first,
    isImmutable: kind === "backward" && from <= head,
    isHidden: from < first,
  };
}

/** Reads as many consecutive numbers as were asked for. */
async function readWindow(
  context: StreamContext,
  read: PermittedRead,
  made: ListEntry | undefined,
): Promise<FeedContents> {
  const { command, state: { head }, visible } = read;
  const { streamName, range, withBodies } = command;
  const window = pageWindowOf(range, head, visible);
  const { low, high, lowestAsked, isImmutable, isHidden } = window;

  /** Visible entries from a number downwards. */
  async function readFrom(
    from: number,
    withBodies: boolean,
  ): Promise<ReadResult> {
    const isMade = made !== undefined && from >= low;
    if (from < low || isMade) {
      return { entries: isMade ? [made] : [], continueFrom: undefined };
    }
    const { entries, continueFrom } = await context.store.readStream({
      streamName,
      from,
      count: from - low + 1,
      direction: "backward",
      withBodies,
    });
    const { sinceUs } = visible;
    return {
      entries: sinceUs === -Infinity
        ? entries
        : entries.filter(({ event }) => event.createdAtUs >= sinceUs),
      continueFrom,
    };
  }

  async function* readParts(
    { entries, continueFrom }: ReadResult,
  ): AsyncGenerator<readonly ListEntry[], void> {
    yield entries;
    for (let from = continueFrom; from !== undefined;) {
      const part = await readFrom(from, withBodies);
      yield part.entries;
      from = part.continueFrom;
    }
  }

  const first = await readFrom(high, withBodies);
  const isWhole = first.continueFrom === undefined;
  const all = isWhole ? first.entries : (await readFrom(high, false)).entries;
  // In a list of the system any number may be missing, not only the lowest.
  const mayEnd = range.kind !== "forward" &&
    systemListOf(streamName) === undefined;
  // The lowest number asked for is gone: nothing follows below it.
  const isLowestMissing = lowestAsked <= head &&
    all.at(-1)?.ordinal !== lowestAsked;
  return {
    all,
    parts: isWhole ? undefined : readParts(first),
    isImmutable,
    isEndOfStream: window.reachesEnd || mayEnd && isLowestMissing,
    isHidden,
    follow: all.length === 0
      ? await followOverGap(context, read, window)
      : undefined,
    promised: window,
  };
}

/**
 * Where a page of a system list leads on to of which every event was scavenged:
 * to what is left. Undefined: where any page does.
 */
async function followOverGap(
  { store }: StreamContext,
  { command: { streamName, range }, state: { head }, visible }: PermittedRead,
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

/**
 * Reads as many events as were asked for that a filter lets pass, however far
 * apart they lie, within bounds: there may be fewer, and the page leads on.
 */
async function readThrough(
  { store }: StreamContext,
  { command, state: { head }, visible: { first, sinceUs } }: PermittedRead,
  filter: EventFilter,
): Promise<FeedContents> {
  const { streamName, range, withBodies } = command;
  const isForward = range.kind === "forward";
  const from = range.kind === "head" ? head : Number(range.from);
  const { entries, isCutShort, next, lastLookedAt } = await scanList(store, {
    streamName,
    filter,
    low: isForward ? Math.max(from, first) : first,
    high: isForward ? head : Math.min(from, head),
    direction: isForward ? "forward" : "backward",
    count: range.count,
    sinceUs,
    withBodies,
  });
  return {
    all: isForward ? entries.toReversed() : entries,
    parts: undefined,
    isImmutable: isForward
      ? isCutShort
      : range.kind === "backward" && from <= head,
    isEndOfStream: !isCutShort,
    isHidden: false,
    // Pages on both sides begin where this one was asked to, or stopped looking.
    follow: isForward
      ? {
        next: from > 0 ? Math.min(from, head + 1) - 1 : undefined,
        previous: lastLookedAt === undefined ? undefined : next,
      }
      : {
        next: isCutShort ? next : undefined,
        previous: Math.min(from, head) + 1,
      },
    promised: undefined,
  };
}
