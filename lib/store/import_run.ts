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

import type { RecordedEvent } from "../model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import type { NumberedEvent } from "./transfer.ts";

/** State that the runs of one import share. */
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

/** A store that takes runs with the numbers and times that they have. */
export interface ImportingStore {
  /** Writes what is new of a run, all or nothing. Throws as `append` does. */
  importRun(request: ImportRunRequest): Promise<ImportRunResult>;
  /** Settles when the next run may come; undefined: it may. */
  readonly sealing?: Promise<void> | undefined;
  readEnd(): Promise<{ readonly end: number }>;
}

/** The fields that the rules read. */
export interface ImportView {
  /** Number that a stream goes on with; 0 for one without events. */
  nextOf(streamName: string): number;
  isTombstoned(streamName: string): boolean;
  /** The event of a stream with that number; undefined when it is gone. */
  eventAt(streamName: string, eventNumber: number): RecordedEvent | undefined;
}

/** View of a store that has nothing. */
export const EMPTY_VIEW: ImportView = {
  nextOf: () => 0,
  isTombstoned: () => false,
  eventAt: () => undefined,
};

/**
 * Decides what of a run is to be written.
 *
 * @returns The events; or what does not fit.
 */
export function decideImport(
  view: ImportView,
  events: readonly NumberedEvent[],
): NumberedEvent[] | { readonly index: number; readonly reason: string } {
  const added: NumberedEvent[] = [];
  /** Number that each stream of the run goes on with. */
  const nexts = new Map<string, number>();
  const tombstoned = new Set<string>();
  for (const [index, numbered] of events.entries()) {
    const { streamName, eventNumber } = numbered;
    const next = nexts.get(streamName) ?? view.nextOf(streamName);
    const isTombstoned = tombstoned.has(streamName) ||
      view.isTombstoned(streamName);
    if (eventNumber >= TOMBSTONE_EVENT_NUMBER) {
      if (isTombstoned) continue;
      tombstoned.add(streamName);
      added.push(numbered);
      continue;
    }
    if (eventNumber < next) {
      const isNew = nexts.has(streamName) &&
        eventNumber >= view.nextOf(streamName);
      const there = isNew ? undefined : view.eventAt(streamName, eventNumber);
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

function isSame(there: RecordedEvent, { event }: NumberedEvent): boolean {
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
