/**
 * Reading a page of the whole log (spec: streams §8).
 *
 * @module
 */

import { invariant } from "../model/errors.ts";
import type { RecordedEvent } from "../model/event.ts";
import type { EventFilter } from "../model/event_filter.ts";
import type {
  EventStore,
  ListEntry,
  StoreStatus,
} from "../model/event_store.ts";
import type { AllPage, AllPosition, ResolvedEvent } from "../model/feed.ts";
import { ALL_STREAM } from "./access.ts";
import { hasLostRights, isStillCurrent } from "./held_rights.ts";
import { cacheAsOf } from "./as_of.ts";
import type { StreamContext } from "./context.ts";
import type { AllOutcome, Caller, ReadAllCommand } from "./outcomes.ts";
import { readLog } from "./read_log.ts";
import {
  LinkResolver,
  type PlannedEntry,
  type PlanOptions,
} from "./resolve_links.ts";

/** Half of a position that comes after every event of the other half. */
const PREPARE_MAX = 0x7fff_ffff_ffff_ffffn;

/**
 * Reads a page of the whole log; links are always followed.
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
  const status = store.status();
  if (command.longPollMs > 0 && range.kind === "forward") {
    const bound = boundOf(range.from, Infinity);
    const mayHold = asOfUs === undefined &&
      (bound >= status.end ||
        filter !== undefined &&
          !await findsAny(store, { from: bound, filter }));
    if (mayHold) {
      await holdForNews(context, caller, command, status);
      if (!isStillCurrent(context, caller)) return { kind: "unauthorized" };
      return await readAll(context, caller, { ...command, longPollMs: 0 });
    }
  }
  const { lastPosition } = status;
  const isSame = asOfUs === undefined && lastPosition >= 0 &&
    command.ifNoneMatch === lastPosition;
  if (isSame) return { kind: "notModified" };
  const end = asOfUs === undefined
    ? status.end
    : Math.min(status.end, await store.findPosition(asOfUs + 1));
  const read = await readRange(context, command, end);
  const resolver = new LinkResolver(context, caller);
  const planned = await resolver.planEntries(read.shown, {
    ...OPTIONS,
    withBodies: command.withBodies && read.isWhole,
  });
  if (planned === undefined) return { kind: "unauthorized" };
  const source: PageSource = { context, command, resolver };
  const parts = partsOf(source, read, planned);
  const first = await parts.next();
  const isFull = filter === undefined
    ? read.shown.length === range.count
    : !read.isAtEnd;
  const isImmutable = range.kind === "backward"
    ? Number(range.from.commit) <= lastPosition
    : range.kind === "forward" && isFull;
  const page: AllPage = {
    range,
    entries: first.done ? [] : first.value,
    updatedUs: await resolver.dateOf(planned[0]),
    ...linksOf(command, read, { end, isFull }),
    lastPosition,
    hasEtag: !isImmutable && asOfUs === undefined,
    cache: {
      ...cacheAsOf(asOfUs, context.clock, {
        kind: isImmutable ? "immutable" : "head",
        maxAgeSeconds: state.metadata.cacheControlSeconds,
      }),
      isPublic: access === "public" && resolver.isPublic,
    },
  };
  if (page.entries.length >= planned.length) return { kind: "page", page };
  return { kind: "page", page: { ...page, moreEntries: parts } };
}

const OPTIONS = {
  list: undefined,
  streamName: ALL_STREAM,
  resolveLinks: true,
} satisfies Partial<PlanOptions>;

function holdForNews(
  context: StreamContext,
  caller: Caller,
  { longPollMs, signal, filter }: ReadAllCommand,
  status: StoreStatus,
): Promise<void> {
  const { store, longPolls } = context;
  let from = status.end;
  return longPolls.hold({
    streamName: ALL_STREAM,
    timeoutMs: longPollMs,
    signal,
    login: caller?.login,
    async hasNews() {
      const { end } = store.status();
      if (end > from) {
        if (filter === undefined) return true;
        if (await findsAny(store, { from, filter })) return true;
        from = end;
      }
      const state = await store.readState(ALL_STREAM);
      const read = { streamName: ALL_STREAM, state };
      return await hasLostRights(context, caller, read);
    },
  });
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
  readonly shown: readonly ListEntry[];
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
    shown: (direction === "forward" ? events.toReversed() : events)
      .map(entryOf),
    isWhole,
    isAtEnd: read.isAtEnd || isPast,
    bound,
    next: Math.min(read.next, end),
  };
}

/** The whole log has no ordinals; nothing asks for them. */
function entryOf(event: RecordedEvent): ListEntry {
  return { ordinal: event.eventNumber, event };
}

/** Where the page leads on to. */
function linksOf(
  { range, filter }: ReadAllCommand,
  { shown, bound, next }: RangeRead,
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
  const back = shown.length > 0
    ? { commit: bound, prepare: bound }
    : { commit, prepare: PREPARE_MAX };
  return {
    next: isAtStart ? undefined : back,
    previous: shown.length > 0 || filter !== undefined && next > bound
      ? { commit: next, prepare: 0 }
      : undefined,
    hasLast: !isAtStart,
  };
}

interface PageSource {
  readonly context: StreamContext;
  readonly command: ReadAllCommand;
  readonly resolver: LinkResolver;
}

/** The page's entries, newest first, in parts that memory can hold. */
async function* partsOf(
  source: PageSource,
  read: RangeRead,
  planned: readonly PlannedEntry[],
): AsyncGenerator<ResolvedEvent[]> {
  if (read.isWhole) {
    yield* resolveParts(source, planned);
    return;
  }
  const { context, command: { range, withBodies }, resolver } = source;
  let from = range.kind === "forward" ? read.next : read.bound;
  let left = read.shown.length;
  while (left > 0) {
    const { events, next } = await context.store.readAll({
      from,
      count: left,
      direction: "backward",
      withBodies,
    });
    if (events.length === 0) return;
    const options = { ...OPTIONS, withBodies };
    const entries = events.map(entryOf);
    const part = await resolver.planEntries(entries, options);
    invariant(part !== undefined, "A link was allowed and then refused");
    yield* resolveParts(source, part);
    from = next;
    left -= events.length;
  }
}

async function* resolveParts(
  { command, resolver }: PageSource,
  planned: readonly PlannedEntry[],
): AsyncGenerator<ResolvedEvent[]> {
  for (let index = 0; index < planned.length;) {
    const { entries, nextIndex } = await resolver.resolveEntries(
      planned,
      index,
      command.withBodies,
    );
    yield entries;
    index = nextIndex;
  }
}
