/**
 * Encodes runs that are decided: makes records of their events at the end of a
 * batch, and enters these in the index.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import { invariant } from "../../lib/model/errors.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import { isMetastream } from "../../lib/model/stream_names.ts";
import {
  LIST_TOMBSTONED,
  type ListDirectory,
  NO_LIST,
} from "../index/list_directory.ts";
import {
  type ListedEvent,
  Membership,
  nextOrdinalOf,
} from "../index/membership.ts";
import type { Memtable } from "../index/memtable.ts";
import { hashEventIdAt } from "../log/event_id_hash.ts";
import {
  encodeRecord,
  EVENT_ID_OFFSET,
  FLAG_FIRST,
  FLAG_JSON,
  FLAG_RUN_END,
  FLAG_TOMBSTONE,
  NO_ORDINAL,
  type RecordFields,
} from "../log/record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import type { Batch } from "./batch.ts";
import type { NumberedEvent } from "../../lib/store/transfer.ts";
import type { StreamStates } from "./stream_states.ts";

export interface RunEncoderOptions {
  readonly lists: ListDirectory;
  readonly states: StreamStates;
  readonly clock: Clock;
  /** Time of the log's last record; a new one's is never less. */
  readonly lastCreatedAtUs: number;
  /** Memtable of the active segment. */
  readonly memtable: () => Memtable;
}

/** Consecutive events of one stream in a run. */
export interface RunPart {
  readonly streamId: number;
  readonly streamName: string;
  readonly firstEventNumber: number;
  readonly events: readonly ProposedEvent[];
  readonly flags: number;
  /** Indexes of links that no category lists; default: none. */
  readonly brokenLinks?: ReadonlySet<number> | undefined;
}

/** A record that is being encoded; one object serves record after record. */
interface Draft extends Mutable<RecordFields>, Mutable<ListedEvent> {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Encodes run after run of the one log that there is. */
export class RunEncoder {
  readonly #options: RunEncoderOptions;
  readonly #membership = new Membership();
  readonly #draft: Draft = {
    logPosition: 0,
    createdAtUs: 0,
    eventNumber: 0,
    eventId: "",
    eventIdBytes: undefined,
    eventIdOffset: undefined,
    streamName: "",
    eventType: "",
    isJson: false,
    isInCategory: true,
    data: "",
    metadata: "",
    flags: 0,
    indexInRun: 0,
    previousCrc: 0,
    categoryOrdinal: NO_ORDINAL,
    typeOrdinal: NO_ORDINAL,
    streamsOrdinal: NO_ORDINAL,
    categoryStreamsOrdinal: NO_ORDINAL,
  };
  /** Where the records are of events that are entered at once. */
  #offsets = new Uint32Array(128);
  #lastCreatedAtUs: number;

  constructor(options: RunEncoderOptions) {
    this.#options = options;
    this.#lastCreatedAtUs = options.lastCreatedAtUs;
  }

