/**
 * Reading a page of the whole log (spec: streams §8).
 *
 * @module
 */

import { invariant } from "../model/errors.ts";
import type { RecordedEvent } from "../model/event.ts";
import type { ListEntry, StoreStatus } from "../model/event_store.ts";
import type {
  AllPage,
  AllPosition,
  AllRange,
  ResolvedEvent,
} from "../model/feed.ts";
import { ALL_STREAM } from "./access.ts";
import type { StreamContext } from "./context.ts";
import type { AllOutcome, Caller, ReadAllCommand } from "./outcomes.ts";
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
  const { range } = command;
  const state = await store.readState(ALL_STREAM);
  const access = await context.access.readAccess(caller, ALL_STREAM, state);
  if (access === "denied") return { kind: "unauthorized" };
  const status = store.status();
  const mayHold = command.longPollMs > 0 && range.kind === "forward" &&
    boundOf(range.from, Infinity) >= status.end;
  if (mayHold) {
    await holdForNews(context, command, status);
    return await readAll(context, caller, { ...command, longPollMs: 0 });
  }
  const { lastPosition } = status;
  if (lastPosition >= 0 && command.ifNoneMatch === lastPosition) {
    return { kind: "notModified" };
  }
  const read = await readRange(context, command, status);
  const resolver = new LinkResolver(context, caller);
  const planned = await resolver.planEntries(read.shown, {
    ...OPTIONS,
    withBodies: command.withBodies && read.isWhole,
  });
  if (planned === undefined) return { kind: "unauthorized" };
  const source: PageSource = { context, command, resolver };
  const parts = partsOf(source, read, planned);
  const first = await parts.next();
  const isImmutable = range.kind === "backward"
    ? Number(range.from.commit) <= lastPosition
    : range.kind === "forward" && read.shown.length === range.count;
  const page: AllPage = {
    range,
    entries: first.done ? [] : first.value,
    updatedUs: await resolver.dateOf(planned[0]),
    ...linksOf(range, read, status),
    lastPosition,
    hasEtag: !isImmutable,
    cache: {
      kind: isImmutable ? "immutable" : "head",
      maxAgeSeconds: state.metadata.cacheControlSeconds,
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
  { store, longPolls }: StreamContext,
  { longPollMs, signal }: ReadAllCommand,
  status: StoreStatus,
): Promise<void> {
  return longPolls.hold({
    streamName: ALL_STREAM,
    timeoutMs: longPollMs,
    signal,
    hasNews: () => Promise.resolve(store.status().end > status.end),
  });
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
  /** Position that the read began at. */
  readonly bound: number;
  /** Position to go on from in the same direction. */
  readonly next: number;
}

async function readRange(
  { store }: StreamContext,
  { range, withBodies }: ReadAllCommand,
  { end }: StoreStatus,
): Promise<RangeRead> {
  const bound = range.kind === "head" ? end : boundOf(range.from, end);
  const direction = range.kind === "forward" ? "forward" : "backward";
  const request = { from: bound, count: range.count, direction } as const;
  let read = await store.readAll({ ...request, withBodies });
  const isWhole = read.isAtEnd || read.events.length === range.count;
  if (!isWhole) read = await store.readAll({ ...request, withBodies: false });
  const events = direction === "forward"
    ? read.events.toReversed()
    : read.events;
  return { shown: events.map(entryOf), isWhole, bound, next: read.next };
}

/** The whole log has no ordinals; nothing asks for them. */
function entryOf(event: RecordedEvent): ListEntry {
  return { ordinal: event.eventNumber, event };
}

/** Where the page leads on to. */
function linksOf(
  range: AllRange,
  { shown, bound, next }: RangeRead,
  { end }: StoreStatus,
): Pick<AllPage, "next" | "previous" | "hasLast"> {
  if (range.kind !== "forward") {
    const isFull = shown.length === range.count;
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
    previous: shown.length > 0 ? { commit: next, prepare: 0 } : undefined,
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
