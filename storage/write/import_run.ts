/**
 * A run that is imported: events that were written elsewhere, with the numbers
 * and times that they got there.
 *
 * The rules, event by event: one with a number that the stream has already
 * must be the same event, and is known then; the next number is written; a
 * stream without events may begin with any number, as what was before it may
 * have been scavenged. Anything else is a conflict, and nothing of the run is
 * written.
 *
 * Times in the log never go back: an event that is older than the log's last
 * one gets the time of that.
 *
 * @module
 */

import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import type { NumberedEvent } from "../../lib/store/transfer.ts";
import { type ListDirectory, NO_LIST } from "../index/list_directory.ts";
import { LIST_TOMBSTONED } from "../index/list_directory.ts";
import type { LogRecord } from "../log/log_record.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";

/** What runs of one import share. */
export interface ImportSession {
  /** Set by the first conflict: what comes after it is not written. */
  isBroken: boolean;
}

export interface ImportRunRequest {
  readonly session: ImportSession;
  /** At least one. */
  readonly events: readonly NumberedEvent[];
}

export type ImportRunResult =
  | {
    readonly kind: "imported";
    /** How many were written now. */
    readonly importedCount: number;
    /** How many were there already. */
    readonly knownCount: number;
  }
  | {
    readonly kind: "conflict";
    /** Index of the event that does not fit. */
    readonly index: number;
    /** Why, without a final period. */
    readonly reason: string;
  }
  /** A run before it was a conflict. */
  | { readonly kind: "broken" };

/** What the rules look at. */
interface ImportView {
  readonly lists: ListDirectory;
  /** The event of a stream with that number; undefined when it is gone. */
  eventAt(streamId: number, eventNumber: number): LogRecord | undefined;
}

/**
 * Decides what of a run is to be written.
 *
 * @returns The events; or what does not fit.
 */
export function decideImport(
  view: ImportView,
  events: readonly NumberedEvent[],
): NumberedEvent[] | { readonly index: number; readonly reason: string } {
  const { lists } = view;
  const added: NumberedEvent[] = [];
  /** Number that each stream of the run goes on with. */
  const nexts = new Map<string, number>();
  const tombstoned = new Set<string>();
  for (const [index, numbered] of events.entries()) {
    const { streamName, eventNumber } = numbered;
    const streamId = lists.find("stream", streamName);
    const next = nexts.get(streamName) ??
      (streamId === NO_LIST ? 0 : lists.decidedNext[streamId] ?? 0);
    const isTombstoned = tombstoned.has(streamName) ||
      (streamId !== NO_LIST &&
        lists.decidedFlags[streamId] === LIST_TOMBSTONED);
    if (eventNumber >= TOMBSTONE_EVENT_NUMBER) {
      if (isTombstoned) continue;
      tombstoned.add(streamName);
      added.push(numbered);
      continue;
    }
    if (eventNumber < next) {
      const isNew = nexts.has(streamName) &&
        eventNumber >= (lists.decidedNext[streamId] ?? 0);
      const there = isNew ? undefined : view.eventAt(streamId, eventNumber);
      const isOther = isNew ||
        (there !== undefined && !isSame(there, numbered));
      if (!isOther) continue;
      const reason = `"${streamName}" has another event with number ` +
        `${eventNumber} already`;
      return { index, reason };
    }
    if (isTombstoned) {
      return { index, reason: `"${streamName}" is deleted for ever` };
    }
    if (eventNumber > next && next > 0) {
      const reason = `"${streamName}" ends with number ${next - 1}, so ` +
        `${eventNumber} cannot follow`;
      return { index, reason };
    }
    nexts.set(streamName, eventNumber + 1);
    added.push(numbered);
  }
  return added;
}

function isSame(there: LogRecord, { event }: NumberedEvent): boolean {
  return there.eventId === event.eventId &&
    there.eventType === event.eventType && there.isJson === event.isJson &&
    isSameBytes(there.data, event.data) &&
    isSameBytes(there.metadata, event.metadata);
}

function isSameBytes(there: Uint8Array, value: string | Uint8Array): boolean {
  const bytes = typeof value === "string" ? encodeUtf8(value) : value;
  return bytes.length === there.length &&
    there.every((byte, index) => byte === bytes[index]);
}
