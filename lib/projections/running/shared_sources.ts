/**
 * Reading for all runs at once: what one has read, those that are near it get
 * from memory. Events are made ready for engines once: links followed, texts
 * decoded.
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import type { Limits } from "../../model/limits.ts";
import { isLink } from "../../model/links.ts";
import { type ListRef, systemListOf } from "../../model/lists.ts";
import type { ResolvedEvent } from "../../model/feed.ts";
import { SYSTEM_PRINCIPAL } from "../../model/principal.ts";
import { describedStream, isSystemStream } from "../../model/stream_names.ts";
import { ALL_STREAM } from "../../streams/access.ts";
import type { ReadContext } from "../../streams/context.ts";
import {
  type Followers,
  type PlacedEntry,
  readStretch,
} from "../../streams/follow.ts";
import { LinkResolver } from "../../streams/resolve_links.ts";
import type { ProjectionEvent } from "../engine/messages.ts";
import { deletionOf, projectionEventOf } from "../source_events.ts";

/** A followed stream, and how its events are taken. */
export interface SourceRef {
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  /** Whether links are followed, and list entries taken as links. */
  readonly resolvesLinks: boolean;
}

/** An event of a source. */
export interface SourceItem {
  readonly place: number;
  /** Of what stands in the source: of a link, not its target's. */
  readonly logPosition: number;
  readonly event: ProjectionEvent;
  /** Streams that one must be able to read to get it. */
  readonly aboutStreams: readonly string[];
  readonly sizeBytes: number;
}

/** Events of a stretch of a source. */
export interface SourcePage {
  /** In order; may be empty. */
  readonly items: readonly SourceItem[];
  /** Place to go on from. */
  readonly next: number;
  /** Whether there was nothing more when it was read. */
  readonly isAtEnd: boolean;
  /** Log position below which nothing is missing that stands in the source. */
  readonly completeTo: number;
}

/** Pages that follow upon each other are put together. */
interface KeptPage {
  readonly from: number;
  next: number;
  completeTo: number;
  readonly items: SourceItem[];
  /** What the page depends on besides the events. */
  readonly rulesEpoch: number;
  sizeBytes: number;
}

interface PendingPage {
  readonly page: Promise<SourcePage>;
  /** End of the log when the read began. */
  readonly end: number;
}

/** Entries that are read together. */
const READ_COUNT = 1_000;
/** Pages of one source that are kept. */
const PAGES_MAX = 64;
/** What an item takes besides its texts. */
const ITEM_BYTES = 500;

/** What reading works with. */
export interface SharedSourceParts {
  readonly context: ReadContext;
  readonly followers: Followers;
  readonly limits: Pick<Limits, "projectionPagesBytesMax">;
}

/** All sources that runs read. */
export class SharedSources {
  readonly followers: Followers;
  readonly #parts: SharedSourceParts;
  /** Pages read lately, by source, the oldest first. */
  readonly #kept = new Map<string, KeptPage[]>();
  readonly #pending = new Map<string, PendingPage>();
  #sizeBytes = 0;

  constructor(parts: SharedSourceParts) {
    this.#parts = parts;
    this.followers = parts.followers;
  }

  get context(): ReadContext {
    return this.#parts.context;
  }

  /**
   * Events from a place on; with `isAtEnd` only if it knows all that was
   * committed before the call.
   *
   * @throws {QuipuError} As `EventStore.readStream` does.
   */
  async read(ref: SourceRef, place: number): Promise<SourcePage> {
    const { store } = this.context;
    const { streamName } = ref;
    const key = `${ref.resolvesLinks} ${streamName}`;
    const kept = this.#find(key, place);
    if (kept !== undefined) return kept;
    const { end } = store.local?.peekEnd() ?? await store.readEnd();
    const { head, metadata } = store.local?.peekState(streamName) ??
      await store.readState(streamName);
    if (streamName !== ALL_STREAM && place > head) {
      return { items: [], next: place, isAtEnd: true, completeTo: end };
    }
    const pendingKey = `${place} ${key}`;
    const pending = this.#pending.get(pendingKey);
    if (pending !== undefined && pending.end >= end) return await pending.page;
    const page = this.#readPage(ref, place, end);
    const made = { page, end };
    this.#pending.set(pendingKey, made);
    const { rulesEpoch } = this.followers;
    try {
      const read = await page;
      // An event that was kept may be too old by now.
      if (metadata.maxAgeSeconds === undefined) {
        this.#keep(key, { ...read, from: place, rulesEpoch });
      }
      return read;
    } finally {
      if (this.#pending.get(pendingKey) === made) {
        this.#pending.delete(pendingKey);
      }
    }
  }

