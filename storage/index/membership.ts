/**
 * Which lists an event is entered in, by ids, and entering it there: the one
 * place that the writer and recovery share, so that a rebuilt index is the
 * same as the one that was.
 *
 * @module
 */

import { membershipsOf } from "../../lib/model/lists.ts";
import {
  decodeStreamMetadata,
  type StreamMetadata,
} from "../../lib/model/stream_metadata.ts";
import { isMetastream } from "../../lib/model/stream_names.ts";
import { NO_ORDINAL } from "../log/record.ts";
import { type ListDirectory, NO_LIST, STREAMS_LIST } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";

/** The lists, besides its own stream, that an event is entered in. */
export interface Membership {
  categoryList: number;
  typeList: number;
  streamsList: number;
  categoryStreamsList: number;
}

/** What the rules look at. */
export interface ListedEvent {
  readonly streamName: string;
  readonly eventType: string;
  readonly eventNumber: number;
  readonly isJson: boolean;
  readonly data: string | Uint8Array;
}

const DOLLAR = 0x24;

/** Finds the lists of an event, making those that are new. */
export function findMembership(
  lists: ListDirectory,
  streamId: number,
  event: ListedEvent,
): Membership {
  const membership: Membership = {
    categoryList: NO_LIST,
    typeList: NO_LIST,
    streamsList: NO_LIST,
    categoryStreamsList: NO_LIST,
  };
  if (lists.isSource[streamId] !== 1) return membership;
  const { streamName, eventType, eventNumber } = event;
  membership.categoryList = lists.category[streamId] ?? NO_LIST;
  const isOfMetastream = streamName.charCodeAt(0) === DOLLAR &&
    isMetastream(streamName);
  // Only types of the system and metadata need a look at the rule itself.
  const listedType = isOfMetastream || eventType.charCodeAt(0) === DOLLAR
    ? membershipsOf(event, isOfMetastream ? metadataOf(event) : undefined)
      .eventType
    : eventType;
  if (listedType !== undefined) {
    membership.typeList = lists.findOrCreate("eventType", listedType);
  }
  if (eventNumber === 0) {
    membership.streamsList = STREAMS_LIST;
    if (!isOfMetastream && membership.categoryList !== NO_LIST) {
      membership.categoryStreamsList = lists.findOrCreate(
        "categoryStreams",
        lists.nameOf(membership.categoryList),
      );
    }
  }
  return membership;
}

function metadataOf(event: ListedEvent): StreamMetadata {
  return decodeStreamMetadata(event);
}

/** Ordinal that the next entry of a list gets; `NO_ORDINAL` for no list. */
export function nextOrdinalOf(lists: ListDirectory, listId: number): number {
  return listId === NO_LIST ? NO_ORDINAL : lists.decidedNext[listId] ?? 0;
}

/**
 * Enters the record at `offset` in its lists.
 *
 * @param streamId Its stream, or `NO_LIST` for a tombstone: it has no number.
 * @param entered Is told each list and its next ordinal.
 */
export function enterInLists(
  lists: ListDirectory,
  memtable: Memtable,
  options: { streamId: number; membership: Membership; offset: number },
  entered: (listId: number, nextOrdinal: number) => void,
): void {
  const { streamId, membership, offset } = options;
  enter(streamId);
  enter(membership.categoryList);
  enter(membership.typeList);
  enter(membership.streamsList);
  enter(membership.categoryStreamsList);

  function enter(listId: number): void {
    if (listId === NO_LIST) return;
    memtable.addToList(listId, offset);
    const next = (lists.decidedNext[listId] ?? 0) + 1;
    lists.decidedNext[listId] = next;
    entered(listId, next);
  }
}
