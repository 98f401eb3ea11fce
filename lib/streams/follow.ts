/**
 * Following a stream, a system list or `$all`: from a place through what is
 * there, then on with each commit. Long polls and live feeds go on by this.
 *
 * ```
 * commit ──→ Followers ──wakes──→ Follower (a place) ──advance──→ readStretch ──→ store
 * ```
 *
 * Nothing is read before it is asked for, and no event is queued for anybody. A
 * slow follower is a number in memory and reads on from the store, so memory is
 * bounded by one stretch, and no event is missed.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { EventFilter } from "../model/event_filter.ts";
import { isSystemList, membershipsOf } from "../model/lists.ts";
import { isMetastream, originalOfMetastream } from "../model/stream_names.ts";
import type {
  CommitHint,
  EventStore,
  ListEntry,
} from "../store/event_store.ts";
import { ALL_STREAM, SETTINGS_STREAM } from "./access.ts";
import { readLog } from "./read_log.ts";
import { scanList } from "./list_search.ts";
import { presenceOf, visibleRangeOf } from "./visibility.ts";

/** The source of a follower. */
export interface FollowedSource {
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  readonly filter?: EventFilter | undefined;
}

/** How far a read went. */
export interface Reach {
  /** Place to go on from: an event number, in `$all` a log position. */
  readonly next: number;
  /** Whether nothing is left for now. */
  readonly isAtEnd: boolean;
}

/** An event and its place in what is followed. */
export interface PlacedEntry {
  readonly place: number;
  readonly entry: ListEntry;
}

/** The parts that stretches are read from. */
interface ReadContext {
  readonly store: EventStore;
  readonly clock: Clock;
}

/** The next entries of a source. */
export interface Stretch extends Reach {
  /** Those of them that readers of the stream see; may be empty. */
  readonly entries: readonly PlacedEntry[];
  /** Whether the stream was deleted for good: nothing will follow. */
  readonly isDeleted: boolean;
}

/**
 * Reads what comes next in a source, from a place on: as many entries as were
 * asked for, fewer where much is filtered out or the bodies are large. Knows
 * nothing of rights, and does not follow links.
 *
 * @param read `place` is 0 or more, `count` 1 to `LIMITS.pageEventsMax`.
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export function readStretch(
  context: ReadContext,
  source: FollowedSource,
  read: {
    readonly place: number;
    readonly count: number;
    readonly withBodies: boolean;
  },
): Promise<Stretch> {
  return source.streamName === ALL_STREAM
    ? readLogStretch(context, source, read)
    : readStreamStretch(context, source, read);
}

type StretchRead = Parameters<typeof readStretch>[2];

async function readLogStretch(
  { store }: ReadContext,
  { filter }: FollowedSource,
  { place, count, withBodies }: StretchRead,
): Promise<Stretch> {
  const { events, next, isAtEnd } = await readLog(store, {
    from: place,
    count,
    direction: "forward",
    withBodies,
    filter,
  });
  const entries = events.map((event) => ({
    place: event.logPosition,
    entry: { ordinal: event.eventNumber, event },
  }));
  const isDeleted = false;
  return { entries, next: Math.max(next, place), isAtEnd, isDeleted };
}

async function readStreamStretch(
  { store, clock }: ReadContext,
  { streamName, filter }: FollowedSource,
  { place, count, withBodies }: StretchRead,
): Promise<Stretch> {
  const state = await store.readState(streamName);
  const presence = presenceOf(streamName, state);
  const isDeleted = presence === "deleted";
  const { head } = state;
  const { first, sinceUs } = visibleRangeOf(state, clock);
  // A stream that is deleted softly goes on after its head.
  const low = presence === "present"
    ? Math.max(place, Math.min(first, head + 1))
    : Math.max(place, head + 1);
  if (isDeleted || low > head) {
    return { entries: [], next: low, isAtEnd: true, isDeleted };
  }
  if (filter !== undefined) {
    const scan = await scanList(store, {
      streamName,
      filter,
      low,
      high: head,
      direction: "forward",
      count,
      sinceUs,
      withBodies,
    });
    const entries = scan.entries.map(placed);
    return { entries, next: scan.next, isAtEnd: !scan.isCutShort, isDeleted };
  }
  const wanted = Math.min(count, head - low + 1);
  const { entries, continueFrom } = await store.readStream({
    streamName,
    from: low,
    count: wanted,
    direction: "forward",
    withBodies,
  });
  const near = entries.length === 0
    ? await store.findNearest(streamName, low, "forward")
    : undefined;
  const next = entries.length === 0
    ? Math.max(near ?? head + 1, low + wanted)
    : continueFrom ?? low + wanted;
  const shown = sinceUs === -Infinity
    ? entries
    : entries.filter(({ event }) => event.createdAtUs >= sinceUs);
  return {
    entries: shown.map(placed),
    next,
    isAtEnd: next > head,
    isDeleted,
  };
}

function placed(entry: ListEntry): PlacedEntry {
  return { place: entry.ordinal, entry };
}

/** A place in a source, and whether something may have come after it. */
export interface Follower extends Disposable {
  /** Place of what comes next. */
  readonly place: number;
  /** Whether the last read reached the end, and nothing has come since. */
  readonly isAtEnd: boolean;
  /** Begins to read on from the place: what comes from now on is news. */
  look(): void;
  /** Goes on to where a read has ended that began with `look`. */
  reach(reach: Reach): void;
  /** Reads on from the place with `read`: `look`, and then `reach`. */
  advance<R extends Reach>(
    read: (place: number) => R | Promise<R>,
  ): Promise<R>;
  /**
   * Settles when there may be something to read: at once if `isAtEnd` is false
   * already. Also when the follower is woken or `Followers.end` is called.
   */
  news(): Promise<void>;
  /** Has the follower look again, for a reason of its owner's. */
  wake(): void;
}

