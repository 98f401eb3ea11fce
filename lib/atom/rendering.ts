/**
 * How a feed becomes text: at once, or in pieces when its page is large.
 *
 * @module
 */

import type { ResolvedEvent } from "../model/feed.ts";
import type { Feed } from "./feed.ts";

/** A form of feed: what stands before, at and after its entries. */
export interface FeedForm {
  head(feed: Feed): string;
  /** @param isFirst Whether no entry was written before. */
  entry(event: ResolvedEvent, isFirst: boolean): string;
  /** @param isEmpty Whether no entry was written. */
  tail(feed: Feed, isEmpty: boolean): string;
}

/** A body: small ones as text, large ones in pieces, to be sent as they come. */
export type RenderedBody = string | AsyncIterable<string>;

/** Pieces are joined up to about so many characters. */
const PIECE_LENGTH = 64 * 1024;

/** Renders a feed. */
export function renderFeedForm(feed: Feed, form: FeedForm): RenderedBody {
  if (feed.moreEntries !== undefined) return renderPieces(feed, form);
  let out = form.head(feed);
  let isFirst = true;
  for (const event of feed.entries) {
    out += form.entry(event, isFirst);
    isFirst = false;
  }
  return out + form.tail(feed, isFirst);
}

async function* renderPieces(
  feed: Feed,
  form: FeedForm,
): AsyncGenerator<string, void> {
  let piece = form.head(feed);
  let isFirst = true;
  for await (const events of entriesOf(feed)) {
    for (const event of events) {
      piece += form.entry(event, isFirst);
      isFirst = false;
      if (piece.length >= PIECE_LENGTH) {
        yield piece;
        piece = "";
      }
    }
  }
  yield piece + form.tail(feed, isFirst);
}

async function* entriesOf(
  feed: Feed,
): AsyncGenerator<readonly ResolvedEvent[], void> {
  yield feed.entries;
  if (feed.moreEntries !== undefined) yield* feed.moreEntries;
}