  /** Encodes one append: a run of its parts. */
  encodeRun(batch: Batch, parts: readonly RunPart[]): void {
    this.#lastCreatedAtUs = Math.max(
      this.#lastCreatedAtUs,
      this.#options.clock.nowUs(),
    );
    batch.createdAtUs = this.#lastCreatedAtUs;
    const draft = this.#draft;
    draft.createdAtUs = this.#lastCreatedAtUs;
    draft.indexInRun = 0;
    const lastPart = parts[parts.length - 1];
    for (const part of parts) {
      const { events } = part;
      batch.runs.push({
        streamName: part.streamName,
        firstEventNumber: part.firstEventNumber,
        firstPosition: batch.endPosition,
        events,
      });
      draft.streamName = part.streamName;
      draft.eventNumber = part.firstEventNumber;
      const { brokenLinks } = part;
      const mayFollow = brokenLinks === undefined &&
        !isMetastream(part.streamName);
      for (let index = 0; index < events.length;) {
        const event = events[index];
        if (event === undefined) break;
        const isRunEnd = part === lastPart && index === events.length - 1;
        draft.flags = isRunEnd ? part.flags | FLAG_RUN_END : part.flags;
        draft.isInCategory = brokenLinks?.has(index) !== true;
        this.#encodeEvent(batch, part.streamId, event);
        draft.indexInRun++;
        draft.eventNumber++;
        index++;
        const end = mayFollow ? sameTypeEnd(events, index) : index;
        if (end === index) continue;
        const endsRun = part === lastPart && end === events.length;
        this.#encodeFollowing(batch, part, { from: index, to: end, endsRun });
        index = end;
      }
    }
  }

  /** Encodes one event of a run that keeps its numbers and times. */
  encodeNumbered(
    batch: Batch,
    { streamName, eventNumber, createdAtUs, event }: NumberedEvent,
    { index, isLast, isBrokenLink }: {
      readonly index: number;
      readonly isLast: boolean;
      readonly isBrokenLink: boolean;
    },
  ): void {
    const { lists } = this.#options;
    const streamId = lists.findOrCreate("stream", streamName);
    const isTombstone = eventNumber >= TOMBSTONE_EVENT_NUMBER;
    // A stream without events may begin later than with 0.
    if (!isTombstone) lists.decidedNext[streamId] = eventNumber;
    this.#lastCreatedAtUs = Math.max(this.#lastCreatedAtUs, createdAtUs);
    batch.createdAtUs = this.#lastCreatedAtUs;
    batch.runs.push({
      streamName,
      firstEventNumber: eventNumber,
      firstPosition: batch.endPosition,
      events: [event],
    });
    const draft = this.#draft;
    draft.createdAtUs = this.#lastCreatedAtUs;
    draft.indexInRun = index;
    draft.streamName = streamName;
    draft.eventNumber = eventNumber;
    draft.flags = (isTombstone ? FLAG_TOMBSTONE : 0) |
      (isLast ? FLAG_RUN_END : 0);
    draft.isInCategory = !isBrokenLink;
    this.#encodeEvent(batch, streamId, event);
  }

  /**
   * Encodes events that are of the type of the one before them, in its stream:
   * its lists are theirs, and get them all at once.
   */
  #encodeFollowing(
    batch: Batch,
    { streamId, events, flags }: RunPart,
    { from, to, endsRun }: { from: number; to: number; endsRun: boolean },
  ): void {
    const { lists } = this.#options;
    const segment = segmentOf(batch);
    const draft = this.#draft;
    const membership = this.#membership;
    const memtable = this.#options.memtable();
    const streamHash = lists.hashes[streamId] ?? 0;
    if (this.#offsets.length < to - from) {
      this.#offsets = new Uint32Array(2 * (to - from));
    }
    const offsets = this.#offsets;
    draft.categoryOrdinal = nextOrdinalOf(lists, membership.categoryList);
    draft.typeOrdinal = nextOrdinalOf(lists, membership.typeList);
    for (let index = from; index < to; index++) {
      const event = events[index];
      invariant(event !== undefined, "A run has no gaps");
      const isRunEnd = endsRun && index === to - 1;
      draft.flags = isRunEnd ? flags | FLAG_RUN_END : flags;
      const offset = offsetOf(segment, batch.endPosition);
      this.#encodeDraft(batch, event);
      offsets[index - from] = offset;
      memtable.addRecord(offset, draft.createdAtUs);
      memtable.ids.addLater(hashOfLast(batch, streamHash), offset);
      draft.indexInRun++;
      draft.eventNumber++;
      if (draft.categoryOrdinal >= 0) draft.categoryOrdinal++;
      if (draft.typeOrdinal >= 0) draft.typeOrdinal++;
    }
    membership.enterRun(
      lists,
      memtable,
      { streamId, offsets, count: to - from },
      batch,
    );
  }

  /** Encodes the draft's event and enters it in its lists. */
  #encodeEvent(batch: Batch, streamId: number, event: ProposedEvent): void {
    const { lists, states } = this.#options;
    const draft = this.#draft;
    const membership = this.#membership;
    // The rules look at these.
    draft.eventType = event.eventType;
    draft.isJson = event.isJson;
    draft.data = event.data;
    membership.find(lists, streamId, draft);
    if (membership.streamsList !== NO_LIST) draft.flags |= FLAG_FIRST;
    draft.categoryOrdinal = nextOrdinalOf(lists, membership.categoryList);
    draft.typeOrdinal = nextOrdinalOf(lists, membership.typeList);
    draft.streamsOrdinal = nextOrdinalOf(lists, membership.streamsList);
    draft.categoryStreamsOrdinal = nextOrdinalOf(
      lists,
      membership.categoryStreamsList,
    );
    const offset = offsetOf(segmentOf(batch), batch.endPosition);
    this.#encodeDraft(batch, event);

    const isTombstone = (draft.flags & FLAG_TOMBSTONE) !== 0;
    const memtable = this.#options.memtable();
    memtable.addRecord(offset, draft.createdAtUs);
    const streamHash = lists.hashes[streamId] ?? 0;
    memtable.ids.addLater(hashOfLast(batch, streamHash), offset);
    membership.enter(
      lists,
      memtable,
      { streamId: isTombstone ? NO_LIST : streamId, offset },
      batch,
    );
    if (isTombstone) {
      memtable.tombstoned.push(streamId);
      lists.decidedFlags[streamId] = LIST_TOMBSTONED;
      batch.tombstonedLists.push(streamId);
    }
    if (isMetastream(draft.streamName)) states.forgetMetadata(draft.streamName);
  }

  /** Encodes the record of the draft and an event, at the end of the batch. */
  #encodeDraft(batch: Batch, event: ProposedEvent): void {
    const draft = this.#draft;
    const logPosition = batch.endPosition;
    draft.logPosition = logPosition;
    draft.eventIdBytes = event.eventIdBytes;
    draft.eventIdOffset = event.eventIdOffset;
    // Where the bytes are at hand, asking for the text would make it.
    draft.eventId = event.eventIdBytes === undefined ? event.eventId : "";
    draft.eventType = event.eventType;
    draft.data = event.data;
    draft.metadata = event.metadata;
    draft.previousCrc = batch.checksum;
    if (event.isJson) draft.flags |= FLAG_JSON;
    batch.checksum = encodeRecord(batch.bytes, draft);
    batch.lastPosition = logPosition;
    batch.eventCount++;
  }
}

function segmentOf(batch: Batch): Segment {
  const { segment } = batch;
  invariant(segment !== undefined, "A batch has a segment");
  return segment;
}

/** Hash of the id in the record that was encoded last. */
function hashOfLast(batch: Batch, streamHash: number): number {
  const at = batch.lastPosition - batch.startPosition + EVENT_ID_OFFSET;
  return hashEventIdAt(streamHash, batch.bytes.view, at);
}

/** Where the events end that are of the same type as the one before `from`. */
function sameTypeEnd(events: readonly ProposedEvent[], from: number): number {
  const eventType = events[from - 1]?.eventType;
  let end = from;
  while (end < events.length && events[end]?.eventType === eventType) end++;
  return end;
}
