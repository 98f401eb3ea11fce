/**
 * Decides, numbers and encodes requests in one synchronous step: nothing can
 * come between the look at a stream and the events that follow from it.
 *
 * Later decisions build on earlier ones that are not committed yet, so an
 * answer is given only after all batches before its own are committed.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import { decideAppend, decideDelete } from "../../lib/model/decide_append.ts";
import { invariant } from "../../lib/model/errors.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
} from "../../lib/model/event_store.ts";
import {
  METADATA_EVENT_TYPE,
  SOFT_DELETE_DATA,
  withTruncateBefore,
} from "../../lib/model/stream_metadata.ts";
import {
  isMetastream,
  metastreamOf,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import { hashEventIdAt } from "../log/event_id_hash.ts";
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
import { offsetOf } from "../log/segment.ts";
import type { Batch } from "./batch.ts";
import {
  decideImport,
  type ImportRunRequest,
  type ImportRunResult,
  type NumberedEvent,
} from "./import_run.ts";
import type { DecidedStream, StreamStates } from "./stream_states.ts";

export interface BatchEncoderOptions {
  readonly lists: ListDirectory;
  readonly states: StreamStates;
  readonly clock: Clock;
  readonly newEventId: () => string;
  /** Memtable of the active segment. */
  readonly memtable: () => Memtable;
}

/** Consecutive events of one stream in a run. */
interface RunPart {
  readonly streamId: number;
  readonly streamName: string;
  readonly firstEventNumber: number;
  readonly events: readonly ProposedEvent[];
  readonly flags: number;
}

/** A record that is being encoded; one object serves record after record. */
interface Draft extends Mutable<RecordFields>, Mutable<ListedEvent> {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

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
  /** Time of the last record; the next one's is never less. */
  lastCreatedAtUs = 0;

  constructor(options: BatchEncoderOptions) {
    this.#options = options;
  }

  /** Decides an append and, if it is to be written, encodes its run. */
  append(batch: Batch, request: AppendRequest): AppendResult {
    const { lists, states } = this.#options;
    const { streamName, events } = request;
    const stream = states.decided(streamName);
    const decision = decideAppend(stream, request.expectedVersion, events);
    if (decision.kind === "conflict" || decision.kind === "deleted") {
      return decision;
    }
    if (decision.kind === "duplicate") {
      return { kind: "duplicate", firstEventNumber: decision.first };
    }
    const streamId = stream.id === NO_LIST
      ? lists.findOrCreate("stream", streamName)
      : stream.id;
    const reopening = isMetastream(streamName)
      ? this.#reopeningByMetadata(streamName, decision.first, events)
      : this.#reopeningByAppend(streamName, stream);
    const parts: RunPart[] = [{
      streamId,
      streamName,
      firstEventNumber: decision.first,
      events,
      flags: 0,
    }];
    if (reopening !== undefined) parts.push(reopening);
    this.#encodeRun(batch, parts);
    return { kind: "appended", firstEventNumber: decision.first };
  }

