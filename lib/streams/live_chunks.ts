/**
 * Stretches of live feeds, read and written once for all who want the same:
 * clients that have caught up all go on from the same place, so one read and
 * one rendering serve them all. What is kept is bounded in bytes and time.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { StreamContext } from "./context.ts";
import {
  type LiveChunk,
  type LiveRead,
  type LiveSource,
  readLiveChunk,
} from "./live_reader.ts";
import type { NewsBoard } from "./news_board.ts";

/** A stretch that a client wants. */
export interface ChunkRequest extends LiveRead {
  readonly source: LiveSource;
  /** The same for callers with the same rights: {@link rightsKeyOf}. */
  readonly rightsKey: string;
}

interface Entry {
  /** Of whom it was read for. */
  readonly rightsKey: string;
  /** Set once it has been read. */
  chunk: LiveChunk | undefined;
  readonly promise: Promise<LiveChunk>;
  /** Commits before the read: later ones may be missing from it. */
  readonly commitCount: number;
  readonly readAtUs: number;
}

const UNAUTHORIZED: LiveChunk = {
  kind: "ended",
  reason: "unauthorized",
  isForAll: false,
};

/** Decisions on rights that are remembered. */
const RIGHTS_MAX = 10_000;

/** What callers with the same rights have in common. */
export function rightsKeyOf(caller: LiveRead["caller"]): string {
  return caller === undefined ? "" : JSON.stringify([...caller.roles].sort());
}

/** Reads stretches, and hands them out again. */
export class LiveChunks {
  readonly #context: StreamContext;
  readonly #board: NewsBoard;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** Whether who may read which stream. */
  readonly #rights = new Map<string, boolean>();
  #rulesEpoch = -1;
  #keptBytes = 0;

  constructor(context: StreamContext, board: NewsBoard) {
    this.#context = context;
    this.#board = board;
  }

  /**
   * The stretch from a place on; at once if it is there. Asked for only while
   * the board is watched.
   *
   * @throws {QuipuError} As a rejection, as `EventStore.readStream` does.
   */
  next(request: ChunkRequest): LiveChunk | Promise<LiveChunk> {
    this.#forgetOutdated();
    const { source, rightsKey } = request;
    const rights = this.#rights.get(source.streamName + "\n" + rightsKey);
    if (rights === undefined) return this.#decideRights(request);
    if (!rights) return UNAUTHORIZED;
    const key = `${request.place} ${source.key}`;
    const shared = this.#get(key, request);
    return shared instanceof Promise
      ? shared.then((chunk) => this.#ownOf(chunk, key, request))
      : this.#ownOf(shared, key, request);
  }

  /** The stretch as this reader may see it. */
  #ownOf(
    shared: LiveChunk,
    key: string,
    request: ChunkRequest,
  ): LiveChunk | Promise<LiveChunk> {
    if (shared.isForAll) return shared;
    const entry = this.#entries.get(key);
    const isOwn = entry?.chunk === shared &&
      entry.rightsKey === request.rightsKey;
    return isOwn ? shared : this.#get(`${key} ${request.rightsKey}`, request);
  }

  #get(key: string, request: ChunkRequest): LiveChunk | Promise<LiveChunk> {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      const { chunk } = known;
      if (chunk === undefined) {
        const sawAll = known.commitCount === this.#board.commitCount;
        if (sawAll) return known.promise;
      } else if (!this.#isStale(known)) {
        return this.#upToDate(known, chunk);
      }
      this.#forget(key, known);
    }
    return this.#read(key, request);
  }

  /** What was the end when it was read may be it no more. */
  #upToDate(entry: Entry, chunk: LiveChunk): LiveChunk {
    const isOutdated = chunk.kind === "events" && chunk.isAtEnd &&
      entry.commitCount !== this.#board.commitCount;
    if (!isOutdated) return chunk;
    entry.chunk = { ...chunk, isAtEnd: false };
    return entry.chunk;
  }

  #read(key: string, request: ChunkRequest): Promise<LiveChunk> {
    const promise = readLiveChunk(this.#context, request.source, request);
    const entry: Entry = {
      rightsKey: request.rightsKey,
      chunk: undefined,
      promise,
      commitCount: this.#board.commitCount,
      readAtUs: this.#context.clock.nowUs(),
    };
    this.#entries.set(key, entry);
    promise.then(
      (chunk) => this.#keep(key, entry, chunk),
      () => this.#forget(key, entry),
    );
    return promise;
  }

  #keep(key: string, entry: Entry, chunk: LiveChunk): void {
    if (this.#entries.get(key) !== entry) return;
    // That there is nothing yet is true only now.
    if (chunk.kind === "ended" || chunk.bytes === undefined) {
      this.#entries.delete(key);
      return;
    }
    entry.chunk = chunk;
    this.#keptBytes += chunk.bytes.length;
    for (const [oldKey, old] of this.#entries) {
      const isBounded = this.#keptBytes <= LIMITS.liveFeedCacheBytes;
      if (isBounded && !this.#isStale(old)) break;
      if (old.chunk !== undefined) this.#forget(oldKey, old);
    }
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    if (entry.chunk?.kind === "events") {
      this.#keptBytes -= entry.chunk.bytes?.length ?? 0;
    }
  }

  #isStale({ readAtUs }: Entry): boolean {
    const ageUs = this.#context.clock.nowUs() - readAtUs;
    return ageUs < 0 || ageUs > LIMITS.liveFeedCacheMs * 1000;
  }

  /** What rights and metadata decided is decided anew once they change. */
  #forgetOutdated(): void {
    const { rulesEpoch } = this.#board;
    if (rulesEpoch === this.#rulesEpoch) return;
    this.#rulesEpoch = rulesEpoch;
    this.#rights.clear();
    this.#entries.clear();
    this.#keptBytes = 0;
  }

  async #decideRights(request: ChunkRequest): Promise<LiveChunk> {
    const { store, access } = this.#context;
    const { source: { streamName }, caller, rightsKey } = request;
    const epoch = this.#rulesEpoch;
    const state = await store.readState(streamName);
    const granted = await access.readAccess(caller, streamName, state);
    if (granted === "denied") return UNAUTHORIZED;
    if (epoch === this.#rulesEpoch) {
      if (this.#rights.size >= RIGHTS_MAX) this.#rights.clear();
      this.#rights.set(streamName + "\n" + rightsKey, true);
    }
    return await this.next(request);
  }
}
