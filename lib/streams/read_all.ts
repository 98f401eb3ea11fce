/**
 * Reading a page of the whole log (spec: streams §8).
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { EventFilter } from "../model/event_filter.ts";
import type { EventStore } from "../store/event_store.ts";
import type { AllPage, AllPosition, ResolvedEvent } from "../model/feed.ts";
import { ALL_STREAM } from "./access.ts";
import type { StreamContext } from "./context.ts";
import type { AllOutcome, Caller, ReadAllCommand } from "./outcomes.ts";
import { holdForNews } from "./long_poll.ts";
import { digestOf } from "./page_version.ts";
import { cacheOfPage } from "./page_cache.ts";
import { readLog } from "./read_log.ts";
import { Readability } from "./readability.ts";
import { unresolved } from "./resolve_links.ts";

/** Half of a position that comes after every event of the other half. */
const PREPARE_MAX = 0x7fff_ffff_ffff_ffffn;

/**
 * Reads a page of the whole log. A link event is shown as it is, whatever the
 * reader says of links; events of streams that the reader may not read are left
 * out.
 *
 * @throws {QuipuError} As `EventStore.readAll` does.
 */
export async function readAll(
  context: StreamContext,
  caller: Caller,
  command: ReadAllCommand,
): Promise<AllOutcome> {
  const { store } = context;
  const { range, filter, asOfUs } = command;
  const state = await store.readState(ALL_STREAM);
  const access = await context.access.readAccess(caller, ALL_STREAM, state);
  if (access === "denied") return { kind: "unauthorized" };
  const logEnd = await store.readEnd();
  if (command.longPollMs > 0 && range.kind === "forward") {
    const bound = boundOf(range.from, Infinity);
    const mayHold = asOfUs === undefined &&
      (bound >= logEnd.end ||
        filter !== undefined &&
          !await findsAny(store, { from: bound, filter }));
    if (mayHold) {
      const isCurrent = await holdForNews(context, caller, {
        ...command,
        streamName: ALL_STREAM,
        resolveLinks: false,
        place: logEnd.end,
      });
      if (!isCurrent) return { kind: "unauthorized" };
      return await readAll(context, caller, { ...command, longPollMs: 0 });
    }
  }
  const { lastPosition } = logEnd;
  const end = asOfUs === undefined
    ? logEnd.end
    : Math.min(logEnd.end, await store.findPosition(asOfUs + 1));
  const read = await readRange(context, command, end);
  const readability = new Readability(context, caller, access);
  const shown = await readability.keepReadable(read.events);
  const showsAll = shown.length === read.events.length;
  const isFull = filter === undefined
    ? read.events.length === range.count
    : !read.isAtEnd;
  const isSettled = range.kind === "backward"
    ? Number(range.from.commit) <= lastPosition
    : range.kind === "forward" && isFull;
  const parts = readParts(context, command, { read, readability });
  const first = read.isWhole ? undefined : await parts.next();
  const links = linksOf(command, read, { end, isFull });
  const isPlain = filter === undefined && showsAll && !logEnd.wasRewritten;
  const page: AllPage = {
    range,
    entries: first?.value ?? shown.map(unresolved),
    updatedUs: shown[0]?.createdAtUs,
    ...links,
    version: isSettled && showsAll || asOfUs !== undefined ? undefined : {
      head: lastPosition,
      contents: isPlain ? undefined : digestOf(
        shown.map(({ logPosition }) => ({ number: logPosition })),
        links,
      ),
    },
    cache: cacheOfPage(context.clock, {
      asOfUs,
      isSettled,
      maxAgeSeconds: state.metadata.cacheControlSeconds,
      access,
      isPublic: readability.isPublic,
      showsAll,
    }),
  };
  if (first === undefined) return { kind: "page", page };
  return { kind: "page", page: { ...page, moreEntries: parts } };
}

/** Whether there is an event to show, or more to look through than one read does. */
async function findsAny(
  store: EventStore,
  { from, filter }: { readonly from: number; readonly filter: EventFilter },
): Promise<boolean> {
  const { events, isAtEnd } = await readLog(store, {
    from,
    count: 1,
    direction: "forward",
    withBodies: false,
    filter,
  });
  return events.length > 0 || !isAtEnd;
}

/**
 * First log position at or after a place in `$all`; events before it come
 * before the place.
 */
function boundOf({ commit, prepare }: AllPosition, end: number): number {
  const bound = Number(commit) + (prepare > commit ? 1 : 0);
  return Math.min(bound, end);
}

interface RangeRead {
  /** The page's events newest first; without bodies unless `isWhole`. */
  readonly events: readonly RecordedEvent[];
  readonly isWhole: boolean;
  /** Whether nothing is left in that direction. */
  readonly isAtEnd: boolean;
  /** Position that the read began at. */
  readonly bound: number;
  /** Position to go on from in the same direction. */
  readonly next: number;
}

async function readRange(
  { store }: StreamContext,
  { range, withBodies, filter }: ReadAllCommand,
  end: number,
): Promise<RangeRead> {
  const bound = range.kind === "head" ? end : boundOf(range.from, end);
  const direction = range.kind === "forward" ? "forward" : "backward";
  const { count } = range;
  const request = { from: bound, count, direction, filter } as const;
  let read = await readLog(store, { ...request, withBodies });
  // A page with a filter may be shorter than was asked for: it leads on.
  const isWhole = filter !== undefined || read.isAtEnd ||
    read.events.length === count;
  if (!isWhole) read = await readLog(store, { ...request, withBodies: false });
  const isPast = direction === "forward" && read.next >= end;
  const events = isPast
    ? read.events.filter(({ logPosition }) => logPosition < end)
    : read.events;
  return {
    events: direction === "forward" ? events.toReversed() : events,
    isWhole,
    isAtEnd: read.isAtEnd || isPast,
    bound,
    next: Math.min(read.next, end),
  };
}

/** Where the page leads on to. */
function linksOf(
  { range, filter }: ReadAllCommand,
  { events, bound, next }: RangeRead,
  { end, isFull }: { readonly end: number; readonly isFull: boolean },
): Pick<AllPage, "next" | "previous" | "hasLast"> {
  if (range.kind !== "forward") {
    const previous = range.kind === "head" ? end : bound;
    return {
      next: isFull ? { commit: next, prepare: next } : undefined,
      previous: { commit: previous, prepare: previous },
      hasLast: isFull,
    };
  }
  const { commit } = range.from;
  const isAtStart = Number(commit) === 0;
  const back = events.length > 0
    ? { commit: bound, prepare: bound }
    : { commit, prepare: PREPARE_MAX };
  return {
    next: isAtStart ? undefined : back,
    previous: events.length > 0 || filter !== undefined && next > bound
      ? { commit: next, prepare: 0 }
      : undefined,
    hasLast: !isAtStart,
  };
}

/** Entries of a page that memory does not hold as a whole, newest first. */
async function* readParts(
  { store }: StreamContext,
  { range, withBodies }: ReadAllCommand,
  { read, readability }: {
    readonly read: RangeRead;
    readonly readability: Readability;
  },
): AsyncGenerator<ResolvedEvent[], undefined> {
  let from = range.kind === "forward" ? read.next : read.bound;
  let left = read.events.length;
  while (left > 0) {
    const { events, next } = await store.readAll({
      from,
      count: left,
      direction: "backward",
      withBodies,
    });
    if (events.length === 0) return;
    const shown = await readability.keepReadable(events);
    yield shown.map(unresolved);
    from = next;
    left -= events.length;
  }
}