  /** Decides a delete and, if it is to be done, encodes its run. */
  deleteStream(batch: Batch, request: DeleteRequest): DeleteResult {
    const { lists, states, newEventId } = this.#options;
    const { streamName, expectedVersion, mode } = request;
    const decision = decideDelete(states.decided(streamName), expectedVersion);
    if (decision.kind !== "delete") return decision;
    if (mode === "soft") {
      const run = [this.#metadataEvent(streamName, SOFT_DELETE_DATA, 0)];
      this.#encodeRun(batch, run);
    } else {
      this.#encodeRun(batch, [{
        streamId: lists.findOrCreate("stream", streamName),
        streamName,
        firstEventNumber: TOMBSTONE_EVENT_NUMBER,
        events: [{
          eventId: newEventId(),
          eventType: "$streamDeleted",
          isJson: false,
          data: "",
          metadata: "",
        }],
        flags: FLAG_TOMBSTONE,
      }]);
    }
    return { kind: "done" };
  }

  /** Decides an import and, if it fits, encodes what is new of its run. */
  importRun(batch: Batch, request: ImportRunRequest): ImportRunResult {
    const { lists, states } = this.#options;
    const { session, events } = request;
    if (session.isBroken) return { kind: "broken" };
    const added = decideImport({
      lists,
      eventAt: (streamId, number) => states.decidedEvent(streamId, number),
    }, events);
    if (!Array.isArray(added)) {
      session.isBroken = true;
      return { kind: "conflict", ...added };
    }
    for (const [index, numbered] of added.entries()) {
      this.#encodeNumbered(batch, numbered, {
        index,
        isLast: index === added.length - 1,
      });
    }
    return {
      kind: "imported",
      importedCount: added.length,
      knownCount: events.length - added.length,
    };
  }

  #encodeNumbered(
    batch: Batch,
    { streamName, eventNumber, createdAtUs, event }: NumberedEvent,
    { index, isLast }: { index: number; isLast: boolean },
  ): void {
    const { lists } = this.#options;
    const streamId = lists.findOrCreate("stream", streamName);
    const isTombstone = eventNumber >= TOMBSTONE_EVENT_NUMBER;
    // A stream without events may begin later than with 0.
    if (!isTombstone) lists.decidedNext[streamId] = eventNumber;
    this.lastCreatedAtUs = Math.max(this.lastCreatedAtUs, createdAtUs);
    batch.createdAtUs = this.lastCreatedAtUs;
    batch.runs.push({
      streamName,
      firstEventNumber: eventNumber,
      firstIndex: batch.positions.length,
      events: [event],
    });
    const draft = this.#draft;
    draft.createdAtUs = this.lastCreatedAtUs;
    draft.indexInRun = index;
    draft.streamName = streamName;
    draft.eventNumber = eventNumber;
    draft.flags = (isTombstone ? FLAG_TOMBSTONE : 0) |
      (isLast ? FLAG_RUN_END : 0);
    this.#encodeEvent(batch, streamId, event);
  }

  /**
   * Appending to a soft-deleted stream reopens it: what was before stays
   * hidden (spec: streams §4).
   */
  #reopeningByAppend(
    streamName: string,
    stream: DecidedStream,
  ): RunPart | undefined {
    if (!stream.isSoftDeleted) return undefined;
    const newest = this.#options.states.decidedMetadataEvent(streamName);
    const data = withTruncateBefore(newest?.data ?? "{}", stream.head + 1);
    return this.#metadataEvent(streamName, data, 0);
  }

  /** So does writing metadata: a second metadata event follows the first. */
  #reopeningByMetadata(
    metastream: string,
    first: number,
    events: readonly ProposedEvent[],
  ): RunPart | undefined {
    const streamName = originalOfMetastream(metastream);
    const stream = this.#options.states.decided(streamName);
    const newest = events[events.length - 1];
    if (!stream.isSoftDeleted || newest === undefined) return undefined;
    const data = withTruncateBefore(newest.data, stream.head + 1);
    return this.#metadataEvent(streamName, data, first + events.length);
  }

  /**
   * A metadata event made by the server.
   *
   * @param leastNumber Its number at least: more than those of events of the
   * same run.
   */
  #metadataEvent(
    streamName: string,
    data: string,
    leastNumber: number,
  ): RunPart {
    const { lists, newEventId } = this.#options;
    const metastream = metastreamOf(streamName);
    const streamId = lists.findOrCreate("stream", metastream);
    return {
      streamId,
      streamName: metastream,
      firstEventNumber: Math.max(leastNumber, lists.decidedNext[streamId] ?? 0),
      events: [{
        eventId: newEventId(),
        eventType: METADATA_EVENT_TYPE,
        isJson: true,
        data,
        metadata: "",
      }],
      flags: 0,
    };
  }

  #encodeRun(batch: Batch, parts: readonly RunPart[]): void {
    this.lastCreatedAtUs = Math.max(
      this.lastCreatedAtUs,
      this.#options.clock.nowUs(),
    );
    batch.createdAtUs = this.lastCreatedAtUs;
    const draft = this.#draft;
    draft.createdAtUs = this.lastCreatedAtUs;
    draft.indexInRun = 0;
    const lastPart = parts[parts.length - 1];
    for (const part of parts) {
      const { events } = part;
      batch.runs.push({
        streamName: part.streamName,
        firstEventNumber: part.firstEventNumber,
        firstIndex: batch.positions.length,
        events,
      });
      draft.streamName = part.streamName;
      for (let index = 0; index < events.length; index++) {
        const event = events[index];
        if (event === undefined) continue;
        const isRunEnd = part === lastPart && index === events.length - 1;
        draft.eventNumber = part.firstEventNumber + index;
        draft.flags = isRunEnd ? part.flags | FLAG_RUN_END : part.flags;
        this.#encodeEvent(batch, part.streamId, event);
        draft.indexInRun++;
      }
    }
  }

  /** Encodes the draft's event and enters it in its lists. */
  #encodeEvent(batch: Batch, streamId: number, event: ProposedEvent): void {
    const { lists, states } = this.#options;
    const { segment } = batch;
    invariant(segment !== undefined, "A batch has a segment");
    const draft = this.#draft;
    const membership = this.#membership;
    const logPosition = batch.endPosition;
    draft.logPosition = logPosition;
    draft.eventIdBytes = event.eventIdBytes;
    draft.eventIdOffset = event.eventIdOffset;
    // Where the bytes are at hand, asking for the text would make it.
    draft.eventId = event.eventIdBytes === undefined ? event.eventId : "";
    draft.eventType = event.eventType;
    draft.isJson = event.isJson;
    draft.data = event.data;
    draft.metadata = event.metadata;
    draft.previousCrc = batch.checksum;
    membership.find(lists, streamId, draft);
    if (event.isJson) draft.flags |= FLAG_JSON;
    if (membership.streamsList !== NO_LIST) draft.flags |= FLAG_FIRST;
    draft.categoryOrdinal = nextOrdinalOf(lists, membership.categoryList);
    draft.typeOrdinal = nextOrdinalOf(lists, membership.typeList);
    draft.streamsOrdinal = nextOrdinalOf(lists, membership.streamsList);
    draft.categoryStreamsOrdinal = nextOrdinalOf(
      lists,
      membership.categoryStreamsList,
    );
    batch.checksum = encodeRecord(batch.bytes, draft);
    batch.lastPosition = logPosition;
    batch.positions.push(logPosition);

    const isTombstone = (draft.flags & FLAG_TOMBSTONE) !== 0;
    const offset = offsetOf(segment, logPosition);
    const memtable = this.#options.memtable();
    memtable.addRecord(offset, draft.createdAtUs);
    memtable.ids.addLater(
      hashEventIdAt(
        lists.hashes[streamId] ?? 0,
        batch.bytes.view,
        logPosition - batch.startPosition + EVENT_ID_OFFSET,
      ),
      offset,
    );
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
}
