/**
 * A commit group: the batches of several requests that are written, synced and
 * committed together, with the answers to give and the changes to publish then.
 *
 * @module
 */

import type { ProposedEvent } from "../../lib/model/event.ts";
import type { CommitHint } from "../../lib/store/event_store.ts";
import type { EntrySink } from "../index/membership.ts";
import { GrowingBytes } from "../log/bytes.ts";
import { LogRecord } from "../log/log_record.ts";
import { lengthOfRecord } from "../log/record.ts";
import type { Segment } from "../log/segment.ts";

/** Memory that an idle group keeps for the next one. */
const KEPT_BYTES = 1024 * 1024;

/** Lists of an event after the first of its stream: stream, category, type. */
const LISTS_OF_EVENT = 3;

/** Events written to a stream by one request. */
interface WrittenBatch {
  readonly streamName: string;
  readonly firstEventNumber: number;
  /** Log position of its first event; the others follow. */
  readonly firstPosition: number;
  readonly events: readonly ProposedEvent[];
}

export class CommitGroup implements EntrySink {
  readonly bytes = new GrowingBytes(64 * 1024);
  segment: Segment | undefined;
  startPosition = 0;
  /** Header CRC of the last record encoded, of this group or before it. */
  checksum = 0;
  createdAtUs = 0;
  /** Answers to give once the group is committed, in the order of requests. */
  answers: (() => void)[] = [];
  /** Refusals of the requests, for a group that cannot be committed. */
  refusals: ((error: Error) => void)[] = [];
  /** Lists and the ordinal after their newest entry as of this group. */
  touchedLists: number[] = [];
  touchedNexts: number[] = [];
  /** Streams that got a tombstone. */
  tombstonedLists: number[] = [];
  batches: WrittenBatch[] = [];
  /** How many events the group has. */
  eventCount = 0;
  /** Position of the group's last record. */
  lastPosition = -1;

  /** Position after the group's last record. */
  get endPosition(): number {
    return this.startPosition + this.bytes.length;
  }

  get isEmpty(): boolean {
    return this.bytes.length === 0;
  }

  /** Makes the group ready for use. */
  begin(segment: Segment, startPosition: number, checksum: number): void {
    this.segment = segment;
    this.startPosition = startPosition;
    this.checksum = checksum;
    this.bytes.clear(KEPT_BYTES);
    this.answers = [];
    this.refusals = [];
    this.touchedLists = [];
    this.touchedNexts = [];
    this.tombstonedLists = [];
    this.batches = [];
    this.eventCount = 0;
  }

  /** Notes the ordinal after a list's newest entry. */
  entered(listId: number, nextOrdinal: number): void {
    const { touchedLists, touchedNexts } = this;
    const { length } = touchedLists;
    // Mostly an event is in the lists of the one before it.
    for (let at = Math.max(0, length - LISTS_OF_EVENT); at < length; at++) {
      if (touchedLists[at] === listId) {
        touchedNexts[at] = nextOrdinal;
        return;
      }
    }
    touchedLists.push(listId);
    touchedNexts.push(nextOrdinal);
  }

  /** The record at a position of this group. */
  recordAt(position: number): LogRecord {
    return new LogRecord(this.bytes, position - this.startPosition, {
      withBodies: true,
    });
  }

  /**
   * The events of the group in the streams that `isOf` selects, in the order of
   * the log.
   */
  committedEvents(isOf: (streamName: string) => boolean): CommitHint[] {
    const committed: CommitHint[] = [];
    for (const batch of this.batches) {
      const { streamName, events } = batch;
      if (!isOf(streamName)) continue;
      let logPosition = batch.firstPosition;
      for (let index = 0; index < events.length; index++) {
        committed.push({
          streamName,
          eventNumber: batch.firstEventNumber + index,
          eventType: events[index]?.eventType ?? "",
          logPosition,
        });
        logPosition += lengthOfRecord(
          this.bytes.view,
          logPosition - this.startPosition,
        );
      }
    }
    return committed;
  }
}

/** An end of the log that is committed, or that a commit was tried with. */
export interface CommitPoint {
  /** Position after the last record. */
  readonly end: number;
  /** Header CRC of that record. */
  readonly checksum: number;
  readonly lastCreatedAtUs: number;
}

/** Where the log ends with these groups; undefined when all are empty. */
export function commitPointOf(
  groups: readonly CommitGroup[],
): CommitPoint | undefined {
  const last = groups.findLast((group) => !group.isEmpty);
  return last && {
    end: last.endPosition,
    checksum: last.checksum,
    lastCreatedAtUs: last.createdAtUs,
  };
}
