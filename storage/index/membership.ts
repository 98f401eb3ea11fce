/**
 * Which lists an event is entered in, by ids, and entering it there: the one
 * place that the writer and recovery share, so that a rebuilt index is the
 * same as the one that was.
 *
 * @module
 */

import { LINK_TYPE } from "../../lib/model/links.ts";
import { membershipsOf } from "../../lib/model/lists.ts";
import { decodeStreamMetadata } from "../../lib/model/stream_metadata.ts";
import { isMetastream } from "../../lib/model/stream_names.ts";
import { NO_ORDINAL } from "../log/record.ts";
import { type ListDirectory, NO_LIST, STREAMS_LIST } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";

/** The fields that the rules read. */
export interface ListedEvent {
  readonly streamName: string;
  readonly eventType: string;
  readonly eventNumber: number;
  readonly isJson: boolean;
  readonly data: string | Uint8Array;
  /**
   * Of a link: whether its category lists it. That is decided when it is
   * written, and a record says it by having an ordinal there or none.
   */
  readonly isInCategory: boolean;
}

/** Is told each list that an event is entered in, and its next ordinal. */
export interface EntrySink {
  entered(listId: number, nextOrdinal: number): void;
}

const DOLLAR = 0x24;

/**
 * The lists, besides its own stream, that one event is entered in. One object
 * serves event after event: this is done for each event that is written.
 */
export class Membership {
  categoryList = NO_LIST;
  typeList = NO_LIST;
  streamsList = NO_LIST;
  categoryStreamsList = NO_LIST;
  /** The type looked up last: it is mostly that of the next event too. */
  #knownType: string | undefined;
  #knownTypeList = NO_LIST;
  #knownIn: ListDirectory | undefined;

  /** Finds the lists of an event, making those that are new. */
  find(lists: ListDirectory, streamId: number, event: ListedEvent): void {
    this.categoryList = NO_LIST;
    this.typeList = NO_LIST;
    this.streamsList = NO_LIST;
    this.categoryStreamsList = NO_LIST;
    if (lists.isSource[streamId] !== 1) return;
    const { streamName, eventType } = event;
    const category = lists.category[streamId] ?? NO_LIST;
    const isListed = eventType !== LINK_TYPE || event.isInCategory;
    if (isListed) this.categoryList = category;
    const isOfMetastream = streamName.charCodeAt(0) === DOLLAR &&
      isMetastream(streamName);
    // Only types of the system and metadata need a look at the rule itself.
    const listedType = isOfMetastream || eventType.charCodeAt(0) === DOLLAR
      ? membershipsOf(
        event,
        isOfMetastream ? decodeStreamMetadata(event) : undefined,
      ).eventType
      : eventType;
    if (listedType !== undefined) {
      if (listedType !== this.#knownType || lists !== this.#knownIn) {
        this.#knownIn = lists;
        this.#knownTypeList = lists.findOrCreate("eventType", listedType);
        this.#knownType = listedType;
      }
      this.typeList = this.#knownTypeList;
    }
    if (event.eventNumber !== 0) return;
    this.streamsList = STREAMS_LIST;
    if (!isOfMetastream && category !== NO_LIST) {
      this.categoryStreamsList = lists.findOrCreate(
        "categoryStreams",
        lists.nameOf(category),
      );
    }
  }

  /**
   * Enters the records at the first `count` of `offsets`: those of events that
   * follow the one whose lists were found, in the same stream and of the same
   * type. None of them is a stream's first.
   */
  enterBatch(
    lists: ListDirectory,
    memtable: Memtable,
    run: {
      readonly streamId: number;
      readonly offsets: Uint32Array;
      readonly count: number;
    },
    sink: EntrySink,
  ): void {
    const { offsets, count } = run;
    enterBatchIn(run.streamId, lists, memtable, offsets, count, sink);
    enterBatchIn(this.categoryList, lists, memtable, offsets, count, sink);
    enterBatchIn(this.typeList, lists, memtable, offsets, count, sink);
  }

  /**
   * Enters the record at `offset` in its lists.
   *
   * @param streamId Its stream, or `NO_LIST` for a tombstone: it has no number.
   */
  enter(
    lists: ListDirectory,
    memtable: Memtable,
    record: { readonly streamId: number; readonly offset: number },
    sink: EntrySink,
  ): void {
    const { offset } = record;
    enterIn(record.streamId, lists, memtable, offset, sink);
    enterIn(this.categoryList, lists, memtable, offset, sink);
    enterIn(this.typeList, lists, memtable, offset, sink);
    enterIn(this.streamsList, lists, memtable, offset, sink);
    enterIn(this.categoryStreamsList, lists, memtable, offset, sink);
  }
}

function enterIn(
  listId: number,
  lists: ListDirectory,
  memtable: Memtable,
  offset: number,
  sink: EntrySink,
): void {
  if (listId === NO_LIST) return;
  memtable.addToList(listId, offset);
  const next = (lists.decidedNext[listId] ?? 0) + 1;
  lists.decidedNext[listId] = next;
  sink.entered(listId, next);
}

function enterBatchIn(
  listId: number,
  lists: ListDirectory,
  memtable: Memtable,
  offsets: Uint32Array,
  count: number,
  sink: EntrySink,
): void {
  if (listId === NO_LIST) return;
  memtable.addBatchToList(listId, offsets, count);
  const next = (lists.decidedNext[listId] ?? 0) + count;
  lists.decidedNext[listId] = next;
  sink.entered(listId, next);
}

/** Ordinal that the next entry of a list gets; `NO_ORDINAL` for no list. */
export function nextOrdinalOf(lists: ListDirectory, listId: number): number {
  return listId === NO_LIST ? NO_ORDINAL : lists.decidedNext[listId] ?? 0;
}
