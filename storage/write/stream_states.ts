/**
 * The state of streams at two moments: decided (the writer's, with everything in
 * flight) and visible (the readers', committed). Metadata is decoded when it is
 * first needed and kept for a bounded number of streams.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { DecidableStream } from "../../lib/model/decide_append.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import type { Int64 } from "../../lib/model/event_number.ts";
import type { StreamState } from "../../lib/store/event_store.ts";
import {
  decodeStreamMetadata,
  defaultMetadataOf,
  NO_METADATA,
  type StreamMetadata,
} from "../../lib/model/stream_metadata.ts";
import {
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import { hashEventIdAt } from "../log/event_id_hash.ts";
import {
  LIST_TOMBSTONED,
  type ListDirectory,
  NO_LIST,
} from "../index/list_directory.ts";
import type { StoreIndex } from "../index/store_index.ts";
import { bytesOf } from "../log/bytes.ts";
import type { LogRecord } from "../log/log_record.ts";
import { putEventId } from "../log/record.ts";
import type { Segment } from "../log/segment.ts";

/** An id that is looked up, as bytes; used up before the next one. */
const SOUGHT_ID = bytesOf(new Uint8Array(16));

/** A stream as the writer sees it. */
export interface DecidedStream extends DecidableStream<ProposedEvent> {
  /** Its list, `NO_LIST` if it was never written. */
  readonly id: number;
}

interface KnownMetadata {
  /** Number of the metadata event. */
  readonly number: number;
  readonly metadata: StreamMetadata;
}

interface StreamStatesOptions {
  readonly index: StoreIndex;
  /** The record at a position, be it in flight or in the log. */
  readonly recordAt: (segment: Segment, position: number) => LogRecord;
  /** Most streams whose metadata is kept decoded. */
  readonly metadataCacheMax: number;
}

export class StreamStates {
  readonly #index: StoreIndex;
  readonly #lists: ListDirectory;
  readonly #recordAt: (segment: Segment, position: number) => LogRecord;
  /** By the metastream's list id. */
  readonly #metadata: LRUCache<number, KnownMetadata>;

