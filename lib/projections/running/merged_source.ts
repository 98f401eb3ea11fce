/**
 * A projection's source: its followed streams, merged in the order of the log.
 *
 * An event may be taken once every stream was read up to its position. So the
 * end of the log is read first and the streams then: what stands before that
 * end is complete. A stream whose next event is not known yet holds up the
 * others, until it is.
 *
 * @module
 */

import type { Principal } from "../../model/principal.ts";
import {
  ALL_STREAM,
  Readability,
  stateOnceBegun,
} from "../../streams/access.ts";
import type { Follower } from "../../streams/follow.ts";
import { searchList } from "../../streams/list_search.ts";
import { type Cursor, type EventPlace, type SourcePlan } from "./positions.ts";
import type { SharedSources, SourceItem, SourceRef } from "./shared_sources.ts";

/** An event, and where it stands in the source. */
export interface TakenEvent extends EventPlace {
  readonly event: SourceItem["event"];
}

/** What comes next in a source. */
export interface SourceBatch {
  /** In the order of the log; may be empty. */
  readonly events: readonly TakenEvent[];
  /** Whether there was nothing more when it was read. */
  readonly isAtEnd: boolean;
}

/** The login may not read a source. */
export class SourceDeniedError extends Error {
  override readonly name = "SourceDeniedError";
}

/** What is read, and for whom. */
export interface MergedSourceOptions {
  readonly sources: SharedSources;
  readonly plan: SourcePlan;
  readonly runAs: Principal;
  /** Log position of the end: what stands there or after is left out. */
  readonly until?: number;
  /** Whether each stream is read to the end before the next one. */
  readonly isOneByOne?: boolean;
  /** Reads again for as long as the store refuses for reasons that pass. */
  retry<T>(call: () => Promise<T>): Promise<T>;
}

/** One of the streams. */
interface Feed {
  readonly ref: SourceRef;
  readonly streamIndex: number;
  /** Undefined: nobody waits for what comes. */
  readonly follower: Follower | undefined;
  /** Place to read on from. */
  next: number;
  /** Events that were read and not taken. */
  queue: readonly SourceItem[];
  /** Log position below which all events are taken or queued. */
  completeTo: number;
  isAtEnd: boolean;
}

/** Reads a source from a cursor on. One call at a time. */
export class MergedSource implements Disposable {
  readonly #options: MergedSourceOptions;
  readonly #feeds: readonly Feed[];
  /** Of the stream that is read, where each is read on its own. */
  #oneIndex = 0;
  #rulesEpoch = -1;
  #readability: Readability;
  #hasNews = true;
  #waiting: PromiseWithResolvers<void> | undefined;

