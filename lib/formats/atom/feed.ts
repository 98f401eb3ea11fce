/**
 * A page as every form of feed shows it, with its title, links, entries, times
 * and ETag, and how a form becomes text: at once, or in pieces when the page is
 * large.
 *
 * @module
 */

import type {
  AllPage,
  PageVersion,
  ResolvedEvent,
  StreamPage,
} from "../../model/feed.ts";
import { ByteText } from "../../text/byte_text.ts";
import {
  allPageLinks,
  type FeedLink,
  streamPageLinks,
  StreamRefs,
} from "./links.ts";

export interface Feed {
  readonly title: string;
  /** URI of the stream. */
  readonly id: string;
  readonly updated: string;
  /** Undefined for `$all`. */
  readonly streamName: string | undefined;
  readonly isHeadOfStream: boolean;
  /** Whether the stream's own URI is repeated as `selfUrl`. */
  readonly hasSelfUrl: boolean;
  /** Without quotes; undefined when the feed does not name one. */
  readonly etag: string | undefined;
  readonly links: readonly FeedLink[];
  readonly entries: readonly ResolvedEvent[];
  readonly moreEntries: AsyncIterable<readonly ResolvedEvent[]> | undefined;
  readonly refs: StreamRefs;
  /** Links of an entry besides its own two. Default: none. */
  readonly linksOfEntry?: LinksOfEntry;
}

/** Makes the links of an entry besides its own two. */
export type LinksOfEntry = (event: ResolvedEvent) => readonly FeedLink[];

/**
 * The feed of a stream's page.
 *
 * @param baseUrl `http://host[:port][/prefix]`, no slash at its end.
 * @param query Added to the links to pages: empty, or `?` and parameters.
 */
export function feedOfStream(
  page: StreamPage,
  baseUrl: string,
  query = "",
): Feed {
  const refs = new StreamRefs(baseUrl);
  const { uri } = refs.of(page.streamName);
  const isBackward = page.range.kind !== "forward";
  return {
    title: `Event stream '${page.streamName}'`,
    id: uri,
    updated: updatedOf(page.updatedUs),
    streamName: page.streamName,
    isHeadOfStream: page.isHeadOfStream,
    hasSelfUrl: isBackward,
    etag: isBackward && page.isHeadOfStream
      ? etagText(page.version ?? { head: page.head }, ATOM_JSON_HASH)
      : undefined,
    links: streamPageLinks(page, uri, query),
    entries: page.entries,
    moreEntries: page.moreEntries,
    refs,
  };
}

/** The feed of a page of `$all`; parameters as those of `feedOfStream`. */
export function feedOfAll(page: AllPage, baseUrl: string, query = ""): Feed {
  const refs = new StreamRefs(baseUrl);
  const { uri } = refs.of("$all");
  return {
    title: "All events",
    id: uri,
    updated: updatedOf(page.updatedUs),
    streamName: undefined,
    // The original never says otherwise, not even on its head page.
    isHeadOfStream: false,
    hasSelfUrl: false,
    etag: undefined,
    links: allPageLinks(page, uri, query),
    entries: page.entries,
    moreEntries: page.moreEntries,
    refs,
  };
}

function updatedOf(updatedUs: number | undefined): string {
  return updatedUs === undefined ? NEVER_UPDATED : formatUpdated(updatedUs);
}

/** A form of feed: what stands before, at and after its entries. */
export interface FeedForm {
  head(feed: Feed): string;
  /** @param isFirst Whether no entry was written before. */
  entry(event: ResolvedEvent, isFirst: boolean): string;
  /** Appends the same to a large body, where that is done in another way. */
  write?(out: ByteText, event: ResolvedEvent, isFirst: boolean): void;
  /** @param isEmpty Whether no entry was written. */
  tail(feed: Feed, isEmpty: boolean): string;
}

/** A large body: text that is made as it is asked for. */
export interface RenderedPieces {
  readonly pieces: AsyncGenerator<Uint8Array<ArrayBuffer>, void>;
  /**
   * About how many bytes of events it keeps in memory until then; undefined:
   * as many as a page may have at a time.
   */
  readonly heldBytes: number | undefined;
}

/** A body: small ones as text, large ones in pieces, to be sent as they come. */
export type RenderedBody = string | RenderedPieces;

/**
 * Length from which a piece is handed over. A text that grows by many small
 * ones is a tree until it is used; the garbage collector goes through all of
 * it again and again, so that a whole page of it would take longer to keep
 * than to make.
 */
