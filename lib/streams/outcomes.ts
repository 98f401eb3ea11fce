/**
 * Commands of the stream service and their outcomes. Refusals that are
 * ordinary answers are outcomes; `QuipuError`s are thrown.
 *
 * @module
 */

import type { ProposedEvent } from "../model/event.ts";
import type { EventFilter } from "../model/event_filter.ts";
import type { ExpectedVersion } from "../model/expected_version.ts";
import type {
  AllPage,
  AllRange,
  CachePolicy,
  PageRange,
  PageVersion,
  ResolvedEvent,
  StreamPage,
} from "../model/feed.ts";
import type { Principal } from "../model/principal.ts";
import type { PullSource } from "../model/pull_source.ts";
import type { ByteText } from "../text/byte_text.ts";

/** The caller lacks a right. */
export interface Unauthorized {
  readonly kind: "unauthorized";
}

export interface NotFound {
  readonly kind: "notFound";
}

/** The stream is hard-deleted (or `streamExists` met a soft-deleted one). */
export interface Deleted {
  readonly kind: "deleted";
}

/**
 * The state that an answer was made of. While a caller may read and the state is
 * the same, so is the answer to the same read.
 */
export interface Validator {
  /** Number of the stream's last event. */
  readonly head: number;
  /** Number of the metastream's last event, -1 for none. */
  readonly metadataNumber: number;
  /** Whether everybody may read the stream. */
  readonly isPublic: boolean;
  /** Whether more events change nothing. */
  readonly isImmutable: boolean;
}

/** An outcome with its validator; undefined: it depends on more than that. */
export interface Validated {
  readonly validator?: Validator | undefined;
}

/** `undefined` for an anonymous caller. */
export type Caller = Principal | undefined;

/** Rights before and after a write, as JSON; null: nothing says any. */
export interface RightsChange {
  readonly before: string | null;
  readonly after: string | null;
}

export interface AppendCommand {
  readonly streamName: string;
  readonly expectedVersion: ExpectedVersion;
  /** At least one. */
  readonly events: readonly ProposedEvent[];
}

export type AppendOutcome =
  | {
    readonly kind: "written";
    readonly firstEventNumber: number;
    /** The change of rights, for the audit. */
    readonly rights?: RightsChange;
  }
  | { readonly kind: "conflict"; readonly head: number }
  | Deleted
  | Unauthorized;

export interface DeleteCommand {
  readonly streamName: string;
  readonly expectedVersion: ExpectedVersion;
  readonly isHard: boolean;
}

export type DeleteOutcome =
  | {
    readonly kind: "done";
    /** The change of rights, for the audit. */
    readonly rights?: RightsChange;
  }
  | { readonly kind: "conflict"; readonly head: number }
  | Deleted
  | Unauthorized;

/** The fields of every feed read besides its range. */
export interface FeedReadOptions {
  /** Whether data and metadata of the entries are needed to render them. */
  readonly withBodies: boolean;
  /** Time to hold a forward read that finds nothing new; 0: don't. */
  readonly longPollMs: number;
  /** Ends a held read early; touched only when `longPollMs` > 0. */
  readonly signal?: () => AbortSignal;
  /** Leaves out events; only of system lists and of the whole log. */
  readonly filter?: EventFilter | undefined;
  /**
   * Shows the feed as it was then, less what is hidden by now; microseconds
   * since 1970. Such a read is never held.
   */
  readonly asOfUs?: number | undefined;
}

export interface ReadFeedCommand extends FeedReadOptions {
  readonly streamName: string;
  readonly range: PageRange;
  readonly resolveLinks: boolean;
}

export type FeedOutcome =
  | { readonly kind: "page"; readonly page: StreamPage } & Validated
  | NotFound
  | Deleted
  | Unauthorized;

export interface ReadAllCommand extends FeedReadOptions {
  readonly range: AllRange;
}

export type AllOutcome =
  | { readonly kind: "page"; readonly page: AllPage }
  | Unauthorized;

export interface ReadEventCommand {
  readonly streamName: string;
  /** `"head"`: the newest one. */
  readonly eventNumber: number | "head";
  readonly resolveLinks: boolean;
}

