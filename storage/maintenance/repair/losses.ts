/**
 * Follows all lists through what is whole of a store, and finds out what is
 * gone: numbers that are skipped, and lists that ended later than what is left
 * of them.
 *
 * Numbers are also skipped where events were scavenged, which takes a stream's
 * first ones, never some in its midst. So what is missing behind an event that
 * stayed is lost, unless another scavenged segment came in between; of what is
 * missing otherwise, index files say what there was.
 *
 * @module
 */

import { LIMITS } from "../../../lib/model/limits.ts";
import type { LostEvents } from "../../../lib/store/maintenance.ts";
import {
  LIST_KINDS,
  ListDirectory,
  NO_LIST,
} from "../../index/list_directory.ts";
import { Membership } from "../../index/membership.ts";
import type { LogRecord } from "../../log/log_record.ts";
import { FLAG_TOMBSTONE } from "../../log/record.ts";
import type { ListEnd } from "../../log/scavenged_segment.ts";
import { type Mend, mended, mendOf } from "./mend_record.ts";

/** Which numbers of a stream a damaged segment had. */
interface StreamSlice {
  readonly name: string;
  /** Number of its first event there, and the one after its last. */
  readonly first: number;
  readonly end: number;
  /** The nearest number that was not scavenged; undefined when all were. */
  nearest(number: number, step: 1 | -1): number | undefined;
}

export class Losses {
  readonly #lists = new ListDirectory();
  readonly #membership = new Membership();
  /** Ends that a damaged segment is known to have had, by its number. */
  readonly #ends = new Map<number, Map<number, number>>();
  /** Number after the last one that is known to be lost, by stream. */
  readonly #lostNext = new Map<number, number>();
  /** Scavenged segments so far, and when each stream had its last event. */
  #scavengedCount = 0;
  readonly #scavengedCountAt: number[] = [];
  /** Skipped in this segment, and nobody knows yet whether they are lost. */
  readonly #unclear = new Map<number, { from: number; to: number }>();
  /** Where the last of a stream's lost events stand in `lostEvents`. */
  readonly #lastLost = new Map<number, number>();
  readonly lostEvents: LostEvents[] = [];
  lostEventCount = 0;
  #lastCreatedAtUs = 0;
  /** Whether anything was lost so far: skipped numbers count from then on. */
  isLossy = false;

  /** Begins the next segment. */
  begin(isScavenged: boolean): void {
    this.#unclear.clear();
    if (isScavenged) this.#scavengedCount++;
  }

