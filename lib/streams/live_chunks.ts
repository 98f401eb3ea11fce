/**
 * Stretches of live feeds, read and written once for all who want the same:
 * clients that have caught up all go on from the same place, so one read and
 * one rendering serve them all. What is kept is bounded in bytes and time.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { ROLE_ADMINS } from "../model/principal.ts";
import { readsEverything, stateOnceBegun } from "./access.ts";
import type { StreamContext } from "./context.ts";
import {
  type LiveChunk,
  type LiveRead,
  type LiveSource,
  readLiveChunk,
} from "./live_reader.ts";
import type { Caller } from "./outcomes.ts";

/** Who wants a stretch. What it says of itself stays until it is told. */
export interface ChunkReader extends LiveRead {
  readonly feed: SharedFeed;
  /** The same for callers with the same rights: {@link rightsKeyOf}. */
  readonly rightsKey: string;
  /** Epoch of the rules in which the caller was found to have the right to read. */
  grantedEpoch: number;
  /** Gets a stretch that was not there at once. */
  takeChunk(chunk: LiveChunk): void;
  /** Gets what made reading it fail. */
  failChunk(error: unknown): void;
}

/** What all who read the same feed in the same format share. */
export interface SharedFeed {
  readonly source: LiveSource;
  /** Stretches by the place that they begin at. */
  readonly chunks: Map<number, Entry>;
  /** Those that differ from reader to reader, by place and rights. */
  readonly ownChunks: Map<string, Entry>;
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
  waiting: ChunkReader[];
}

const UNAUTHORIZED: LiveChunk = {
  kind: "ended",
  reason: "unauthorized",
  isForAll: false,
};

/** Decisions on rights that are remembered. */
const RIGHTS_MAX = 10_000;

/** What callers with the same rights to read have in common. */
export function rightsKeyOf(caller: Caller): string {
  if (caller === undefined) return "";
  return readsEverything(caller)
    ? ROLE_ADMINS
    : JSON.stringify([...caller.roles].sort());
}

/** A feed of which nothing was read yet. */
export function sharedFeedOf(source: LiveSource): SharedFeed {
  return { source, chunks: new Map(), ownChunks: new Map() };
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
   * The stretch from the reader's place on, if it is there; otherwise the
   * reader is told later. Asked for only while somebody follows.
   */
  next(reader: ChunkReader): LiveChunk | undefined {
    if (reader.grantedEpoch !== this.#context.followers.rulesEpoch) {
      const isGranted = this.#knownRight(reader);
      if (isGranted === undefined) void this.#decideRight(reader);
      if (isGranted !== true) {
        return isGranted === false ? UNAUTHORIZED : undefined;
      }
      reader.grantedEpoch = this.#rulesEpoch;
    }
    const { chunks } = reader.feed;
    return this.#from(
      this.#usable(chunks.get(reader.place)) ??
        this.#read(chunks, reader.place, reader),
      reader,
    );
  }

  /** What an entry has for a reader; the reader waits if it has nothing yet. */
  #from(entry: Entry, reader: ChunkReader): LiveChunk | undefined {
    const { chunk } = entry;
    if (chunk === undefined) {
      entry.waiting.push(reader);
      return undefined;
    }
    if (chunk.isForAll || entry.rightsKey === reader.rightsKey) return chunk;
    const { ownChunks } = reader.feed;
    const key = `${reader.place} ${reader.rightsKey}`;
    return this.#from(
      this.#usable(ownChunks.get(key)) ?? this.#read(ownChunks, key, reader),
      reader,
    );
  }

  /** The entry, unless what it has is outdated. */
  #usable(entry: Entry | undefined): Entry | undefined {
    if (entry === undefined) return undefined;
    // Whoever asks after a change of rights must not be shown what was judged
    // by those before, even if it has only just been read.
    if (entry.rulesEpoch !== this.#context.followers.rulesEpoch) {
      this.#forget(entry);
      return undefined;
    }
    const { chunk } = entry;
    const hasSeenAll =
      entry.commitCount === this.#context.followers.commitCount;
    if (chunk === undefined) return hasSeenAll ? entry : undefined;
    if (this.#isStale(entry)) {
      this.#forget(entry);
      return undefined;
    }
    // What was the end when it was read may be it no more.
    if (!hasSeenAll && chunk.kind === "events" && chunk.isAtEnd) {
      entry.chunk = { ...chunk, isAtEnd: false };
    }
    return entry;
  }

  #read<Key>(
    entries: Map<Key, Entry>,
    key: Key,
    reader: ChunkReader,
  ): Entry {
    const entry: Entry = {
      forget() {
        if (entries.get(key) === entry) entries.delete(key);
      },
      rightsKey: reader.rightsKey,
      commitCount: this.#context.followers.commitCount,
      rulesEpoch: this.#context.followers.rulesEpoch,
      readAtUs: this.#context.clock.nowUs(),
      chunk: undefined,
      waiting: [],
    };
    entries.set(key, entry);
    const { caller, place, count } = reader;
    const read = { caller, place, count };
    readLiveChunk(this.#context, reader.feed.source, read).then(
      (chunk) => this.#settle(entry, chunk),
      (error) => {
        entry.forget();
        for (const waiting of entry.waiting) waiting.failChunk(error);
      },
    );
    return entry;
  }

  #settle(entry: Entry, chunk: LiveChunk): void {
    entry.chunk = chunk;
    // That there is nothing yet is true only now.
    if (chunk.kind === "ended" || chunk.bytes === undefined) entry.forget();
    else this.#keep(entry, chunk.bytes.length);
    const { waiting } = entry;
    entry.waiting = [];
    for (const reader of waiting) {
      const own = this.#from(entry, reader);
      if (own !== undefined) reader.takeChunk(own);
    }
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
    if (entry.chunk?.kind === "events") {
      this.#keptBytes -= entry.chunk.bytes?.length ?? 0;
    }
  }

  #isStale({ readAtUs }: Entry): boolean {
    const ageUs = this.#context.clock.nowUs() - readAtUs;
    return ageUs < 0 || ageUs > LIMITS.liveFeedCacheMs * 1000;
  }

  /** What rights and metadata decided is decided anew once they change. */
  #knownRight({ feed, rightsKey }: ChunkReader): boolean | undefined {
    const { rulesEpoch } = this.#context.followers;
    if (rulesEpoch !== this.#rulesEpoch) {
      this.#rulesEpoch = rulesEpoch;
      this.#rights.clear();
      for (const entry of this.#kept) entry.forget();
      this.#kept.clear();
      this.#keptBytes = 0;
    }
    return this.#rights.get(rightsEntryOf(feed, rightsKey));
  }

  async #decideRight(reader: ChunkReader): Promise<void> {
    const { store, access } = this.#context;
    const { feed, caller, rightsKey } = reader;
    const { streamName } = feed.source;
    const epoch = this.#rulesEpoch;
    try {
      const state = await store.readState(streamName);
      const granted = await access.readAccess(
        caller,
        streamName,
        stateOnceBegun(state),
      );
      if (epoch === this.#rulesEpoch) {
        if (this.#rights.size >= RIGHTS_MAX) this.#rights.clear();
        const entry = rightsEntryOf(feed, rightsKey);
        this.#rights.set(entry, granted !== "denied");
      }
      const chunk = this.next(reader);
      if (chunk !== undefined) reader.takeChunk(chunk);
    } catch (error) {
      reader.failChunk(error);
    }
  }
}

function rightsEntryOf({ source }: SharedFeed, rightsKey: string): string {
  return source.streamName + "\n" + rightsKey;
}
