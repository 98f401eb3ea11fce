/**
 * Follows all lists through what is whole of a store, and finds out what is
 * gone: numbers that are skipped, and lists that ended later than what is left
 * of them.
 *
 * @module
 */

import { LIMITS } from "../../lib/model/limits.ts";
import type { LostEvents } from "../../lib/model/maintenance.ts";
import { LIST_KINDS, ListDirectory, NO_LIST } from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import type { LogRecord } from "../log/log_record.ts";
import { FLAG_TOMBSTONE } from "../log/record.ts";
import type { ListEnd } from "../log/remains.ts";

export class Losses {
  readonly #lists = new ListDirectory();
  readonly #membership = new Membership();
  /** Ends that a damaged segment is known to have had, by its number. */
  readonly #ends = new Map<number, Map<number, number>>();
  readonly lostEvents: LostEvents[] = [];
  lostEventCount = 0;
  /** Whether anything was lost so far: skipped numbers count from then on. */
  isLossy = false;
  /** Whether numbers may be missing because they were scavenged. */
  isScavenged = false;

  /** Takes a record that is whole. */
  take(record: LogRecord): void {
    this.#enter(record, (listId, ordinal) => {
      const next = this.#lists.visibleNext[listId] ?? 0;
      const isStream = this.#lists.kinds[listId] === 0;
      if (ordinal > next && isStream && this.isLossy && !this.isScavenged) {
        this.#addLost(listId, next, ordinal - 1);
      }
      if (ordinal >= next) this.#lists.visibleNext[listId] = ordinal + 1;
    });
  }

  /** Takes a record that is lost but for its header. */
  takeLost(segmentNumber: number, record: LogRecord): void {
    this.#enter(
      record,
      (listId, ordinal) => this.#endsAt(segmentNumber, listId, ordinal + 1),
    );
  }

  /** Takes where a list is known to have ended, at least, in a segment. */
  takeEnd(segmentNumber: number, { kind, name, next }: ListEnd): void {
    const listId = this.#lists.findOrCreate(LIST_KINDS[kind] ?? "stream", name);
    this.#endsAt(segmentNumber, listId, next);
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

  /** After all segments: what is lost at the ends of streams. */
  finish(): void {
    const reached = new Map<number, number>();
    for (const ends of this.#ends.values()) {
      for (const [listId, next] of ends) {
        if (this.#lists.kinds[listId] !== 0) continue;
        reached.set(listId, Math.max(next, reached.get(listId) ?? 0));
      }
    }
    for (const [listId, next] of reached) {
      const seen = this.#lists.visibleNext[listId] ?? 0;
      if (next > seen) this.#addLost(listId, seen, next - 1);
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
    if (this.lostEvents.length >= LIMITS.findingsMax) return;
    this.lostEvents.push({ streamName: this.#lists.nameOf(listId), from, to });
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
