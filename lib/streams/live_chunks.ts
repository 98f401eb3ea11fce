/**
 * Stretches of live feeds, read and written once for all who want the same:
 * clients that have caught up all go on from the same place, so one read and
 * one rendering serve them all. What is kept is bounded in bytes and time.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { LINK_TYPE } from "../model/links.ts";
import type { ListRef } from "../model/lists.ts";
import { ROLE_ADMINS } from "../model/principal.ts";
import type { ListEntry } from "../store/event_store.ts";
import { ByteText } from "../text/byte_text.ts";
import { ALL_STREAM, readsEverything, stateOnceBegun } from "./access.ts";
import type { StreamContext } from "./context.ts";
import { type Reach, readStretch } from "./follow.ts";
import type { Caller, LiveEnd, LiveFeedCommand } from "./outcomes.ts";
import { systemListOf } from "../model/lists.ts";
import { LinkResolver, unresolved } from "./resolve_links.ts";

/** A live feed, independent of its readers. */
export type LiveSource = Pick<
  LiveFeedCommand,
  "streamName" | "resolveLinks" | "filter" | "format"
>;

/** A stretch of a live feed, written as one piece. */
export interface LiveChunk extends Reach {
  /** Undefined when there is nothing to show. Must not be changed. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  readonly eventCount: number;
  /** Whether every reader gets to see the same. */
  readonly isForAll: boolean;
  /** Why nothing will follow; undefined: something may. */
  readonly ended?: LiveEnd;
}

/** Who wants a stretch, and where it begins. */
export interface ChunkReader {
  readonly feed: SharedFeed;
  readonly caller: Caller;
  /** The same for callers with the same rights: {@link rightsKeyOf}. */
  readonly rightsKey: string;
  /** Epoch of the rules in which the caller was found to have the right to read. */
  grantedEpoch: number;
  /** Place of the first event wanted: an event number or a log position. */
  readonly place: number;
  /** Events to read at most, 1 or more. */
  readonly count: number;
}

/** The chunks shared by all readers of a feed in one format. */
export interface SharedFeed {
  readonly source: LiveSource;
  readonly list: ListRef | undefined;
  /**
   * Stretches by the place that they begin at; those that differ from reader
   * to reader by place and rights, too.
   */
  readonly chunks: Map<number | string, Entry>;
}

interface Entry {
  readonly forget: () => void;
  /** Of whom it was read for. */
  readonly rightsKey: string;
  /** Commits before the read: later ones may be missing from it. */
  readonly commitCount: number;
  /** Of the rules that it was read by, or of some before them. */
  readonly rulesEpoch: number;
  readonly readAtUs: number;
  /** Set once it has been read. */
  chunk: LiveChunk | undefined;
  readonly reading: Promise<LiveChunk>;
}

/** Decisions on rights that are remembered. */
const RIGHTS_MAX = 10_000;

/** The state shared by callers with the same rights to read. */
export function rightsKeyOf(caller: Caller): string {
  if (caller === undefined) return "";
  return readsEverything(caller)
    ? ROLE_ADMINS
    : JSON.stringify([...caller.roles].sort());
}

/** The same for commands whose feeds show the same in the same format. */
export function feedKeyOf(command: LiveSource): string {
  const { streamName, resolveLinks, filter, format } = command;
  return JSON.stringify([streamName, resolveLinks, filter, format.key]);
}

/** A feed of which nothing was read yet. */
export function sharedFeedOf(source: LiveSource): SharedFeed {
  return { source, list: systemListOf(source.streamName), chunks: new Map() };
}

/** The end for a reader that may read no more. */
export function endedChunk(ended: LiveEnd, place: number): LiveChunk {
  return {
    ended,
    bytes: undefined,
    eventCount: 0,
    next: place,
    isAtEnd: true,
    isForAll: ended === "deleted",
  };
}

/** Reads stretches, and hands them out again. */
export class LiveChunks {
  readonly #context: StreamContext;
  /** Stretches that may be handed out again, oldest first. */
  readonly #kept = new Set<Entry>();
  #keptBytes = 0;
  /** Whether who may read which stream. */
  readonly #rights = new Map<string, boolean>();
  #rulesEpoch = -1;

  constructor(context: StreamContext) {
    this.#context = context;
  }

  /**
   * The stretch from the reader's place on, at once if it was read for somebody
   * already. Asked for only while somebody follows.
   *
   * @throws {QuipuError} As `EventStore.readStream` does; also later.
   */
  read(reader: ChunkReader): LiveChunk | Promise<LiveChunk> {
    if (reader.grantedEpoch !== this.#context.followers.rulesEpoch) {
      return this.#readIfGranted(reader);
    }
    const { place, rightsKey } = reader;
    const entry = this.#entryAt(place, reader);
    const isSame = entry.rightsKey === rightsKey;
    const own = (chunk: LiveChunk) => {
      if (isSame || chunk.isForAll) return chunk;
      const entry = this.#entryAt(`${place} ${rightsKey}`, reader);
      return entry.chunk ?? entry.reading;
    };
    if (entry.chunk !== undefined) return own(entry.chunk);
    return isSame ? entry.reading : entry.reading.then(own);
  }

