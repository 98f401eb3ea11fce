/**
 * How a feed becomes text: at once, or in pieces when its page is large.
 *
 * @module
 */

import type { ResolvedEvent } from "../../model/feed.ts";
import { ByteText } from "../../text/byte_text.ts";
import type { Feed } from "./feed.ts";

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