const PIECE_LENGTH = 128 * 1024;
/** Room for the entry that makes a piece long enough, as a rule. */
const PIECE_CAPACITY = PIECE_LENGTH + 32 * 1024;

/** Renders a feed. */
export function renderFeedForm(feed: Feed, form: FeedForm): RenderedBody {
  const { entries } = feed;
  let out = form.head(feed);
  let count = 0;
  for (; count < entries.length && out.length < PIECE_LENGTH; count++) {
    const event = entries[count];
    if (event !== undefined) out += form.entry(event, count === 0);
  }
  const isAll = count === entries.length && feed.moreEntries === undefined;
  if (isAll) return out + form.tail(feed, count === 0);
  return {
    pieces: renderPieces(feed, form, { out, count }),
    heldBytes: feed.moreEntries === undefined
      ? Math.ceil(out.length / count * entries.length)
      : undefined,
  };
}

/** @param begun Text so far, and how many of the feed's entries are in it. */
async function* renderPieces(
  feed: Feed,
  form: FeedForm,
  begun: { readonly out: string; readonly count: number },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const out = new ByteText(PIECE_CAPACITY);
  out.pushText(begun.out);
  let isFirst = begun.count === 0;
  let from = begun.count;
  for await (const events of entriesOf(feed)) {
    for (let index = from; index < events.length; index++) {
      const event = events[index];
      if (event === undefined) continue;
      if (out.length >= PIECE_LENGTH) yield out.take(PIECE_CAPACITY);
      if (form.write !== undefined) form.write(out, event, isFirst);
      else out.pushText(form.entry(event, isFirst));
      isFirst = false;
    }
    from = 0;
  }
  out.pushText(form.tail(feed, isFirst));
  yield out.take(0);
}

async function* entriesOf(
  feed: Feed,
): AsyncGenerator<readonly ResolvedEvent[], void> {
  yield feed.entries;
  if (feed.moreEntries !== undefined) yield* feed.moreEntries;
}

/**
 * Text of an ETag, without its quotes (spec: http-api §6.3): what is shown, and
 * in which media type.
 *
 *   "head ; type hash"                  all events up to the head
 *   "head ; type hash ; first"          metadata hides the events before `first`
 *   "head ; type hash ; first ; shown"  other events are missing, too
 *
 * Invariant: two answers to the same URL with the same ETag have the same body.
 *
 * @param typeHash `mediaTypeHash` of the type that is served.
 */
export function etagText(version: PageVersion, typeHash: number): string {
  const { head, firstVisible, contents } = version;
  const text = `${head};${typeHash}`;
  if (contents !== undefined) return `${text};${firstVisible ?? 0};${contents}`;
  return firstVisible === undefined ? text : `${text};${firstVisible}`;
}

/**
 * Hash of a media type without parameters: `31·h + c` over its UTF-16 units,
 * 32-bit signed.
 */
export function mediaTypeHash(mediaType: string): number {
  let hash = 0;
  for (let index = 0; index < mediaType.length; index++) {
    hash = (Math.imul(hash, 31) + mediaType.charCodeAt(index)) | 0;
  }
  return hash;
}

/** JSON feeds name this one, whatever type they are served as. */
export const ATOM_JSON_HASH = mediaTypeHash(
  "application/vnd.eventstore.atom+json",
);

const SECOND_US = 1_000_000;

/** Time of a page that nothing dates. */
export const NEVER_UPDATED = "0001-01-01T00:00:00Z";

// Events of a page are mostly of one second: its text is kept.
let cachedSecond = NaN;
let cachedText = "";

/**
 * Writes a time as feeds show it: ISO 8601 in UTC, without zeros at the end of its
 * fraction (spec: http-api §4.4).
 *
 * @param timeUs Microseconds since 1970-01-01T00:00:00Z.
 */
export function formatUpdated(timeUs: number): string {
  const second = Math.floor(timeUs / SECOND_US);
  if (second !== cachedSecond) {
    cachedText = new Date(second * 1000).toISOString().slice(0, -5);
    cachedSecond = second;
  }
  let fraction = timeUs - second * SECOND_US;
  if (fraction === 0) return cachedText + "Z";
  let digits = 6;
  while (fraction % 10 === 0) {
    fraction /= 10;
    digits--;
  }
  return cachedText + "." + String(fraction).padStart(digits, "0") + "Z";
}
