/**
 * Where groups read their messages: a stream, a system list or `$all`, with
 * links followed or not, and perhaps through a filter. Groups that read the
 * same share one source: history in pages, then each event once, as it is
 * committed.
 *
 * @module
 */

import { invariant } from "../model/errors.ts";
import { type EventFilter, passesFilter } from "../model/event_filter.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import type { RecordedEvent } from "../model/event.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { SYSTEM_PRINCIPAL } from "../model/principal.ts";
import { describedStream } from "../model/stream_names.ts";
import type { Timers } from "../model/clock.ts";
import type { StreamState } from "../store/event_store.ts";
import { ALL_STREAM } from "../streams/access.ts";
import type { ReadContext } from "../streams/context.ts";
import {
  type Follower,
  type Followers,
  type PlacedEntry,
  readStretch,
} from "../streams/follow.ts";
import { systemListOf } from "../model/lists.ts";
import { LinkResolver, unresolved } from "../streams/resolve_links.ts";
import { OWN_STREAM_PREFIX } from "./contract.ts";
import type { SourceMessage } from "./group.ts";
import type { PageCache, SourcePage } from "./page_cache.ts";

/** What is read, and how. */
export interface SourceRef {
  readonly streamName: string;
  readonly resolveLinks: boolean;
  readonly filter: EventFilter | undefined;
}

/** A group that has reached the end, and is handed what is committed. */
export interface LiveReader {
  /** Place of the next message that it has not. */
  readonly nextPlace: number;
  /** Whether somebody waits for its messages. */
  readonly isAskedFor: boolean;
  /** Takes a page that begins at its place or before; must not throw. */
  takeLive(page: SourcePage): void;
  /** The source could not be read: the group must read on by itself. */
  fallBehind(): void;
}

/** What every source works with. */
export interface SourceParts {
  readonly context: ReadContext;
  readonly followers: Followers;
  readonly pages: PageCache;
  readonly timers: Timers;
}

/**
 * Readers above which each commit would cost too much, and how long news wait
 * then, as long as nobody asks for them.
 */
const CROWD_COUNT = 32;
const CROWD_WAIT_MS = 50;
/** Events that are read together as they are committed. */
const LIVE_COUNT = 500;
const ONE_FORWARD = {
  count: 1,
  direction: "forward",
  withBodies: false,
} as const;
/** What a message takes besides its event's bodies. */
const MESSAGE_BYTES = 500;

/** One source. */
export class Source {
  readonly ref: SourceRef;
  readonly #parts: SourceParts;
  readonly #key: string;
  readonly #live = new Set<LiveReader>();
  #follower: Follower | undefined;
  /** Place of the next event for those that are live. */
  #tail = 0;
  #advancing: Promise<void> | undefined;
  #hasNews = false;
  /** Set while news wait. */
  #cancelWait: (() => void) | undefined;

  constructor(ref: SourceRef, parts: SourceParts) {
    this.ref = ref;
    this.#parts = parts;
    this.#key = keyOfSource(ref);
  }

  /** Whether places are positions of the whole log. */
  get isAll(): boolean {
    return this.ref.streamName === ALL_STREAM;
  }

  /** Whether events are left out, so that places pass without messages. */
  get leavesOut(): boolean {
    return this.isAll || this.ref.filter !== undefined;
  }

  readState(): Promise<StreamState> {
    return this.#parts.context.store.readState(this.ref.streamName);
  }

  /** Place after the last event there is. */
  async readEnd(): Promise<number> {
    const { store } = this.#parts.context;
    return this.isAll
      ? (await store.readEnd()).end
      : (await this.readState()).head + 1;
  }

  /** As `readEnd`, if that is known without waiting. */
  peekEnd(): number | undefined {
    const { local } = this.#parts.context.store;
    if (this.isAll) return local?.peekEnd()?.end;
    const state = local?.peekState(this.ref.streamName);
    return state && state.head + 1;
  }

  /** How long ago the first event after a place was written; 0: none was. */
  async ageAfter(place: number): Promise<number> {
    const { store, clock } = this.#parts.context;
    const from = place + 1;
    const first = this.isAll
      ? (await store.readAll({ ...ONE_FORWARD, from })).events[0]
      : await this.#readFirst(from);
    if (first === undefined) return 0;
    return Math.max(0, (clock.nowUs() - first.createdAtUs) / 1000);
  }

