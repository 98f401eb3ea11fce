/**
 * Reading a page of the whole log (spec: streams §8).
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { AllPage, AllPosition } from "../model/feed.ts";
import type { ListEntry } from "../store/event_store.ts";
import { ALL_STREAM } from "./access.ts";
import { digestOf } from "./caching.ts";
import type { StreamContext } from "./context.ts";
import { holdIfNothingNew } from "./long_poll.ts";
import type { AllOutcome, Caller, ReadAllCommand } from "./outcomes.ts";
import { showPage } from "./page.ts";
import { readLog } from "./read_log.ts";

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
  const { range, filter, asOfUs, withBodies } = command;
  const state = await store.readState(ALL_STREAM);
  const access = await context.access.readAccess(caller, ALL_STREAM, state);
  if (access === "denied") return { kind: "unauthorized" };
  const source = { streamName: ALL_STREAM, resolveLinks: false };
  const { end: logEnd, lastPosition, wasRewritten } = store.local?.peekEnd() ??
    await store.readEnd();
  if (command.longPollMs > 0 && range.kind === "forward") {
    const held = await holdIfNothingNew(context, caller, {
      ...command,
      ...source,
      from: boundOf(range.from, Infinity),
      end: logEnd,
    });
    if (held === "outdated") return { kind: "unauthorized" };
    const again = { ...command, longPollMs: 0 };
    if (held === "held") return await readAll(context, caller, again);
  }
  const end = asOfUs === undefined
    ? logEnd
    : Math.min(logEnd, await store.findPosition(asOfUs + 1));
  const read = await readRange(context, command, end);
  const isFull = filter === undefined
    ? read.all.length === range.count
    : !read.isAtEnd;
  const shown = await showPage(context, {
    ...source,
    caller,
    access,
    withBodies,
    asOfUs,
    isDatedByOldest: false,
    maxAgeSeconds: state.metadata.cacheControlSeconds,
  }, {
    ...read,
    isImmutable: range.kind === "backward"
      ? Number(range.from.commit) <= lastPosition
      : range.kind === "forward" && isFull,
  });
  const links = linksOf(command, read, { end, isFull });
  const isAsPromised = filter === undefined && shown.showsAll && !wasRewritten;
  const page: AllPage = {
    range,
    entries: shown.entries,
    ...(shown.moreEntries && { moreEntries: shown.moreEntries }),
    updatedUs: shown.updatedUs,
    ...links,
    version: shown.hasVersion
      ? {
        head: lastPosition,
        contents: isAsPromised ? undefined : digestOf(
          shown.planned.map(({ original }) => ({
            number: original.logPosition,
          })),
          links,
        ),
      }
      : undefined,
    cache: shown.cache,
  };
  return { kind: "page", page };
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
  /** The page's entries newest first; without bodies where there are parts. */
  readonly all: readonly ListEntry[];
  readonly parts: AsyncGenerator<readonly ListEntry[], void> | undefined;
  /** Whether nothing is left in that direction. */
  readonly isAtEnd: boolean;
  /** Position that the read began at. */
  readonly bound: number;
  /** Position to go on from in the same direction. */
  readonly next: number;
}

async function readRange(
  context: StreamContext,
  { range, withBodies, filter }: ReadAllCommand,
  end: number,
): Promise<RangeRead> {
  const { store } = context;
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
  const next = Math.min(read.next, end);
  const from = direction === "forward" ? next : bound;
  return {
    all: (direction === "forward" ? events.toReversed() : events).map(asEntry),
    parts: isWhole
      ? undefined
      : readParts(context, { from, count: events.length, withBodies }),
    isAtEnd: read.isAtEnd || isPast,
    bound,
    next,
  };
}

/** Entries of a page that memory does not hold as a whole, newest first. */
async function* readParts(
  { store }: StreamContext,
  { from, count, withBodies }: {
    /** Position after the newest. */
    readonly from: number;
    readonly count: number;
    readonly withBodies: boolean;
  },
): AsyncGenerator<readonly ListEntry[], void> {
  let position = from;
  for (let left = count; left > 0;) {
    const { events, next } = await store.readAll({
      from: position,
      count: left,
      direction: "backward",
      withBodies,
    });
    if (events.length === 0) return;
    yield events.map(asEntry);
    position = next;
    left -= events.length;
  }
}

function asEntry(event: RecordedEvent): ListEntry {
  return { ordinal: event.eventNumber, event };
}

/** Where the page leads on to. */
function linksOf(
  { range, filter }: ReadAllCommand,
  { all, bound, next }: RangeRead,
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
  const back = all.length > 0
    ? { commit: bound, prepare: bound }
    : { commit, prepare: PREPARE_MAX };
  return {
    next: isAtStart ? undefined : back,
    previous: all.length > 0 || filter !== undefined && next > bound
      ? { commit: next, prepare: 0 }
      : undefined,
    hasLast: !isAtStart,
  };
}