  #find(key: string, place: number): SourcePage | undefined {
    const page = this.#kept.get(key)?.findLast(({ from, next }) =>
      from <= place && place < next
    );
    if (page === undefined) return undefined;
    if (page.rulesEpoch !== this.followers.rulesEpoch) {
      this.#drop(key, Infinity);
      return undefined;
    }
    const { items, next, completeTo } = page;
    const first = items.findIndex((item) => item.place >= place);
    return {
      items: first < 0 ? [] : items.slice(first),
      next,
      isAtEnd: false,
      completeTo,
    };
  }

  #keep(
    key: string,
    { items, from, next, completeTo, rulesEpoch }:
      & SourcePage
      & Pick<KeptPage, "from" | "rulesEpoch">,
  ): void {
    if (items.length === 0) return;
    let sizeBytes = 0;
    for (const item of items) sizeBytes += item.sizeBytes;
    const pages = this.#kept.get(key) ?? [];
    this.#kept.set(key, pages);
    const last = pages.at(-1);
    const isContinued = last !== undefined && last.next === from &&
      last.rulesEpoch === rulesEpoch &&
      last.items.length + items.length <= READ_COUNT;
    if (isContinued) {
      last.items.push(...items);
      last.next = next;
      last.completeTo = completeTo;
      last.sizeBytes += sizeBytes;
    } else {
      const kept = [...items];
      pages.push({
        from,
        next,
        completeTo,
        items: kept,
        rulesEpoch,
        sizeBytes,
      });
    }
    this.#sizeBytes += sizeBytes;
    if (pages.length > PAGES_MAX) this.#drop(key, 1);
    const { projectionPagesBytesMax } = this.#parts.limits;
    for (const otherKey of this.#kept.keys()) {
      while (this.#sizeBytes > projectionPagesBytesMax) {
        if (!this.#drop(otherKey, 1)) break;
      }
    }
  }

  /** Drops the oldest pages of a source; whether there were any. */
  #drop(key: string, count: number): boolean {
    const pages = this.#kept.get(key) ?? [];
    const dropped = pages.splice(0, count);
    for (const { sizeBytes } of dropped) this.#sizeBytes -= sizeBytes;
    if (pages.length === 0) this.#kept.delete(key);
    return dropped.length > 0;
  }

  /** @param end Of the log, read before. */
  async #readPage(
    ref: SourceRef,
    place: number,
    end: number,
  ): Promise<SourcePage> {
    const stretch = ref.streamName === ALL_STREAM
      ? await this.#readLog(place)
      : await readStretch(this.context, ref, {
        place,
        count: READ_COUNT,
        withBodies: true,
      });
    const { entries, next, isAtEnd } = stretch;
    const last = entries.at(-1)?.entry.event.logPosition;
    const completeTo = isAtEnd
      // An event that was appended since is there, too.
      ? Math.max(end, (last ?? -1) + 1)
      : ref.streamName === ALL_STREAM
      ? next
      : last === undefined
      ? 0
      : last + 1;
    const items = await this.#toItems(ref, entries);
    return { items, next, isAtEnd, completeTo };
  }

  /** Events of all streams but the system's, and of their metastreams. */
  async #readLog(
    from: number,
  ): Promise<
    Pick<SourcePage, "next" | "isAtEnd"> & {
      readonly entries: readonly PlacedEntry[];
    }
  > {
    const { events, next, isAtEnd } = await this.context.store.readAll({
      from,
      count: READ_COUNT,
      direction: "forward",
      withBodies: true,
      accepts: ({ streamName }) => !isSystemStream(describedStream(streamName)),
    });
    const entries = events.map((event) => ({
      place: event.logPosition,
      entry: { ordinal: event.eventNumber, event },
    }));
    return { entries, next: Math.max(next, from), isAtEnd };
  }

  async #toItems(
    ref: SourceRef,
    entries: readonly PlacedEntry[],
  ): Promise<readonly SourceItem[]> {
    if (!ref.resolvesLinks) {
      return entries.map(({ place, entry }) =>
        itemOf(place, entry.event, [entry.event.streamName], {
          isOfStream: false,
        })
      );
    }
    const resolver = new LinkResolver(
      this.context,
      SYSTEM_PRINCIPAL,
      "private",
    );
    const items: SourceItem[] = [];
    for (const placed of entries) {
      const item = this.#peekItem(ref, placed, resolver) ??
        await this.#resolveItem(ref, placed, resolver);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  /** As `#resolveItem`, if that is known without waiting: it mostly is. */
  #peekItem(
    { streamName }: SourceRef,
    { place, entry }: PlacedEntry,
    resolver: LinkResolver,
  ): SourceItem | undefined {
    const { event } = entry;
    const list = systemListOf(streamName);
    if (list === undefined) {
      return isLink(event)
        ? undefined
        : itemOf(place, event, [streamName], { isOfStream: true });
    }
    if (list.kind === "category" && deletionOf(event) !== undefined) {
      return itemOf(place, event, [event.streamName], { isOfStream: false });
    }
    const options = { list, streamName, resolveLinks: true, withBodies: true };
    const shown = resolver.peekShow(entry, options);
    return shown && resolvedItemOf(place, event, list, shown);
  }

  /** Undefined: what the link points at is not there. */
  async #resolveItem(
    { streamName }: SourceRef,
    { place, entry }: PlacedEntry,
    resolver: LinkResolver,
  ): Promise<SourceItem | undefined> {
    const list = systemListOf(streamName);
    const options = { list, streamName, resolveLinks: true, withBodies: true };
    const shown = await resolver.show(entry, options);
    const isBroken = shown === undefined ||
      shown.link !== undefined && shown.target === undefined;
    return isBroken
      ? undefined
      : resolvedItemOf(place, entry.event, list, shown);
  }
}

