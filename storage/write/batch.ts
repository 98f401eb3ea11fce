/**
 * A batch: the runs of several requests that are written, synced and committed
 * together, and what is to be told and published then.
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

/** Memory that an idle batch keeps for the next one. */
const KEPT_BYTES = 1024 * 1024;

/** Its stream, category and type: what an event after the first is in. */
const LISTS_OF_EVENT = 3;

/** Events written to a stream by one request. */
interface WrittenRun {
  readonly streamName: string;
  readonly firstEventNumber: number;
  /** Log position of its first event; the others follow. */
  readonly firstPosition: number;
  readonly events: readonly ProposedEvent[];
}

export class Batch implements EntrySink {
  readonly bytes = new GrowingBytes(64 * 1024);
  segment: Segment | undefined;
  startPosition = 0;
  /** Header CRC of the last record encoded, of this batch or before it. */
  checksum = 0;
  createdAtUs = 0;
  /** Answers to give once the batch is committed, in the order of requests. */
  answers: (() => void)[] = [];
  /** What to tell the requests when it cannot be committed. */
  refusals: ((error: Error) => void)[] = [];
  /** Lists and the ordinal after their newest entry as of this batch. */
  touchedLists: number[] = [];
  touchedNexts: number[] = [];
  /** Streams that got a tombstone. */
  tombstonedLists: number[] = [];
  runs: WrittenRun[] = [];
  /** How many events the batch has. */
  eventCount = 0;
  /** Position of the batch's last record. */
  lastPosition = -1;

  /** Position after the batch's last record. */
  get endPosition(): number {
    return this.startPosition + this.bytes.length;
  }

  get isEmpty(): boolean {
    return this.bytes.length === 0;
  }

  /** Makes the batch ready for use. */
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
    this.runs = [];
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

  /** The record at a position of this batch. */
  recordAt(position: number): LogRecord {
    return new LogRecord(this.bytes, position - this.startPosition, {
      withBodies: true,
    });
  }

  /**
   * What the batch made visible of the streams that are asked for, in the
   * order of the log.
   */
  committedEvents(isOf: (streamName: string) => boolean): CommitHint[] {
    const committed: CommitHint[] = [];
    for (const run of this.runs) {
      const { streamName, events } = run;
      if (!isOf(streamName)) continue;
      let logPosition = run.firstPosition;
      for (let index = 0; index < events.length; index++) {
        committed.push({
          streamName,
          eventNumber: run.firstEventNumber + index,
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

/** An end of the log that is, or was to be, committed. */
export interface CommitPoint {
  /** Position after the last record. */
  readonly end: number;
  /** Header CRC of that record. */
  readonly checksum: number;
  readonly lastCreatedAtUs: number;
}

/** Where the log ends with these batches; undefined when all are empty. */
export function commitPointOf(
  batches: readonly Batch[],
): CommitPoint | undefined {
  const last = batches.findLast((batch) => !batch.isEmpty);
  return last && {
    end: last.endPosition,
    checksum: last.checksum,
    lastCreatedAtUs: last.createdAtUs,
  };
}