  private constructor(
    options: MergedSourceOptions,
    starts: readonly number[],
  ) {
    this.#options = options;
    const { sources, plan, runAs, until } = options;
    this.#readability = new Readability(sources.context, runAs, "private");
    this.#feeds = plan.streams.map(({ streamName }, streamIndex) => ({
      ref: { streamName, resolvesLinks: plan.kind === "streams" },
      streamIndex,
      follower: until !== undefined ? undefined : sources.followers.open({
        streamName,
        place: 0,
        onNews: () => this.wake(),
      }),
      next: starts[streamIndex] ?? 0,
      queue: [],
      completeTo: 0,
      isAtEnd: false,
    }));
  }

  /** Begins behind a cursor. */
  static async open(
    options: MergedSourceOptions,
    cursor: Cursor,
  ): Promise<MergedSource> {
    const starts: number[] = [];
    for (const [index, { streamName }] of options.plan.streams.entries()) {
      const place = cursor.places[index] ?? -1;
      // A type that is new to the query is read from the same position on.
      const isNewType = options.plan.kind === "types" && place < 0 &&
        cursor.logPosition >= 0;
      starts.push(
        isNewType
          ? await placeAfter(options, streamName, cursor.logPosition)
          : place + 1,
      );
    }
    return new MergedSource(options, starts);
  }

  /** Events that were read and not taken. */
  get bufferedCount(): number {
    let count = 0;
    for (const { queue } of this.#feeds) count += queue.length;
    return count;
  }

  /**
   * Reads what comes next.
   *
   * @throws {SourceDeniedError} If the login may not read one of the streams.
   * @throws {QuipuError} As `EventStore.readStream` does.
   */
  next(): Promise<SourceBatch> {
    return this.#options.retry(() => this.#next());
  }

  /** A read that fails has taken nothing. */
  async #next(): Promise<SourceBatch> {
    this.#hasNews = false;
    await this.#requireRights();
    const { until = Infinity, isOneByOne } = this.#options;
    if (isOneByOne === true) return await this.#nextOfOne(until);
    for (const feed of this.#feeds) await this.#fill(feed);
    let horizon = until;
    for (const { completeTo } of this.#feeds) {
      horizon = Math.min(horizon, completeTo);
    }
    const taken: TakenEvent[] = [];
    const counts: number[] = [];
    for (const feed of this.#feeds) {
      counts.push(await this.#takeBelow(horizon, feed, taken));
    }
    let isLeft = false;
    for (const [index, feed] of this.#feeds.entries()) {
      dropFirst(feed, counts[index]);
      if (feed.queue.length > 0 || !feed.isAtEnd) isLeft = true;
    }
    if (this.#feeds.length > 1) taken.sort(byPosition);
    return { events: taken, isAtEnd: horizon >= until || !isLeft };
  }

  /** What comes next in the first stream that has not come to its end. */
  async #nextOfOne(until: number): Promise<SourceBatch> {
    const taken: TakenEvent[] = [];
    while (taken.length === 0) {
      const feed = this.#feeds[this.#oneIndex];
      if (feed === undefined) return { events: [], isAtEnd: true };
      await this.#fill(feed);
      const horizon = Math.min(until, feed.completeTo);
      dropFirst(feed, await this.#takeBelow(horizon, feed, taken));
      const isOver = feed.queue.length > 0 || feed.completeTo >= until;
      if (isOver) this.#oneIndex++;
    }
    return { events: taken, isAtEnd: false };
  }

  /** How many of those queued are passed; they stay there. */
  async #takeBelow(
    horizon: number,
    feed: Feed,
    taken: TakenEvent[],
  ): Promise<number> {
    const { queue, streamIndex } = feed;
    let count = 0;
    for (; count < queue.length; count++) {
      const item = queue[count];
      if (item === undefined || item.logPosition >= horizon) break;
      const { place, logPosition, event } = item;
      if (this.#peekMayTake(item) ?? await this.#mayTake(item)) {
        taken.push({ streamIndex, place, logPosition, event });
      }
    }
    return count;
  }

  /** Settles when there may be more, or when it is woken. */
  news(): Promise<void> {
    if (this.#hasNews) return Promise.resolve();
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  wake(): void {
    this.#hasNews = true;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** Per cent of the source that is behind a cursor; 100: all of it. */
  progressOf(cursor: Cursor): Promise<number> {
    return this.#options.retry(() => this.#progressOf(cursor));
  }

  async #progressOf(cursor: Cursor): Promise<number> {
    const { sources: { context: { store } }, plan } = this.#options;
    if (plan.kind !== "streams") {
      const { lastPosition } = await store.readEnd();
      return percent(cursor.logPosition + 1, lastPosition + 1);
    }
    let taken = 0;
    let all = 0;
    for (const [index, { streamName }] of plan.streams.entries()) {
      const { head } = await store.readState(streamName);
      taken += Math.min(cursor.places[index] ?? -1, head) + 1;
      all += head + 1;
    }
    return percent(taken, all);
  }

  /** Events behind a cursor, if that is known without waiting. */
  peekLag(cursor: Cursor): number | undefined {
    const { sources: { context: { store } }, plan } = this.#options;
    if (plan.kind === "log") return undefined;
    let lag = 0;
    for (const [index, { streamName }] of plan.streams.entries()) {
      const state = store.local?.peekState(streamName);
      if (state === undefined) return undefined;
      lag += Math.max(0, state.head - (cursor.places[index] ?? -1));
    }
    return lag;
  }

  [Symbol.dispose](): void {
    for (const { follower } of this.#feeds) follower?.[Symbol.dispose]();
  }

  /** Reads until the stream has an event, or its end is known. */
  async #fill(feed: Feed): Promise<void> {
    const { sources } = this.#options;
    while (feed.queue.length === 0) {
      const page = await sources.read(feed.ref, feed.next);
      feed.next = page.next;
      feed.isAtEnd = page.isAtEnd;
      feed.completeTo = Math.max(feed.completeTo, page.completeTo);
      feed.queue = page.items;
      if (page.isAtEnd) break;
    }
  }

  /** As `#mayTake`, if that is known without waiting: it mostly is. */
  #peekMayTake({ aboutStreams }: SourceItem): boolean | undefined {
    for (const name of aboutStreams) {
      const may = this.#readability.peek(name);
      if (may !== true) return may;
    }
    return true;
  }

  async #mayTake({ aboutStreams }: SourceItem): Promise<boolean> {
    for (const name of aboutStreams) {
      const may = this.#readability.peek(name) ??
        await this.#readability.mayRead(name);
      if (!may) return false;
    }
    return true;
  }

  /** Asks again whenever access lists may have changed. */
  async #requireRights(): Promise<void> {
    const { sources: { context, followers }, runAs, plan } = this.#options;
    const { rulesEpoch } = followers;
    if (rulesEpoch === this.#rulesEpoch) return;
    this.#readability = new Readability(context, runAs, "private");
    // The lists of types only stand for the log.
    const names = plan.kind === "streams"
      ? plan.streams.map(({ streamName }) => streamName)
      : [ALL_STREAM];
    for (const name of names) {
      const state = await context.store.readState(name);
      const access = await context.access.readAccess(
        runAs,
        name,
        stateOnceBegun(state),
      );
      if (access !== "denied") continue;
      throw new SourceDeniedError(`Not authorized to read "${name}"`);
    }
    this.#rulesEpoch = rulesEpoch;
  }
}

function dropFirst(feed: Feed, count = 0): void {
  const { queue } = feed;
  feed.queue = count === queue.length ? [] : queue.slice(count);
}

function byPosition(a: TakenEvent, b: TakenEvent): number {
  return a.logPosition - b.logPosition || a.streamIndex - b.streamIndex;
}

function percent(part: number, whole: number): number {
  return whole <= 0 ? 100 : Math.min(100, 100 * part / whole);
}

/** Number of a list's first entry behind a position in the log. */
async function placeAfter(
  { sources }: MergedSourceOptions,
  streamName: string,
  position: number,
): Promise<number> {
  const { store } = sources.context;
  const { head } = await store.readState(streamName);
  return await searchList(store, {
    streamName,
    low: 0,
    head,
    hasPassed: ({ logPosition }) => logPosition > position,
  });
}