/**
 * An item that was found through a list or a link.
 *
 * @param source What stands in the source.
 */
function resolvedItemOf(
  place: number,
  source: RecordedEvent,
  list: ListRef | undefined,
  { original, target }: ResolvedEvent,
): SourceItem {
  const event = target ?? original;
  const aboutStreams = [source.streamName];
  if (event.streamName !== source.streamName && event !== original) {
    aboutStreams.push(event.streamName);
  }
  return itemOf(place, event, aboutStreams, {
    isOfStream: true,
    link: original,
    logPosition: source.logPosition,
    // What a category links to belongs to the stream that has the link.
    partition: describedStream(
      list?.kind === "category" ? source.streamName : event.streamName,
    ),
  });
}

/** @param how Of an event that was found through a link: the link. */
function itemOf(
  place: number,
  event: RecordedEvent,
  aboutStreams: readonly string[],
  { isOfStream, link, logPosition = event.logPosition, partition }: {
    /** Whether it can only be an event: a stream itself tells no deletion. */
    readonly isOfStream: boolean;
    readonly link?: RecordedEvent;
    readonly logPosition?: number;
    readonly partition?: string;
  },
): SourceItem {
  const deleted = isOfStream ? undefined : deletionOf(event);
  const isLinked = link !== undefined && link !== event;
  const made = {
    ...projectionEventOf(event, isLinked ? link.metadata : undefined),
    ...(partition !== undefined && { partition }),
    ...(deleted !== undefined && { deleted }),
  };
  const sizeBytes = ITEM_BYTES + event.data.length + event.metadata.length +
    (isLinked ? link.metadata.length : 0);
  return { place, logPosition, event: made, aboutStreams, sizeBytes };
}