  /**
   * Takes a record that is whole.
   *
   * @returns What it must say instead, where it contradicts those before it.
   */
  take(record: LogRecord): Mend | undefined {
    const mend = mendOf(record, {
      lists: this.#lists,
      membership: this.#membership,
      nextOf: (listId) => this.#nextOf(listId),
      maySkip: this.isLossy || this.#scavengedCount > 0,
      leastTimeUs: this.#lastCreatedAtUs,
    });
    this.#lastCreatedAtUs = mend?.createdAtUs ?? record.createdAtUs;
    const right = mend === undefined ? record : mended(record, mend);
    this.#enter(right, (listId, ordinal) => {
      const next = this.#lists.visibleNext[listId] ?? 0;
      if (this.#lists.kinds[listId] === 0) this.#skipTo(listId, ordinal);
      if (ordinal >= next) this.#lists.visibleNext[listId] = ordinal + 1;
    });
    return mend;
  }

  /** Takes a record that is lost but for its header. */
  takeLost(segmentNumber: number, record: LogRecord): void {
    this.#enter(record, (listId, ordinal) => {
      this.#endsAt(segmentNumber, listId, ordinal + 1);
      if (this.#lists.kinds[listId] !== 0) return;
      this.#skipTo(listId, ordinal);
      if (ordinal >= this.#nextOf(listId)) {
        this.#addLost(listId, ordinal, ordinal);
      }
    });
  }

  /** Takes where a list is known to have ended, at least, in a segment. */
  takeEnd(segmentNumber: number, { kind, name, next }: ListEnd): void {
    const listId = this.#lists.findOrCreate(LIST_KINDS[kind] ?? "stream", name);
    this.#endsAt(segmentNumber, listId, next);
  }

  /** Takes what the segment had of a stream, when its records were taken. */
  takeSlice({ name, first, end, nearest }: StreamSlice): void {
    const listId = this.#lists.findOrCreate("stream", name);
    const add = (from: number, to: number): void => {
      const left = from > to ? undefined : nearest(from, 1);
      const right = from > to ? undefined : nearest(to, -1);
      if (left === undefined || right === undefined || left > right) return;
      this.#addLost(listId, left, right);
    };
    const unclear = this.#unclear.get(listId);
    if (unclear !== undefined) {
      add(Math.max(unclear.from, first), Math.min(unclear.to, end - 1));
    }
    const next = this.#nextOf(listId);
    if (end <= next) return;
    if (first > next && this.#isClear(listId)) {
      this.#addLost(listId, next, first - 1);
    }
    add(Math.max(next, first), end - 1);
  }

  /** Lists that end in a segment, and of which the last entry is gone. */
  endsOf(segmentNumber: number): ListEnd[] {
    const ends: ListEnd[] = [];
    for (const [listId, next] of this.#ends.get(segmentNumber) ?? []) {
      if (next <= (this.#lists.visibleNext[listId] ?? 0)) continue;
      const kind = this.#lists.kinds[listId] ?? 0;
      ends.push({ kind, name: this.#lists.nameOf(listId), next });
    }
    return ends;
  }

  /** Number after the last one of a stream that is there, or surely lost. */
  #nextOf(listId: number): number {
    const next = this.#lists.visibleNext[listId] ?? 0;
    return Math.max(next, this.#lostNext.get(listId) ?? 0);
  }

  /** Whether what is missing behind the stream's last event was not scavenged. */
  #isClear(listId: number): boolean {
    return this.#scavengedCount === (this.#scavengedCountAt[listId] ?? 0);
  }

  #skipTo(listId: number, number: number): void {
    const from = this.#nextOf(listId);
    if (number > from && this.isLossy) {
      if (this.#isClear(listId)) this.#addLost(listId, from, number - 1);
      else this.#unclear.set(listId, { from, to: number - 1 });
    }
    if (this.#scavengedCount > 0) {
      this.#scavengedCountAt[listId] = this.#scavengedCount;
    }
  }

  #endsAt(segmentNumber: number, listId: number, next: number): void {
    let ends = this.#ends.get(segmentNumber);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(segmentNumber, ends);
    }
    ends.set(listId, Math.max(next, ends.get(listId) ?? 0));
  }

  #addLost(listId: number, from: number, to: number): void {
    this.lostEventCount += to - from + 1;
    if (to >= this.#nextOf(listId)) this.#lostNext.set(listId, to + 1);
    const streamName = this.#lists.nameOf(listId);
    const at = this.#lastLost.get(listId);
    const before = at === undefined ? undefined : this.lostEvents[at];
    if (at !== undefined && before?.to === from - 1) {
      this.lostEvents[at] = { streamName, from: before.from, to };
      return;
    }
    if (this.lostEvents.length >= LIMITS.findingsMax) return;
    this.#lastLost.set(listId, this.lostEvents.length);
    this.lostEvents.push({ streamName, from, to });
  }

  #enter(
    record: LogRecord,
    visit: (listId: number, ordinal: number) => void,
  ): void {
    const lists = this.#lists;
    const membership = this.#membership;
    const streamId = lists.findOrCreate("stream", record.streamName);
    membership.find(lists, streamId, record);
    const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
    if (!isTombstone) visit(streamId, record.eventNumber);
    for (
      const [listId, ordinal] of [
        [membership.categoryList, record.categoryOrdinal],
        [membership.typeList, record.typeOrdinal],
        [membership.streamsList, record.streamsOrdinal],
        [membership.categoryStreamsList, record.categoryStreamsOrdinal],
      ] as const
    ) {
      if (listId !== NO_LIST && ordinal >= 0) visit(listId, ordinal);
    }
  }
}
