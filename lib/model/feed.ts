/**
 * Results of reads: events with links followed, and the pages they come
 * in. `lib/streams` makes them, `lib/formats` renders them.
 *
 * @module
 */

import type { RecordedEvent } from "./event.ts";
import type { Int64 } from "./event_number.ts";

/** Where a link event (`$>`) points, as its data says: `"<number>@<stream>"`. */
export interface LinkTarget {
  readonly streamName: string;
  /** 0 or more, or `TOMBSTONE_EVENT_NUMBER`. */
  readonly eventNumber: number;
}

/** An event of a page, with its link followed where that was asked for. */
export interface ResolvedEvent {
  /** The event that stands in the stream: the link, where it is one. */
  readonly original: RecordedEvent;
  /**
   * Set when the original is a link and links are resolved, even if the
   * target could not be found.
   */
  readonly link: LinkTarget | undefined;
  /** The link's target; undefined when there is no link, or it is broken. */
  readonly target: RecordedEvent | undefined;
}

/** Which numbers of a stream a page shows. */
export type PageRange =
  /** The newest `count` events. */
  | { readonly kind: "head"; readonly count: number }
  | {
    /** `from`, from − 1, … or `from`, from + 1, …: `count` numbers. */
    readonly kind: "backward" | "forward";
    /** 0 or more; a bigint only beyond the safe integers. */
    readonly from: number | bigint;
    /** 1 to `LIMITS.pageEventsMax`. */
    readonly count: number;
  };

/** How long a shared or private cache may keep an answer (spec: http-api §5.4). */
export interface CachePolicy {
  /** `immutable`: a year. `head`: revalidate, or `maxAgeSeconds` if set. */
  readonly kind: "immutable" | "head";
  /** The stream's `$cacheControl`. */
  readonly maxAgeSeconds: Int64 | undefined;
  /** Whether everyone may read the stream (`public`, else `private`). */
  readonly isPublic: boolean;
  /**
   * Whether the rights of other streams decided about it: each reader may be
   * shown something else, so that it is `private` even where nobody keeps it.
   */
  readonly isMixed?: boolean;
}

/** The version of a page or of an event. */
export interface PageVersion {
  /** Number of the stream's last event, or position of the log's last record. */
  readonly head: number;
  /** Lowest number that metadata lets readers see; undefined: it hides none. */
  readonly firstVisible?: number | undefined;
  /**
   * Tells what is shown, where the numbers alone do not: letters, digits, `-`
   * and `_`. Undefined: everything that the numbers promise.
   */
  readonly contents?: string | undefined;
}

/** A page of a stream (spec: streams §5). */
export interface StreamPage {
  readonly streamName: string;
  readonly range: PageRange;
  /** Number of the stream's last event, -1 for a system list without any. */
  readonly head: number;
  /** Newest first, on forward pages too. */
  readonly entries: readonly ResolvedEvent[];
  /**
   * The entries that follow when the page is larger than
   * `LIMITS.pageBytesMax`, in chunks; undefined when `entries` are all.
   */
  readonly moreEntries?: AsyncIterable<readonly ResolvedEvent[]>;
  /** Time of the entry that dates the page; undefined: none does. */
  readonly updatedUs: number | undefined;
  /** Whether the page reaches the end in its direction (spec: streams §5.3). */
  readonly isEndOfStream: boolean;
  /** Whether the page has at least one entry, shown to this reader or not. */
  readonly hasEntries: boolean;
  /** Whether clients may treat the page as the newest one (spec: streams §5.2). */
  readonly isHeadOfStream: boolean;
  /**
   * Whether `$tb` or `$maxCount` hide every number asked for. The `previous`
   * link of such a head page starts at 0, as recorded (spec: streams §9.3).
   */
  readonly isHidden?: boolean;
  /** Numbers that the page leads on to, where its range does not tell them. */
  readonly follow?: PageFollow;
  /** For the ETag; undefined: none is sent, as the page is immutable. */
  readonly version: PageVersion | undefined;
  /** Whether the page would differ if links were followed, or not followed. */
  readonly hasLinks: boolean;
  readonly cache: CachePolicy;
}

/** Where a page leads on to that leaves out events between those it shows. */
export interface PageFollow {
  /** Number that the older page begins at; undefined: there is none. */
  readonly next: number | undefined;
  /** Number that the newer page begins at. */
  readonly previous: number | undefined;
}

/** Place in `$all` as the wire has it (spec: streams §8.3). */
export interface AllPosition {
  readonly commit: number | bigint;
  readonly prepare: number | bigint;
}

/** Which part of `$all` a page shows. */
export type AllRange =
  | { readonly kind: "head"; readonly count: number }
  | {
    readonly kind: "backward" | "forward";
    readonly from: AllPosition;
    readonly count: number;
  };

/** A page of `$all` (spec: streams §8). */
export interface AllPage {
  readonly range: AllRange;
  /** Newest first. */
  readonly entries: readonly ResolvedEvent[];
  readonly moreEntries?: AsyncIterable<readonly ResolvedEvent[]>;
  readonly updatedUs: number | undefined;
  /** Targets of the page's links; undefined when the link is left out. */
  readonly next: AllPosition | undefined;
  readonly previous: AllPosition | undefined;
  readonly hasLast: boolean;
  /** For the ETag; undefined: none is sent, as the page is immutable. */
  readonly version: PageVersion | undefined;
  readonly cache: CachePolicy;
}

/** How much of an event its feed entry holds (spec: streams §5.7). */
export type EmbedLevel =
  | "none"
  | "content"
  | "rich"
  | "body"
  | "pretty"
  | "tryharder";
