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
import { systemListOf } from "../../model/lists.ts";
import { SYSTEM_PRINCIPAL } from "../../model/principal.ts";
import { describedStream, isSystemStream } from "../../model/stream_names.ts";
import type { ListEntry } from "../../store/event_store.ts";
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

interface KeptPage extends SourcePage {
  readonly from: number;
  /** What the page depends on besides the events. */
  readonly rulesEpoch: number;
  readonly sizeBytes: number;
}

interface PendingPage {
  readonly page: Promise<SourcePage>;
  /** End of the log when the read began. */
  readonly end: number;
}

/** Entries that are read together. */
const READ_COUNT = 1_000;
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
  /** Pages read lately, by source, each in the order of its reading. */
  readonly #kept = new Map<string, Set<KeptPage>>();
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
    const { rulesEpoch } = this.followers;
    for (const page of this.#kept.get(key) ?? []) {
      if (page.rulesEpoch !== rulesEpoch) this.#drop(key, page);
      else if (page.from <= place && place < page.next) {
        return {
          items: page.from === place
            ? page.items
            : page.items.filter((item) => item.place >= place),
          next: page.next,
          isAtEnd: false,
          completeTo: page.completeTo,
        };
      }
    }
    return undefined;
  }

  #keep(key: string, page: Omit<KeptPage, "sizeBytes">): void {
    if (page.items.length === 0) return;
    let sizeBytes = 0;
    for (const item of page.items) sizeBytes += item.sizeBytes;
    const ofSource = this.#kept.get(key) ?? new Set();
    this.#kept.set(key, ofSource.add({ ...page, sizeBytes }));
    this.#sizeBytes += sizeBytes;
    for (const [otherKey, pages] of this.#kept) {
      for (const oldest of pages) {
        if (this.#sizeBytes <= this.#parts.limits.projectionPagesBytesMax) {
          return;
        }
        this.#drop(otherKey, oldest);
      }
    }
  }

  #drop(key: string, page: KeptPage): void {
    const pages = this.#kept.get(key);
    if (pages?.delete(page) !== true) return;
    if (pages.size === 0) this.#kept.delete(key);
    this.#sizeBytes -= page.sizeBytes;
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
      ? end
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
    for (const { place, entry } of entries) {
      const item = this.#peekItem(ref, place, entry) ??
        await this.#resolveItem(ref, { place, entry }, resolver);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  /** An event of a stream that is no link: there is nothing to follow. */
  #peekItem(
    { streamName }: SourceRef,
    place: number,
    { event }: ListEntry,
  ): SourceItem | undefined {
    const isPlain = !isLink(event) && systemListOf(streamName) === undefined;
    return isPlain
      ? itemOf(place, event, [streamName], { isOfStream: true })
      : undefined;
  }

  /** Undefined: what the link points at is not there. */
  async #resolveItem(
    { streamName }: SourceRef,
    { place, entry }: PlacedEntry,
    resolver: LinkResolver,
  ): Promise<SourceItem | undefined> {
    const list = systemListOf(streamName);
    const source = entry.event;
    if (list?.kind === "category" && deletionOf(source) !== undefined) {
      return itemOf(place, source, [source.streamName], { isOfStream: false });
    }
    const options = { list, streamName, resolveLinks: true, withBodies: true };
    const shown = await resolver.show(entry, options);
    if (shown === undefined) return undefined;
    const { original, link, target } = shown;
    if (link !== undefined && target === undefined) return undefined;
    const event = target ?? original;
    const aboutStreams = [source.streamName];
    if (event.streamName !== source.streamName && event !== original) {
      aboutStreams.push(event.streamName);
    }
    return itemOf(place, event, aboutStreams, {
      isOfStream: true,
      link: original,
      logPosition: source.logPosition,
      partition: describedStream(
        list?.kind === "category" ? source.streamName : event.streamName,
      ),
    });
  }
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