export type EventOutcome =
  | {
    readonly kind: "event";
    readonly event: ResolvedEvent;
    /** For the ETag of a `head` read; undefined for a numbered one. */
    readonly version: PageVersion | undefined;
    /** Whether the event is a link, which some readers want followed. */
    readonly isLink: boolean;
    readonly cache: CachePolicy;
  } & Validated
  /** Of a metastream: its stream exists, the event doesn't (spec: streams §9.2). */
  | { readonly kind: "noMetadata"; readonly cache: CachePolicy }
  | NotFound
  | Deleted
  | Unauthorized;

/**
 * Where a live feed begins. Places are event numbers, or log positions in the
 * whole log.
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
export type LiveEnd = "stopping" | "deleted" | "unauthorized";

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
}

/** A stream that was never written has a live feed too: it waits. */
export type LiveFeedOutcome =
  /** To be pulled; ending the source ends the feed. */
  | { readonly kind: "feed"; readonly source: PullSource }
  | Deleted
  | Unauthorized;

/** Where in a feed the events of a time begin. */
export type LocateOutcome =
  /** Of the first event of that time or after it, or of the next one. */
  | { readonly kind: "place"; readonly place: number }
  | NotFound
  | Deleted
  | Unauthorized;

/** Which streams are listed. */
export interface ListStreamsCommand {
  /** Of categories and types, the lists of the system. */
  readonly by: "streams" | "categories" | "types";
  /** Names that do not begin with `$` are listed unless it does. */
  readonly prefix: string;
  /** The last name that is known already; empty: from the first. */
  readonly after: string;
  /** Streams at most. */
  readonly limit: number;
}

/** A stream as lists show it. */
export interface ListedStream {
  /** Of the stream, or of the category or type. */
  readonly name: string;
  /** The stream or list of the system that it stands for. */
  readonly streamName: string;
  /** Number of its last event. */
  readonly head: number;
  /** When that was written, microseconds since 1970; undefined: it is gone. */
  readonly lastAtUs: number | undefined;
}

/** A page of a list of streams. */
export interface StreamList {
  readonly streams: readonly ListedStream[];
  /** Name to go on after; undefined: these were the last. */
  readonly next: string | undefined;
}

/** The operations on streams. `createStreamService` makes it. */
export interface StreamService {
  append(caller: Caller, command: AppendCommand): Promise<AppendOutcome>;
  /** Writes metadata: as an append to `$$stream`, by the `$mw` rights. */
  appendMetadata(
    caller: Caller,
    command: AppendCommand,
  ): Promise<AppendOutcome>;
  deleteStream(caller: Caller, command: DeleteCommand): Promise<DeleteOutcome>;
  readFeed(caller: Caller, command: ReadFeedCommand): Promise<FeedOutcome>;
  /** At once if nothing has to be waited for; then it also throws at once. */
  readEvent(
    caller: Caller,
    command: ReadEventCommand,
  ): EventOutcome | Promise<EventOutcome>;
  /** As `readEvent`; `streamName` is the described stream's. */
  readMetadata(
    caller: Caller,
    command: ReadEventCommand,
  ): EventOutcome | Promise<EventOutcome>;
  readAll(caller: Caller, command: ReadAllCommand): Promise<AllOutcome>;
  /**
   * Whether the caller may read a stream and its answer would have the same
   * validator; false if that cannot be told at once. Throws as a read does.
   */
  isStillValid(
    caller: Caller,
    read: { readonly streamName: string; readonly validator: Validator },
  ): boolean;
  /** Opens a live feed; ends with its body. Throws as `LiveFeeds.open` does. */
  openLiveFeed(
    caller: Caller,
    command: LiveFeedCommand,
  ): Promise<LiveFeedOutcome>;
  /** Finds the first event of a time (microseconds since 1970), or after it. */
  locateTime(
    caller: Caller,
    command: { readonly streamName: string; readonly timeUs: number },
  ): Promise<LocateOutcome>;
  /** A page of names; throws as `EventStore.listNames` does. */
  listStreams(
    caller: Caller,
    command: ListStreamsCommand,
  ): Promise<StreamList>;
  /**
   * Actions allowed without a login on a stream without an access list.
   *
   * @param newStreamName A name that no stream has.
   */
  anonymousRights(
    newStreamName: string,
  ): Promise<{ readonly reads: boolean; readonly writes: boolean }>;
  /** The streams that were written last, newest first. */
  listRecentStreams(
    caller: Caller,
    limit: number,
  ): Promise<readonly ListedStream[]>;
  /** Answers every held read now and ends every live feed; no more are held. */
  endLongPolls(): void;
}
