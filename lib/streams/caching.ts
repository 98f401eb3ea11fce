/**
 * How answers to reads are cached.
 *
 *   cache policy   how long a page may be cached, and by whom (spec: http-api §5.4)
 *   validator      the state that an answer was made of: while it is the same,
 *                  so is the answer to the same read
 *   version        tells one state of a page from another, for its ETag (§6.3)
 *
 * An answer that depends on more has no validator: on the time (an age limit, a
 * view of the past) or on other streams (followed links, system lists).
 *
 * The number of the last event identifies a page as long as every event of its
 * range is there and every link is followed. Otherwise the version adds the
 * first number that metadata leaves visible, and a digest for anything else
 * (entries of lists that the reader may not see or that were scavenged, links
 * that are broken or not followed, filters).
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Clock } from "../model/clock.ts";
import type { Int64 } from "../model/event_number.ts";
import type { CachePolicy, PageVersion, ResolvedEvent } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import { isLink } from "../model/links.ts";
import {
  defaultMetadataOf,
  firstVisibleNumber,
} from "../model/stream_metadata.ts";
import type { EventStore, StreamState } from "../store/event_store.ts";
import type { ReadAccess } from "./access.ts";
import type { ReadContext } from "./context.ts";
import { searchList } from "./list_search.ts";
import type { Caller, Validator } from "./outcomes.ts";
import { presenceOf, type VisibleRange } from "./visibility.ts";

/** The facts that decide how a page is cached. */
export interface CachedPage {
  /** The time that it shows, microseconds since 1970; undefined: the present. */
  readonly asOfUs: number | undefined;
  /** Whether later events change nothing of what it shows. */
  readonly isImmutable: boolean;
  /** The stream's `$cacheControl`. */
  readonly maxAgeSeconds: Int64 | undefined;
  /** The reader's access to the stream itself. */
  readonly access: ReadAccess;
  /** Whether everybody may read the stream and all that the page is about. */
  readonly isPublic: boolean;
  /** Whether nothing was left out because this reader may not read it. */
  readonly showsAll: boolean;
}

/**
 * Decides how a page is cached. One that leaves something out is asked for again
 * each time: it may show that tomorrow, however old its events are.
 */
export function cacheOfPage(clock: Clock, page: CachedPage): CachePolicy {
  const { asOfUs, access, isPublic, showsAll } = page;
  // An event gets its time a little before it becomes visible.
  const isImmutable = asOfUs === undefined
    ? page.isImmutable
    : asOfUs < clock.nowUs() - LIMITS.asOfSettleMs * 1000;
  return {
    kind: isImmutable && showsAll ? "immutable" : "head",
    maxAgeSeconds: asOfUs === undefined ? page.maxAgeSeconds : undefined,
    isPublic,
    isMixed: !showsAll || access === "public" && !isPublic,
  };
}

/**
 * The validator of a read of one stream.
 *
 * @param isImmutable Whether what is shown stays the same when events are added,
 * `$maxCount` aside.
 * @returns `undefined` if the answer depends on the time too.
 */
export function validatorOf(
  state: StreamState,
  access: ReadAccess,
  isImmutable: boolean,
): Validator | undefined {
  const { head, metadata, metadataNumber } = state;
  if (metadata.maxAgeSeconds !== undefined) return undefined;
  return {
    head,
    metadataNumber,
    isPublic: access === "public",
    isImmutable: isImmutable && metadata.maxCount === undefined,
  };
}

/**
 * Whether the caller may read the stream and the answer would have the same
 * validator; false if that cannot be told without waiting.
 *
 * @throws {QuipuError} As `EventStore.readState` does.
 */
export function isStillValid(
  { store, access }: ReadContext,
  caller: Caller,
  read: { readonly streamName: string; readonly validator: Validator },
): boolean {
  const { streamName, validator } = read;
  const state = store.local?.peekState(streamName);
  if (state === undefined) return false;
  const granted = access.peekReadAccess(caller, streamName, state);
  if (granted !== (validator.isPublic ? "public" : "private")) return false;
  return state.metadataNumber === validator.metadataNumber &&
    (validator.isImmutable
      ? state.head >= validator.head
      : state.head === validator.head) &&
    presenceOf(streamName, state) === "present";
}

/** An entry of a page, and how it is shown if its number does not say it. */
export interface ShownEntry {
  /** Its place in the list, or in the log. */
  readonly number: number;
  /** Of a link that is not shown as the event that it points at. Default: none. */
  readonly link?: "broken" | "unfollowed";
}

/** How an entry of a stream or a list is shown. */
export function shownEntryOf(
  { original, link, target }: ResolvedEvent,
): ShownEntry {
  const number = original.eventNumber;
  if (link === undefined) {
    return isLink(original) ? { number, link: "unfollowed" } : { number };
  }
  return target === undefined ? { number, link: "broken" } : { number };
}

/** Version of an event that is asked for as the newest one. */
export function versionOfEvent(
  head: number,
  event: ResolvedEvent,
): PageVersion {
  const shown = shownEntryOf(event);
  return shown.link === undefined ? { head } : {
    head,
    contents: digestOf([shown]),
  };
}

/** Version of a page of a stream or a system list. */
export async function versionOfPage(
  store: EventStore,
  { streamName, head, visible }: {
    readonly streamName: string;
    /** Number of the last event that the page may show. */
    readonly head: number;
    readonly visible: VisibleRange;
  },
  { shown, rest, promised }: {
    /** Every entry of the page, newest first. */
    readonly shown: readonly ShownEntry[];
    /** All else that the page depends on. */
    readonly rest: unknown;
    /** The numbers that it shows if nothing is missing; undefined: none do. */
    readonly promised:
      | { readonly low: number; readonly high: number }
      | undefined;
  },
): Promise<PageVersion> {
  const first = await firstShown(store, { streamName, head, visible });
  const count = promised &&
    Math.max(0, promised.high - Math.max(promised.low, first) + 1);
  const isAsPromised = shown.length === count &&
    shown.every(({ link }) => link === undefined);
  // Metadata of the stream's own may hide more than a stream hides by nature.
  const usual = firstVisibleNumber(defaultMetadataOf(streamName), head);
  return {
    head,
    firstVisible: first === usual ? undefined : Math.min(first, head + 1),
    contents: isAsPromised ? undefined : digestOf(shown, rest),
  };
}

/** Lowest number that readers see; events are hidden by age from the first on. */
async function firstShown(
  store: EventStore,
  { streamName, head, visible: { first, sinceUs } }: {
    readonly streamName: string;
    readonly head: number;
    readonly visible: VisibleRange;
  },
): Promise<number> {
  if (sinceUs === -Infinity) return first;
  const young = await searchList(store, {
    streamName,
    low: first,
    head,
    hasPassed: ({ createdAtUs }) => createdAtUs >= sinceUs,
  });
  // Older events may have been scavenged: they are hidden as before.
  return await store.findNearest(streamName, young, "forward") ?? head + 1;
}

/**
 * Digest of the contents of a page.
 *
 * @param rest All else that the page depends on, such as where it leads on to.
 */
export function digestOf(
  shown: readonly ShownEntry[],
  rest: unknown = undefined,
): string {
  return createHash("sha256")
    .update(JSON.stringify([shown, rest], bigintAsText))
    .digest("base64url").slice(0, DIGEST_LENGTH);
}

/** 96 bits: chance makes no two the same. */
const DIGEST_LENGTH = 16;

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