  async #readIfGranted(reader: ChunkReader): Promise<LiveChunk> {
    return await this.#mayRead(reader)
      ? await this.read(reader)
      : endedChunk("unauthorized", reader.place);
  }

  #entryAt(key: number | string, reader: ChunkReader): Entry {
    const { chunks } = reader.feed;
    return this.#usable(chunks.get(key)) ?? this.#begin(chunks, key, reader);
  }

  /** The entry, unless what it has is outdated. */
  #usable(entry: Entry | undefined): Entry | undefined {
    if (entry === undefined) return undefined;
    const { rulesEpoch, commitCount } = this.#context.followers;
    // A reader that asks after a change of rights must not get what was judged
    // by those before, even if it has only just been read.
    if (entry.rulesEpoch !== rulesEpoch) {
      this.#forget(entry);
      return undefined;
    }
    const { chunk } = entry;
    const hasSeenAll = entry.commitCount === commitCount;
    if (chunk === undefined) return hasSeenAll ? entry : undefined;
    if (this.#isStale(entry)) {
      this.#forget(entry);
      return undefined;
    }
    // The end may have moved since it was read.
    if (!hasSeenAll && chunk.isAtEnd) {
      entry.chunk = { ...chunk, isAtEnd: false };
    }
    return entry;
  }

  #begin(
    chunks: SharedFeed["chunks"],
    key: number | string,
    reader: ChunkReader,
  ): Entry {
    const { commitCount, rulesEpoch } = this.#context.followers;
    const entry: Entry = {
      forget() {
        if (chunks.get(key) === entry) chunks.delete(key);
      },
      rightsKey: reader.rightsKey,
      commitCount,
      rulesEpoch,
      readAtUs: this.#context.clock.nowUs(),
      chunk: undefined,
      reading: readChunk(this.#context, reader).then((chunk) => {
        entry.chunk = chunk;
        // That there is nothing yet is true only now.
        if (chunk.bytes === undefined) entry.forget();
        else this.#keep(entry, chunk.bytes.length);
        return chunk;
      }, (error) => {
        entry.forget();
        throw error;
      }),
    };
    chunks.set(key, entry);
    return entry;
  }

  #keep(entry: Entry, byteLength: number): void {
    this.#kept.add(entry);
    this.#keptBytes += byteLength;
    for (const old of this.#kept) {
      const isBounded = this.#keptBytes <= LIMITS.liveFeedCacheBytes;
      if (isBounded && !this.#isStale(old)) break;
      this.#forget(old);
    }
  }

  #forget(entry: Entry): void {
    entry.forget();
    if (!this.#kept.delete(entry)) return;
    this.#keptBytes -= entry.chunk?.bytes?.length ?? 0;
  }

  #isStale({ readAtUs }: Entry): boolean {
    const ageUs = this.#context.clock.nowUs() - readAtUs;
    return ageUs < 0 || ageUs > LIMITS.liveFeedCacheMs * 1000;
  }

  /** Decisions by rights and metadata are made again once these change. */
  async #mayRead(reader: ChunkReader): Promise<boolean> {
    const { store, access, followers } = this.#context;
    const { feed, caller, rightsKey } = reader;
    const { streamName } = feed.source;
    const key = streamName + "\n" + rightsKey;
    for (;;) {
      const { rulesEpoch } = followers;
      if (rulesEpoch !== this.#rulesEpoch) {
        this.#rulesEpoch = rulesEpoch;
        this.#rights.clear();
        for (const entry of this.#kept) this.#forget(entry);
      }
      let mayRead = this.#rights.get(key);
      if (mayRead === undefined) {
        const state = stateOnceBegun(await store.readState(streamName));
        const granted = await access.readAccess(caller, streamName, state);
        if (rulesEpoch !== followers.rulesEpoch) continue;
        mayRead = granted !== "denied";
        if (this.#rights.size >= RIGHTS_MAX) this.#rights.clear();
        this.#rights.set(key, mayRead);
      }
      reader.grantedEpoch = rulesEpoch;
      return mayRead;
    }
  }
}

/** Room for a stretch, and for the event that makes it too long. */
const CHUNK_CAPACITY = LIMITS.liveFeedChunkLengthMax + 8 * 1024;

/** Reads a stretch and writes as much of it as a client takes at once. */
async function readChunk(
  context: StreamContext,
  { feed, caller, place, count }: ChunkReader,
): Promise<LiveChunk> {
  const { source, list } = feed;
  const { streamName, resolveLinks } = source;
  const stretch = await readStretch(context, source, {
    place,
    count,
    withBodies: true,
  });
  if (stretch.isDeleted) return endedChunk("deleted", place);
  const resolver = new LinkResolver(context, caller, "public");
  const options = { list, streamName, resolveLinks, withBodies: true };
  const out = new ByteText(CHUNK_CAPACITY);
  let eventCount = 0;
  let { next, isAtEnd } = stretch;
  for (const { place, entry } of stretch.entries) {
    // Mostly there is nothing to wait for.
    const shown = isPlain(feed, entry)
      ? unresolved(entry.event)
      : await resolver.show(entry, options);
    if (shown === undefined) continue;
    const { length } = out;
    source.format.event(out, shown, place);
    if (length > 0 && out.length > LIMITS.liveFeedChunkLengthMax) {
      out.length = length;
      next = place;
      isAtEnd = false;
      break;
    }
    eventCount++;
  }
  return {
    bytes: out.length === 0 ? undefined : out.take(0),
    eventCount,
    next,
    isAtEnd,
    isForAll: resolver.isPublic && resolver.showsAll,
  };
}

/** Whether an entry is shown as it stands there. */
function isPlain(
  { list, source: { resolveLinks, streamName } }: SharedFeed,
  { event }: ListEntry,
): boolean {
  return list === undefined && streamName !== ALL_STREAM &&
    !(resolveLinks && event.eventType === LINK_TYPE);
}
