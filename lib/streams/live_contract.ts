/**
 * What a live feed is asked and what it answers: history from some place on,
 * then each event as it becomes visible.
 *
 * @module
 */

import type { EventFilter } from "../model/event_filter.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import type { ByteText } from "../text/byte_text.ts";

/**
 * Where to begin. Places are event numbers, or log positions in the whole log.
 */
export type LiveStart =
  /** With the first event at this place or after it. */
  | { readonly kind: "at"; readonly place: number }
  /** With the next event that is written. */
  | { readonly kind: "head" }
  /** With the last events there are, 1 or more, or the last before a place. */
  | {
    readonly kind: "last";
    readonly count: number;
    readonly before?: number;
  }
  /** With the first event of that time or after it; microseconds since 1970. */
  | { readonly kind: "time"; readonly timeUs: number };

/** Why a live feed ends before its client leaves. */
export type LiveEnd = "stopping" | "deleted" | "unauthorized" | "tooSlow";

/**
 * How a live feed is written. Its texts are handed to all who read the same
 * feed in the same format.
 */
export interface LiveFormat {
  /** The same for formats that write the same. */
  readonly key: string;
  /**
   * Appends an event.
   *
   * @param place To resume after this event.
   */
  event(out: ByteText, event: ResolvedEvent, place: number): void;
  /** Says nothing but from where to resume. @param place -1: from the start. */
  progress(place: number): string;
  /** All there is has been sent. */
  caughtUp(place: number): string;
  /** First of all. */
  readonly opening: string;
  /** Keeps the connection open while nothing happens. */
  readonly heartbeat: string;
  ended(reason: LiveEnd): string;
}

export interface LiveFeedCommand {
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  readonly start: LiveStart;
  /** Links are never followed in `$all`. */
  readonly resolveLinks: boolean;
  readonly filter: EventFilter | undefined;
  readonly format: LiveFormat;
  /** Address of the client, for the limits. */
  readonly address: string;
  /**
   * Settles when the connection has let go of the body. A client that was
   * dropped for its slowness counts until then: what it was sent waits in the
   * connection's buffers.
   */
  readonly released?: Promise<unknown>;
}

/** A stream that was never written has a live feed too: it waits. */
export type LiveFeedOutcome =
  | {
    readonly kind: "feed";
    /** Cancelling it ends the feed. */
    readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  }
  /** Too many are open, in all or of this client: address or user. */
  | { readonly kind: "tooMany"; readonly where: "inAll" | "ofClient" }
  | { readonly kind: "deleted" | "unauthorized" };

/** Where in a feed the events of a time begin. */
export type LocateOutcome =
  /** Of the first event of that time or after it, or of the next one. */
  | { readonly kind: "place"; readonly place: number }
  | { readonly kind: "notFound" | "deleted" | "unauthorized" };