  async #readFirst(from: number): Promise<RecordedEvent | undefined> {
    const { store } = this.#parts.context;
    const { streamName } = this.ref;
    if (from > (await this.readState()).head) return undefined;
    const { entries } = await store.readStream({
      ...ONE_FORWARD,
      streamName,
      from: await store.findNearest(streamName, from, "forward") ?? from,
    });
    return entries[0]?.event;
  }

  /**
   * Messages that readers of the stream see, from a place on.
   *
   * @throws {QuipuError} As `EventStore.readStream` does.
   */
  async read(place: number, count: number): Promise<SourcePage> {
    const state = await this.readState();
    const { metadata: { maxAgeSeconds }, head, metadataNumber } = state;
    if (maxAgeSeconds !== undefined) return await this.#readPage(place, count);
    const end = this.isAll ? await this.readEnd() : head;
    const basis = `${end} ${metadataNumber} ${state.isTombstoned}`;
    const key = `${place} ${count} ${this.#key}`;
    return await this.#parts.pages.read(
      key,
      basis,
      () => this.#readPage(place, count),
    );
  }

  /**
   * Has a group handed what comes from now on, that it has read everything up
   * to its place; false: others are further, it must read on first.
   */
  join(reader: LiveReader): boolean {
    if (this.#live.size > 0 && reader.nextPlace < this.#tail) return false;
    this.#live.add(reader);
    if (this.#follower !== undefined) return true;
    this.#tail = reader.nextPlace;
    this.#follower = this.#parts.followers.open({
      streamName: this.ref.streamName,
      place: this.#tail,
      onNews: () => this.#wake(),
    });
    // Something may have come since the group has read.
    this.#wake();
    return true;
  }

  /** Hands out what was committed by now; resolves when that is done. */
  catchUp(): Promise<void> {
    this.#endWait();
    if (!this.#hasNews && this.#advancing === undefined) {
      return Promise.resolve();
    }
    this.#advancing ??= this.#advance().finally(() => {
      this.#advancing = undefined;
      if (this.#hasNews && this.#live.size > 0) this.#wake();
    });
    return this.#advancing;
  }

  /** Ends that. May be called at any time. */
  leave(reader: LiveReader): void {
    this.#live.delete(reader);
    if (this.#live.size > 0) return;
    this.#follower?.[Symbol.dispose]();
    this.#follower = undefined;
    this.#endWait();
  }

  async #readPage(place: number, count: number): Promise<SourcePage> {
    const { context } = this.#parts;
    const stretch = await readStretch(context, this.ref, {
      place,
      count,
      withBodies: true,
    });
    return { ...stretch, messages: await this.#toMessages(stretch.entries) };
  }

  #wake(): void {
    this.#hasNews = true;
    if (this.#advancing !== undefined || this.#cancelWait !== undefined) return;
    if (!this.#mayWait) {
      void this.catchUp();
      return;
    }
    this.#cancelWait = this.#parts.timers.setTimer(
      CROWD_WAIT_MS,
      () => void this.catchUp(),
    );
  }

  get #mayWait(): boolean {
    return this.#live.size > CROWD_COUNT &&
      !this.#live.values().some(({ isAskedFor }) => isAskedFor);
  }

  #endWait(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }

  /** Hands what is new to all that are live. */
  async #advance(): Promise<void> {
    try {
      while (this.#hasNews && this.#live.size > 0) {
        this.#hasNews = false;
        const from = this.#tail;
        const page = await this.#readLive(from);
        // Meanwhile all may have left, and others begun elsewhere.
        const isOfNow = this.#tail === from;
        if (isOfNow) this.#handOut(page);
        if (!isOfNow || !page.isAtEnd) this.#hasNews = true;
        else if (this.#mayWait) break;
      }
    } catch {
      // Each group finds out by itself what is wrong, and says so.
      for (const reader of [...this.#live]) {
        this.leave(reader);
        reader.fallBehind();
      }
    }
  }

  #handOut(page: SourcePage): void {
    this.#tail = page.next;
    for (const reader of [...this.#live]) reader.takeLive(page);
  }

  /**
   * What was committed since: also what metadata hides by now, as the original
   * hands it out.
   */
  async #readLive(from: number): Promise<SourcePage> {
    const { context: { store } } = this.#parts;
    if (this.isAll) return await this.#readPage(from, LIVE_COUNT);
    const { streamName, filter } = this.ref;
    const { head, isTombstoned } = await this.readState();
    if (from > head) {
      return isTombstoned
        ? await this.#readTombstone()
        : { messages: [], next: from, isAtEnd: true, isDeleted: false };
    }
    const { entries, continueFrom } = await store.readStream({
      streamName,
      from,
      count: Math.min(LIVE_COUNT, head - from + 1),
      direction: "forward",
      withBodies: true,
    });
    const near = entries.length > 0
      ? undefined
      : await store.findNearest(streamName, from, "forward");
    const end = Math.min(from + LIVE_COUNT, head + 1);
    const next = entries.length > 0 ? continueFrom ?? end : near ?? head + 1;
    const passing = entries.flatMap((entry) =>
      filter === undefined || passesFilter(filter, entry.event)
        ? [{ place: entry.ordinal, entry }]
        : []
    );
    const messages = await this.#toMessages(passing);
    const isAtEnd = next > head && !isTombstoned;
    return { messages, next: Math.max(next, from), isAtEnd, isDeleted: false };
  }

  /** The last event of a stream that was deleted for good. */
  async #readTombstone(): Promise<SourcePage> {
    const { streamName } = this.ref;
    const { events } = await this.#parts.context.store.readAll({
      from: "end",
      count: 1,
      direction: "backward",
      withBodies: true,
      accepts: (event) =>
        event.streamName === streamName &&
        event.eventNumber === TOMBSTONE_EVENT_NUMBER,
    });
    const messages = events.map((event) =>
      this.#messageOf(TOMBSTONE_EVENT_NUMBER, unresolved(event))
    );
    return { messages, next: Infinity, isAtEnd: true, isDeleted: true };
  }

  async #toMessages(
    entries: readonly PlacedEntry[],
  ): Promise<readonly SourceMessage[]> {
    const { streamName, resolveLinks } = this.ref;
    const list = systemListOf(streamName);
    if (list === undefined && !resolveLinks) {
      return entries.flatMap(({ place, entry: { event } }) =>
        this.#isOwn(event) ? [] : [this.#messageOf(place, unresolved(event))]
      );
    }
    const resolver = new LinkResolver(
      this.#parts.context,
      SYSTEM_PRINCIPAL,
      "private",
    );
    const options = { list, streamName, resolveLinks, withBodies: true };
    const messages: SourceMessage[] = [];
    for (const { place, entry } of entries) {
      if (this.#isOwn(entry.event)) continue;
      const shown = await resolver.show(entry, options);
      invariant(shown !== undefined, "The server may read every event");
      messages.push(this.#messageOf(place, shown));
    }
    return messages;
  }

  /**
   * Whether an event was written for a group. In `$all` each would bring the
   * next: a checkpoint is a message, whose acknowledgement moves a checkpoint.
   */
  #isOwn({ streamName }: RecordedEvent): boolean {
    return this.isAll &&
      describedStream(streamName).startsWith(OWN_STREAM_PREFIX);
  }

  #messageOf(place: number, event: ResolvedEvent): SourceMessage {
    const order = this.isAll ? place : event.link?.eventNumber ?? place;
    return messageOf("source", { place, order, event });
  }
}

