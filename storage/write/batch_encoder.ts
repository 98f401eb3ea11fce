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
import {
  type DecidableStream,
  decideAppend,
  decideDelete,
} from "../../lib/model/decide_append.ts";
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
  enterInLists,
  findMembership,
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
} from "../log/record.ts";
import { offsetOf } from "../log/segment.ts";
import type { Batch } from "./batch.ts";
import type { StreamStates } from "./stream_states.ts";

export interface BatchEncoderOptions {
  readonly lists: ListDirectory;
  readonly states: StreamStates;
  readonly clock: Clock;
  readonly newEventId: () => string;
  /** Memtable of the active segment. */
  readonly memtable: () => Memtable;
}

/** One record of a run before it is numbered in the log. */
interface RunEvent {
  readonly streamId: number;
  readonly streamName: string;
  readonly eventNumber: number;
  readonly event: ProposedEvent;
  readonly flags: number;
}

export class BatchEncoder {
  readonly #options: BatchEncoderOptions;
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
    const ids = events.map((event) => event.eventId);
    const decision = decideAppend(stream, request.expectedVersion, ids);
    if (decision.kind === "conflict" || decision.kind === "deleted") {
      return decision;
    }
    if (decision.kind === "duplicate") {
      return { kind: "duplicate", firstEventNumber: decision.first };
    }
    const streamId = stream.id === NO_LIST
      ? lists.findOrCreate("stream", streamName)
      : stream.id;
    const run: RunEvent[] = events.map((event, index) => ({
      streamId,
      streamName,
      eventNumber: decision.first + index,
      event,
      flags: 0,
    }));
    const reopening = isMetastream(streamName)
      ? this.#reopeningByMetadata(streamName, decision.first, events)
      : this.#reopeningByAppend(streamName, stream);
    if (reopening !== undefined) run.push(reopening);
    this.#encodeRun(batch, run);
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
        eventNumber: TOMBSTONE_EVENT_NUMBER,
        event: {
          eventId: newEventId(),
          eventType: "$streamDeleted",
          isJson: false,
          data: "",
          metadata: "",
        },
        flags: FLAG_TOMBSTONE,
      }]);
    }
    return { kind: "done" };
  }

  /**
   * Appending to a soft-deleted stream reopens it: what was before stays
   * hidden (spec: streams §4).
   */
  #reopeningByAppend(
    streamName: string,
    stream: DecidableStream,
  ): RunEvent | undefined {
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
  ): RunEvent | undefined {
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
  ): RunEvent {
    const { lists, newEventId } = this.#options;
    const metastream = metastreamOf(streamName);
    const streamId = lists.findOrCreate("stream", metastream);
    return {
      streamId,
      streamName: metastream,
      eventNumber: Math.max(leastNumber, lists.decidedNext[streamId] ?? 0),
      event: {
        eventId: newEventId(),
        eventType: METADATA_EVENT_TYPE,
        isJson: true,
        data,
        metadata: "",
      },
      flags: 0,
    };
  }

  #encodeRun(batch: Batch, run: readonly RunEvent[]): void {
    const { clock } = this.#options;
    this.lastCreatedAtUs = Math.max(this.lastCreatedAtUs, clock.nowUs());
    const lastIndex = run.length - 1;
    for (const [index, one] of run.entries()) {
      const previous = run[index - 1];
      const isSameRun = previous !== undefined &&
        previous.streamId === one.streamId;
      if (!isSameRun) {
        batch.runs.push({
          streamName: one.streamName,
          firstEventNumber: one.eventNumber,
          firstIndex: batch.positions.length,
          events: run
            .filter(({ streamId }) => streamId === one.streamId)
            .map(({ event }) => event),
        });
      }
      this.#encodeEvent(batch, one, {
        index,
        isLast: index === lastIndex,
      });
    }
  }

  #encodeEvent(
    batch: Batch,
    one: RunEvent,
    place: { index: number; isLast: boolean },
  ): void {
    const { lists, states, memtable } = this.#options;
    const { streamId, streamName, eventNumber, event } = one;
    const { segment } = batch;
    if (segment === undefined) return;
    const isTombstone = (one.flags & FLAG_TOMBSTONE) !== 0;
    const membership = findMembership(lists, streamId, {
      streamName,
      eventType: event.eventType,
      eventNumber,
      isJson: event.isJson,
      data: event.data,
    });
    const logPosition = batch.endPosition;
    batch.lastPosition = logPosition;
    batch.positions.push(logPosition);
    batch.checksum = encodeRecord(batch.bytes, {
      logPosition,
      createdAtUs: this.lastCreatedAtUs,
      eventNumber,
      eventId: event.eventId,
      streamName,
      eventType: event.eventType,
      data: event.data,
      metadata: event.metadata,
      flags: one.flags | (event.isJson ? FLAG_JSON : 0) |
        (place.isLast ? FLAG_RUN_END : 0) |
        (membership.streamsList !== NO_LIST ? FLAG_FIRST : 0),
      indexInRun: place.index,
      previousCrc: batch.checksum,
      categoryOrdinal: nextOrdinalOf(lists, membership.categoryList),
      typeOrdinal: nextOrdinalOf(lists, membership.typeList),
      streamsOrdinal: nextOrdinalOf(lists, membership.streamsList),
      categoryStreamsOrdinal: nextOrdinalOf(
        lists,
        membership.categoryStreamsList,
      ),
    });
    batch.createdAtUs = this.lastCreatedAtUs;
    const offset = offsetOf(segment, logPosition);
    const table = memtable();
    table.addRecord(offset, this.lastCreatedAtUs);
    table.ids.add(
      hashEventIdAt(
        lists.hashes[streamId] ?? 0,
        batch.bytes.view,
        logPosition - batch.startPosition + EVENT_ID_OFFSET,
      ),
      offset,
    );
    enterInLists(
      lists,
      table,
      { streamId: isTombstone ? NO_LIST : streamId, membership, offset },
      (listId, nextOrdinal) => {
        batch.touchedLists.push(listId);
        batch.touchedNexts.push(nextOrdinal);
      },
    );
    if (isTombstone) {
      table.tombstoned.push(streamId);
      lists.decidedFlags[streamId] = LIST_TOMBSTONED;
      batch.tombstonedLists.push(streamId);
    }
    if (isMetastream(streamName)) states.forgetMetadata(streamName);
  }
}
