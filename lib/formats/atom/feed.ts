/**
 * A page as every form of feed shows it: its title, links and entries.
 *
 * @module
 */

import type { AllPage, ResolvedEvent, StreamPage } from "../../model/feed.ts";
import { ATOM_JSON_HASH, etagText } from "./etag.ts";
import { allPageLinks, type FeedLink, streamPageLinks } from "./links.ts";
import { formatUpdated, NEVER_UPDATED } from "./updated.ts";
import { StreamRefs } from "./uris.ts";

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
