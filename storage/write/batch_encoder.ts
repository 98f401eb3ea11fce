/**
 * Encodes decided batches: writes the records of their events at the end of a
 * commit group, and enters them in the index.
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
  FLAG_BATCH_END,
  FLAG_FIRST,
  FLAG_JSON,
  FLAG_TOMBSTONE,
  NO_ORDINAL,
  type RecordFields,
} from "../log/record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import type { CommitGroup } from "./commit_group.ts";
import type { NumberedEvent } from "../../lib/store/transfer.ts";
import type { StreamStates } from "./stream_states.ts";

export interface BatchEncoderOptions {
  readonly lists: ListDirectory;
  readonly states: StreamStates;
  readonly clock: Clock;
  /** Time of the log's last record; a new one's is never less. */
  readonly lastCreatedAtUs: number;
  /** Memtable of the active segment. */
  readonly memtable: () => Memtable;
}

/** Consecutive events of one stream in a batch. */
export interface BatchPart {
  readonly streamId: number;
  readonly streamName: string;
  readonly firstEventNumber: number;
  readonly events: readonly ProposedEvent[];
  readonly flags: number;
  /** Indexes of links that no category lists; default: none. */
  readonly brokenLinks?: ReadonlySet<number> | undefined;
}

/** A record that is being encoded; one object is used for all. */
interface Draft extends Mutable<RecordFields>, Mutable<ListedEvent> {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Encodes the batches of the log, one after the other. */
export class BatchEncoder {
  readonly #options: BatchEncoderOptions;
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
    indexInBatch: 0,
    previousCrc: 0,
    categoryOrdinal: NO_ORDINAL,
    typeOrdinal: NO_ORDINAL,
    streamsOrdinal: NO_ORDINAL,
    categoryStreamsOrdinal: NO_ORDINAL,
  };
  /** Offsets of the records of events that are entered together. */
  #offsets = new Uint32Array(128);
  #lastCreatedAtUs: number;

  constructor(options: BatchEncoderOptions) {
    this.#options = options;
    this.#lastCreatedAtUs = options.lastCreatedAtUs;
  }

  /** Encodes one append: a batch of its parts. */
  encodeBatch(group: CommitGroup, parts: readonly BatchPart[]): void {
    this.#lastCreatedAtUs = Math.max(
      this.#lastCreatedAtUs,
      this.#options.clock.nowUs(),
    );
    group.createdAtUs = this.#lastCreatedAtUs;
    const draft = this.#draft;
    draft.createdAtUs = this.#lastCreatedAtUs;
    draft.indexInBatch = 0;
    const lastPart = parts[parts.length - 1];
    for (const part of parts) {
      const { events } = part;
      group.batches.push({
        streamName: part.streamName,
        firstEventNumber: part.firstEventNumber,
        firstPosition: group.endPosition,
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
        const isBatchEnd = part === lastPart && index === events.length - 1;
        draft.flags = isBatchEnd ? part.flags | FLAG_BATCH_END : part.flags;
        draft.isInCategory = brokenLinks?.has(index) !== true;
        this.#encodeEvent(group, part.streamId, event);
        draft.indexInBatch++;
        draft.eventNumber++;
        index++;
        const end = mayFollow ? sameTypeEnd(events, index) : index;
        if (end === index) continue;
        const endsBatch = part === lastPart && end === events.length;
        this.#encodeFollowing(group, part, { from: index, to: end, endsBatch });
        index = end;
      }
    }
  }

  /** Encodes one event of a batch that keeps its numbers and times. */
  encodeNumbered(
    group: CommitGroup,
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
    group.createdAtUs = this.#lastCreatedAtUs;
    group.batches.push({
      streamName,
      firstEventNumber: eventNumber,
      firstPosition: group.endPosition,
      events: [event],
    });
    const draft = this.#draft;
    draft.createdAtUs = this.#lastCreatedAtUs;
    draft.indexInBatch = index;
    draft.streamName = streamName;
    draft.eventNumber = eventNumber;
    draft.flags = (isTombstone ? FLAG_TOMBSTONE : 0) |
      (isLast ? FLAG_BATCH_END : 0);
    draft.isInCategory = !isBrokenLink;
    this.#encodeEvent(group, streamId, event);
  }