/** Where somebody begins to follow. */
export interface FollowOptions {
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  /** Place of the first event wanted. */
  readonly place: number;
  /** Whose it is, so that a change of the login wakes it. */
  readonly login?: string | undefined;
  /** Called at news, too, and when woken; must not throw. */
  readonly onNews?: () => void;
}

/**
 * Everybody who follows something in one store. The store is listened to only
 * while somebody does, so that appends cost nothing otherwise.
 */
export class Followers {
  readonly #store: EventStore;
  readonly #byName = new Map<string, Set<OpenFollower>>();
  #count = 0;
  #ofListsCount = 0;
  #commitCount = 0;
  #eventCount = 0;
  #rulesEpoch = 0;
  #isEnded = false;
  #endListening: (() => void) | undefined;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Grows with every commit while somebody follows. */
  get commitCount(): number {
    return this.#commitCount;
  }

  /** Events committed while somebody followed; what a store tells together is one. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /**
   * Grows, while somebody follows, when metadata, the default access lists or
   * a tombstone are written: what was found out about rights and about hidden
   * events may hold no more.
   */
  get rulesEpoch(): number {
    return this.#rulesEpoch;
  }

  /** Whether nobody is to wait any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * Begins to follow. News that come before the first read are not missed, nor
   * those that come during one.
   */
  open(options: FollowOptions): Follower {
    const follower = new OpenFollower(options, () => this.#close(follower));
    const { streamName } = options;
    const ofName = this.#byName.get(streamName);
    if (ofName === undefined) {
      this.#byName.set(streamName, new Set([follower]));
    } else ofName.add(follower);
    this.#count++;
    if (isSystemList(streamName)) this.#ofListsCount++;
    if (this.#endListening === undefined) {
      // Commits without any follower were not counted.
      this.#commitCount++;
      this.#rulesEpoch++;
      this.#endListening = this.#store.watch((events) => this.#tell(events));
    }
    return follower;
  }

  /** Wakes the followers of a login, because it has changed. */
  wakeLogin(login: string): void {
    for (const follower of this.#all()) {
      if (follower.options.login === login) follower.wake();
    }
  }

  /** Wakes everybody; from now on `isEnded` says that nobody is to wait. */
  end(): void {
    this.#isEnded = true;
    for (const follower of this.#all()) follower.wake();
  }

  #all(): OpenFollower[] {
    return [...this.#byName.values()].flatMap((ofName) => [...ofName]);
  }

  #close(follower: OpenFollower): void {
    const { streamName } = follower.options;
    const ofName = this.#byName.get(streamName);
    if (ofName?.delete(follower) !== true) return;
    if (ofName.size === 0) this.#byName.delete(streamName);
    this.#count--;
    if (isSystemList(streamName)) this.#ofListsCount--;
    if (this.#count > 0) return;
    this.#endListening?.();
    this.#endListening = undefined;
  }

  #tell(events: readonly CommitHint[]): void {
    this.#commitCount++;
    this.#eventCount += events.length;
    const told = new Set([ALL_STREAM]);
    let changesDefaults = false;
    for (const event of events) {
      const { streamName } = event;
      told.add(streamName);
      if (this.#ofListsCount > 0) addLists(event, told);
      if (isMetastream(streamName)) {
        this.#rulesEpoch++;
        told.add(originalOfMetastream(streamName));
      } else if (
        streamName === SETTINGS_STREAM || event.eventType === "$streamDeleted"
      ) {
        this.#rulesEpoch++;
        changesDefaults ||= streamName === SETTINGS_STREAM;
      }
    }
    for (const name of changesDefaults ? [...this.#byName.keys()] : told) {
      for (const follower of this.#byName.get(name) ?? []) follower.wake();
    }
  }
}

function addLists(event: CommitHint, names: Set<string>): void {
  const { category, eventType, isInStreams, categoryOfStream } = membershipsOf(
    event,
  );
  if (category !== undefined) names.add("$ce-" + category);
  if (eventType !== undefined) names.add("$et-" + eventType);
  // Hints have no metadata, so each may be a soft delete.
  if (isMetastream(event.streamName)) names.add("$et-$deleted");
  if (isInStreams) names.add("$streams");
  if (categoryOfStream !== undefined) {
    names.add("$category-" + categoryOfStream);
  }
}

class OpenFollower implements Follower {
  readonly options: FollowOptions;
  readonly #close: () => void;
  #place: number;
  #hasReachedEnd = false;
  #hasNews = false;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(options: FollowOptions, close: () => void) {
    this.options = options;
    this.#close = close;
    this.#place = options.place;
  }

  get place(): number {
    return this.#place;
  }

  get isAtEnd(): boolean {
    return this.#hasReachedEnd && !this.#hasNews;
  }

  look(): void {
    this.#hasNews = false;
  }

  reach({ next, isAtEnd }: Reach): void {
    // A read that gets no further can only wait for news.
    this.#hasReachedEnd = isAtEnd || next <= this.#place;
    this.#place = next;
  }

  async advance<R extends Reach>(
    read: (place: number) => R | Promise<R>,
  ): Promise<R> {
    this.look();
    const reach = await read(this.#place);
    this.reach(reach);
    return reach;
  }

  news(): Promise<void> {
    if (!this.isAtEnd) return Promise.resolve();
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  wake(): void {
    this.#hasNews = true;
    this.#waiting?.resolve();
    this.#waiting = undefined;
    this.options.onNews?.();
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