  constructor(options: StreamStatesOptions) {
    this.#index = options.index;
    this.#lists = options.index.lists;
    this.#recordAt = options.recordAt;
    this.#metadata = new LRUCache({
      maxSize: options.metadataCacheMax,
      sizeCalculation: () => 1,
    });
  }

  /** The stream as the writer sees it, with what is in flight. */
  decided(streamName: string): DecidedStream {
    const lists = this.#lists;
    const id = lists.find("stream", streamName);
    const isTombstoned = this.#isTombstoned(
      id,
      streamName,
      lists.decidedFlags,
    );
    // A system list has metadata like a stream, but entries of its own.
    const listId = isSystemStream(streamName)
      ? lists.findStream(streamName)
      : id;
    const head = listId === NO_LIST ? -1 : (lists.decidedNext[listId] ?? 0) - 1;
    const isSystemList = listId !== id;
    if (id === NO_LIST) {
      return { ...UNKNOWN_STREAM, head, isTombstoned, isSystemList };
    }
    const metastream = lists.metastream[id] ?? NO_LIST;
    const metadataNumber = metastream === NO_LIST
      ? -1
      : (lists.decidedNext[metastream] ?? 0) - 1;
    return {
      id,
      head,
      isTombstoned,
      isSystemList,
      hasMetadata: metadataNumber >= 0,
      truncateBefore: metadataNumber < 0
        ? 0
        : this.#metadataAt(metastream, metadataNumber).truncateBefore ?? 0,
      numberOf: (event, from) =>
        this.#numberOf({ id, streamName, from }, event),
      hasIdAt: (eventNumber, event) =>
        this.#record(id, eventNumber)?.eventId === event.eventId,
    };
  }

  /** An event of a stream as the writer knows it; undefined if it is gone. */
  decidedEvent(streamId: number, eventNumber: number): LogRecord | undefined {
    return this.#record(streamId, eventNumber);
  }

  /** The stream, or system list, as the writer sees it. */
  decidedState(streamName: string): StreamState {
    const { decidedNext, decidedFlags } = this.#lists;
    return this.#stateAt(streamName, {
      nexts: decidedNext,
      flags: decidedFlags,
      isKept: true,
    });
  }

  /** An event of a stream or a system list as the writer knows it. */
  decidedEntry(
    streamName: string,
    ordinal: number,
  ): LogRecord | undefined {
    return this.#record(this.#lists.findStream(streamName), ordinal);
  }

  /** The newest metadata event that the writer knows of a stream. */
  decidedMetadataEvent(streamName: string): LogRecord | undefined {
    const lists = this.#lists;
    const id = lists.find("stream", streamName);
    const metastream = lists.metastream[id] ?? NO_LIST;
    if (metastream === NO_LIST) return undefined;
    return this.#record(metastream, (lists.decidedNext[metastream] ?? 0) - 1);
  }

  /**
   * The stream, or system list, as readers see it.
   *
   * @param options `isKept`: whether its metadata is kept decoded, true by
   * default; a scan of all streams must not evict those in use.
   */
  visible(
    streamName: string,
    { isKept = true }: { readonly isKept?: boolean } = {},
  ): StreamState {
    const { visibleNext, visibleFlags } = this.#lists;
    return this.#stateAt(streamName, {
      nexts: visibleNext,
      flags: visibleFlags,
      isKept,
    });
  }

  #stateAt(
    streamName: string,
    { nexts, flags, isKept }: {
      readonly nexts: Float64Array;
      readonly flags: Uint8Array;
      readonly isKept: boolean;
    },
  ): StreamState {
    const lists = this.#lists;
    const id = lists.findStream(streamName);
    // Metadata may be there before the stream, and for system lists too.
    const streamId = lists.kinds[id] === 0 && id !== NO_LIST
      ? id
      : lists.find("stream", streamName);
    const metastream = lists.metastream[streamId] ?? NO_LIST;
    const metadataNumber = metastream === NO_LIST
      ? -1
      : (nexts[metastream] ?? 0) - 1;
    return {
      head: id === NO_LIST ? -1 : (nexts[id] ?? 0) - 1,
      isTombstoned: this.#isTombstoned(streamId, streamName, flags),
      metadata: metadataNumber < 0
        ? defaultMetadataOf(streamName)
        : this.#metadataAt(metastream, metadataNumber, isKept),
      metadataNumber,
    };
  }

  /** Forgets the decoded metadata of a metastream that is written. */
  forgetMetadata(metastreamName: string): void {
    if (this.#metadata.size === 0) return;
    const id = this.#lists.find(
      "stream",
      originalOfMetastream(metastreamName),
    );
    this.#metadata.delete(this.#lists.metastream[id] ?? NO_LIST);
  }

  /** Forgets all decoded metadata: numbers may come to mean other events. */
  forgetAllMetadata(): void {
    this.#metadata.clear();
  }

  /** A tombstone ends the stream and its metastream. */
  #isTombstoned(id: number, streamName: string, flags: Uint8Array): boolean {
    if (id !== NO_LIST && flags[id] === LIST_TOMBSTONED) return true;
    if (!isMetastream(streamName)) return false;
    const original = this.#lists.find(
      "stream",
      originalOfMetastream(streamName),
    );
    return original !== NO_LIST && flags[original] === LIST_TOMBSTONED;
  }

  #metadataAt(
    metastream: number,
    number: number,
    isKept = true,
  ): StreamMetadata {
    const known = this.#metadata.get(metastream);
    if (known !== undefined && known.number === number) return known.metadata;
    const record = this.#record(metastream, number);
    const metadata = record === undefined
      ? NO_METADATA
      : decodeStreamMetadata(record);
    if (!isKept) return metadata;
    this.#metadata.set(metastream, { number, metadata });
    return metadata;
  }

  #record(listId: number, ordinal: number): LogRecord | undefined {
    const place = this.#index.locate(listId, ordinal);
    return place === undefined
      ? undefined
      : this.#recordAt(place.segment, place.position);
  }

  /** Number, `from` or more, under which the stream has the event's id. */
  #numberOf(
    { id, streamName, from }: {
      readonly id: number;
      readonly streamName: string;
      readonly from: Int64;
    },
    event: ProposedEvent,
  ): number | undefined {
    const { array, view } = SOUGHT_ID;
    putEventId(array, 0, event);
    let eventNumber: number | undefined;
    this.#index.findId(
      id,
      hashEventIdAt(this.#lists.hashes[id] ?? 0, view, 0),
      (segment, position) => {
        const record = this.#recordAt(segment, position);
        const isIt = record.hasId(array) && record.eventNumber >= from &&
          record.streamName === streamName;
        if (isIt) eventNumber = record.eventNumber;
        return isIt;
      },
    );
    return eventNumber;
  }
}

const UNKNOWN_STREAM: DecidedStream = {
  id: NO_LIST,
  head: -1,
  isTombstoned: false,
  truncateBefore: 0,
  hasMetadata: false,
  numberOf: () => undefined,
  hasIdAt: () => false,
};