  /**
   * Encodes events of the same stream and type as the one before them: they are
   * in the same lists, which get them all at once.
   */
  #encodeFollowing(
    group: CommitGroup,
    { streamId, events, flags }: BatchPart,
    { from, to, endsBatch }: { from: number; to: number; endsBatch: boolean },
  ): void {
    const { lists } = this.#options;
    const segment = segmentOf(group);
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
      invariant(event !== undefined, "A batch has no gaps");
      const isBatchEnd = endsBatch && index === to - 1;
      draft.flags = isBatchEnd ? flags | FLAG_BATCH_END : flags;
      const offset = offsetOf(segment, group.endPosition);
      this.#encodeDraft(group, event);
      offsets[index - from] = offset;
      memtable.addRecord(offset, draft.createdAtUs);
      memtable.ids.addLater(hashOfLast(group, streamHash), offset);
      draft.indexInBatch++;
      draft.eventNumber++;
      if (draft.categoryOrdinal >= 0) draft.categoryOrdinal++;
      if (draft.typeOrdinal >= 0) draft.typeOrdinal++;
    }
    membership.enterBatch(
      lists,
      memtable,
      { streamId, offsets, count: to - from },
      group,
    );
  }

  /** Encodes the draft's event and enters it in its lists. */
  #encodeEvent(
    group: CommitGroup,
    streamId: number,
    event: ProposedEvent,
  ): void {
    const { lists, states } = this.#options;
    const draft = this.#draft;
    const membership = this.#membership;
    // The rules of membership read these.
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
    const offset = offsetOf(segmentOf(group), group.endPosition);
    this.#encodeDraft(group, event);

    const isTombstone = (draft.flags & FLAG_TOMBSTONE) !== 0;
    const memtable = this.#options.memtable();
    memtable.addRecord(offset, draft.createdAtUs);
    const streamHash = lists.hashes[streamId] ?? 0;
    memtable.ids.addLater(hashOfLast(group, streamHash), offset);
    membership.enter(
      lists,
      memtable,
      { streamId: isTombstone ? NO_LIST : streamId, offset },
      group,
    );
    if (isTombstone) {
      memtable.tombstoned.push(streamId);
      lists.decidedFlags[streamId] = LIST_TOMBSTONED;
      group.tombstonedLists.push(streamId);
    }
    if (isMetastream(draft.streamName)) states.forgetMetadata(draft.streamName);
  }

  /** Encodes the record of the draft and an event, at the end of the group. */
  #encodeDraft(group: CommitGroup, event: ProposedEvent): void {
    const draft = this.#draft;
    const logPosition = group.endPosition;
    draft.logPosition = logPosition;
    draft.eventIdBytes = event.eventIdBytes;
    draft.eventIdOffset = event.eventIdOffset;
    // With the bytes at hand the text need not be made.
    draft.eventId = event.eventIdBytes === undefined ? event.eventId : "";
    draft.eventType = event.eventType;
    draft.data = event.data;
    draft.metadata = event.metadata;
    draft.previousCrc = group.checksum;
    if (event.isJson) draft.flags |= FLAG_JSON;
    group.checksum = encodeRecord(group.bytes, draft);
    group.lastPosition = logPosition;
    group.eventCount++;
  }
}

function segmentOf(group: CommitGroup): Segment {
  const { segment } = group;
  invariant(segment !== undefined, "A group has a segment");
  return segment;
}

/** Hash of the id in the record that was encoded last. */
function hashOfLast(group: CommitGroup, streamHash: number): number {
  const at = group.lastPosition - group.startPosition + EVENT_ID_OFFSET;
  return hashEventIdAt(streamHash, group.bytes.view, at);
}

/** End of the events from `from` on that have the type of the one before it. */
function sameTypeEnd(events: readonly ProposedEvent[], from: number): number {
  const eventType = events[from - 1]?.eventType;
  let end = from;
  while (end < events.length && events[end]?.eventType === eventType) end++;
  return end;
}
