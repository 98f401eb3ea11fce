/**
 * What lets answers to reads be kept.
 *
 *   cache policy   how long a page may be kept, and by whom (spec: http-api §5.4)
 *   basis          what an answer was made of, so that the server can tell
 *                  whether the same read would be answered the same now
 *   version        tells one state of a page from another, for its ETag (§6.3)
 *
 * A basis is only given for what depends on nothing else: not on the time (an
 * age limit, a view of the past) and not on other streams (links that are
 * followed, lists of the system).
 *
 * The number of the last event says what a page shows as long as every event of
 * its range is there and every link is followed. Where that is not so, the
 * version says what is shown: the first number that metadata leaves visible,
 * and a digest for anything else (entries of lists that the reader may not see
 * or that were scavenged, links that are broken or not followed, filters).
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
import type { Caller, ReadBasis } from "./outcomes.ts";
import { presenceOf, type VisibleRange } from "./visibility.ts";

/** What decides about a page. */
export interface CachedPage {
  /** The time that it shows, microseconds since 1970; undefined: the present. */
  readonly asOfUs: number | undefined;
  /** Whether later events change nothing of what it shows. */
  readonly isSettled: boolean;
  /** The stream's `$cacheControl`. */
  readonly maxAgeSeconds: Int64 | undefined;
  /** What the reader may see of the stream itself. */
  readonly access: ReadAccess;
  /** Whether everybody may read the stream and all that the page is about. */
  readonly isPublic: boolean;
  /** Whether nothing was left out because this reader may not read it. */
  readonly showsAll: boolean;
}

/**
 * Decides how a page is kept. One that leaves something out is asked for again
 * each time: it may show that tomorrow, however long past its events are.
 */
export function cacheOfPage(clock: Clock, page: CachedPage): CachePolicy {
  const { asOfUs, access, isPublic, showsAll } = page;
  // An event gets its time a little before it becomes visible.
  const isSettled = asOfUs === undefined
    ? page.isSettled
    : asOfUs < clock.nowUs() - LIMITS.asOfSettleMs * 1000;
  return {
    kind: isSettled && showsAll ? "immutable" : "head",
    maxAgeSeconds: asOfUs === undefined ? page.maxAgeSeconds : undefined,
    isPublic,
    isMixed: !showsAll || access === "public" && !isPublic,
  };
}

/**
 * The basis of a read of one stream.
 *
 * @param isSettled Whether what is shown stays the same when events are added,
 * `$maxCount` aside.
 * @returns `undefined` if the answer depends on the time too.
 */
export function basisOf(
  state: StreamState,
  access: ReadAccess,
  isSettled: boolean,
): ReadBasis | undefined {
  const { head, metadata, metadataNumber } = state;
  if (metadata.maxAgeSeconds !== undefined) return undefined;
  return {
    head,
    metadataNumber,
    isPublic: access === "public",
    isSettled: isSettled && metadata.maxCount === undefined,
  };
}

/**
 * Whether the caller may read the stream, and what they would be answered has
 * the same basis; false if that cannot be told without waiting.
 *
 * @throws {QuipuError} As `EventStore.readState` does.
 */
export function holdsStill(
  { store, access }: ReadContext,
  caller: Caller,
  read: { readonly streamName: string; readonly basis: ReadBasis },
): boolean {
  const { streamName, basis } = read;
  const state = store.local?.peekState(streamName);
  if (state === undefined) return false;
  const granted = access.peekReadAccess(caller, streamName, state);
  if (granted !== (basis.isPublic ? "public" : "private")) return false;
  return state.metadataNumber === basis.metadataNumber &&
    (basis.isSettled ? state.head >= basis.head : state.head === basis.head) &&
    presenceOf(streamName, state) === "present";
}

/** An entry of a page as far as its number does not say what is shown of it. */
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
    /** What else the page depends on, if numbers do not say what it shows. */
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
 * Digest of what a page shows whose numbers do not tell it.
 *
 * @param rest Whatever else the page depends on, such as where it leads on to.
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