/** A message as groups keep it. */
export function messageOf(
  origin: SourceMessage["origin"],
  { place, order, event }: Pick<SourceMessage, "place" | "order" | "event">,
): SourceMessage {
  const { original, target } = event;
  const sizeBytes = MESSAGE_BYTES + bytesOf(original) +
    (target === undefined ? 0 : bytesOf(target));
  return { origin, place, id: original.eventId, order, event, sizeBytes };
}

function bytesOf({ data, metadata }: RecordedEvent): number {
  return data.length + metadata.length;
}

/** Tells sources apart. */
function keyOfSource(
  { streamName, resolveLinks, filter }: SourceRef,
): string {
  return JSON.stringify([streamName, resolveLinks, filter ?? null]);
}

/** The sources that groups read, each as long as one does. */
export class Sources {
  readonly #parts: SourceParts;
  readonly #open = new Map<string, { source: Source; readerCount: number }>();

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /** To be closed as often as it is opened. */
  open(ref: SourceRef): Source {
    const key = keyOfSource(ref);
    const open = this.#open.get(key) ??
      { source: new Source(ref, this.#parts), readerCount: 0 };
    open.readerCount++;
    this.#open.set(key, open);
    return open.source;
  }

  close({ ref }: Source): void {
    const key = keyOfSource(ref);
    const open = this.#open.get(key);
    if (open === undefined) return;
    open.readerCount--;
    if (open.readerCount === 0) this.#open.delete(key);
  }
}
