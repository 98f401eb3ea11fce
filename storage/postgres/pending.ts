/**
 * Requests that wait to be written, first in, first out, bounded by events and
 * by bytes.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { LINK_TYPE } from "../../lib/model/links.ts";
import { describedStream, isMetastream } from "../../lib/model/stream_names.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
  QueueStatus,
} from "../../lib/store/event_store.ts";
import type { ImportRunResult } from "../../lib/store/import_run.ts";
import type { NumberedEvent } from "../../lib/store/transfer.ts";

/** What is asked, and how it is answered. */
export type Asked =
  | {
    readonly kind: "append";
    readonly request: AppendRequest;
    readonly resolve: (result: AppendResult) => void;
  }
  | {
    readonly kind: "delete";
    readonly request: DeleteRequest;
    /** Id of the event that deletes: found again if the answer is lost. */
    readonly eventId: string;
    readonly resolve: (result: DeleteResult) => void;
  }
  | {
    readonly kind: "import";
    readonly events: readonly NumberedEvent[];
    readonly resolve: (result: ImportRunResult) => void;
  };

/** A request that waits. */
export interface Pending {
  readonly asked: Asked;
  /** Streams that it writes to; of a metastream the one that it describes. */
  readonly streams: readonly string[];
  readonly eventCount: number;
  readonly bytes: number;
  readonly sinceMs: number;
  readonly reject: (error: Error) => void;
  /** Whether it is decided on what is read, not on what usually holds. */
  mustLook: boolean;
  /** Whether it may have been written without an answer. */
  isInDoubt: boolean;
  isSettled: boolean;
}

/** Bytes of an event besides its bodies. */
const EVENT_OVERHEAD_BYTES = 256;

export class PendingQueue {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  #requests: Pending[] = [];
  #events = 0;
  #bytes = 0;

  constructor(
    limits: { readonly eventsMax: number; readonly bytesMax: number },
  ) {
    this.#eventsMax = limits.eventsMax;
    this.#bytesMax = limits.bytesMax;
  }

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** Those that wait, in the order in which they came. */
  get requests(): readonly Pending[] {
    return this.#requests;
  }

  get status(): QueueStatus {
    return {
      requests: this.#requests.length,
      events: this.#events,
      eventsMax: this.#eventsMax,
      bytes: this.#bytes,
      bytesMax: this.#bytesMax,
    };
  }

  /** Adds a request, or rejects it if that is too much. One alone never is. */
  push(asked: Asked, reject: (error: Error) => void, sinceMs: number): void {
    const events = eventsOf(asked);
    let bytes = EVENT_OVERHEAD_BYTES;
    for (const event of events) bytes += bytesOf(event);
    const isTooMuch = this.#events + events.length > this.#eventsMax ||
      this.#bytes + bytes > this.#bytesMax;
    if (isTooMuch && !this.isEmpty) {
      reject(
        new QuipuError(
          "queueFull",
          "Cannot append: too many appends are waiting already",
        ),
      );
      return;
    }
    this.#events += events.length;
    this.#bytes += bytes;
    this.#requests.push({
      asked,
      streams: streamsOf(asked),
      eventCount: events.length,
      bytes,
      sinceMs,
      reject,
      mustLook: needsLook(asked, events),
      isInDoubt: false,
      isSettled: false,
    });
  }

  /** Takes off those that are settled. */
  sweep(): void {
    const left = this.#requests.filter((pending) => {
      if (!pending.isSettled) return true;
      this.#events -= pending.eventCount;
      this.#bytes -= pending.bytes;
      return false;
    });
    this.#requests = left;
  }
}

/** Refuses a request. */
export function refuse(pending: Pending, error: Error): void {
  pending.isSettled = true;
  pending.reject(error);
}

function eventsOf(asked: Asked): readonly ProposedEvent[] {
  if (asked.kind === "append") return asked.request.events;
  if (asked.kind === "import") return asked.events.map(({ event }) => event);
  return [];
}

function streamsOf(asked: Asked): string[] {
  if (asked.kind !== "import") {
    return [describedStream(asked.request.streamName)];
  }
  return [
    ...new Set(
      asked.events.map(({ streamName }) => describedStream(streamName)),
    ),
  ];
}

/**
 * Whether what a request needs to hold cannot be said without looking: metadata
 * is changed on its way, a link may lead nowhere, or the version that is
 * expected is none that a column holds.
 */
function needsLook(asked: Asked, events: readonly ProposedEvent[]): boolean {
  return asked.kind !== "append" || isMetastream(asked.request.streamName) ||
    Number(asked.request.expectedVersion) > Number.MAX_SAFE_INTEGER ||
    events.some(({ eventType }) => eventType === LINK_TYPE);
}

function bytesOf({ data, metadata, eventType }: ProposedEvent): number {
  return EVENT_OVERHEAD_BYTES + eventType.length + lengthOf(data) +
    lengthOf(metadata);
}

function lengthOf(body: string | Uint8Array): number {
  return typeof body === "string" ? 3 * body.length : body.length;
}
