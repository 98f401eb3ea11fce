/**
 * Feeds as JSON (spec: streams §5.2 and §8.4).
 *
 * @module
 */

import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import type { ByteText } from "../../text/byte_text.ts";
import { quoteJson } from "../json/json_string.ts";
import { EntryBytes } from "./entry_bytes.ts";
import { authorAt, type EntryOptions, renderEntryJson } from "./entry_json.ts";
import type { Feed, LinksOfEntry } from "./feed.ts";
import {
  type FeedForm,
  type RenderedBody,
  renderFeedForm,
} from "./rendering.ts";
import type { StreamRefs } from "./uris.ts";

/** Writes a feed as indented JSON. */
export function renderFeedJson(feed: Feed, embed: EmbedLevel): RenderedBody {
  return renderFeedForm(feed, new JsonFeed(feed, embed));
}

/** What stands before an entry. */
const FIRST_ENTRY = "\n    ";
const NEXT_ENTRY = ",\n    ";

class JsonFeed implements FeedForm {
  readonly #refs: StreamRefs;
  readonly #options: EntryOptions;
  readonly #linksOfEntry: LinksOfEntry | undefined;
  #entryBytes: EntryBytes | undefined;

  constructor({ refs, linksOfEntry }: Feed, embed: EmbedLevel) {
    this.#refs = refs;
    this.#options = { embed, depth: 2 };
    this.#linksOfEntry = linksOfEntry;
  }

  head(feed: Feed): string {
    const id = quoteJson(feed.id);
    let out = '{\n  "title": ' + quoteJson(feed.title) +
      ',\n  "id": ' + id +
      ',\n  "updated": "' + feed.updated + '"';
    if (feed.streamName !== undefined) {
      out += ',\n  "streamId": ' + quoteJson(feed.streamName);
    }
    out += ",\n  " + authorAt(1) + ',\n  "headOfStream": ' +
      feed.isHeadOfStream;
    if (feed.hasSelfUrl) out += ',\n  "selfUrl": ' + id;
    if (feed.etag !== undefined) out += ',\n  "eTag": "' + feed.etag + '"';
    out += ',\n  "links": [';
    let separator = "";
    for (const link of feed.links) {
      out += separator + '\n    {\n      "uri": ' + quoteJson(link.uri) +
        ',\n      "relation": "' + link.relation + '"\n    }';
      separator = ",";
    }
    return out + '\n  ],\n  "entries": [';
  }

  entry(event: ResolvedEvent, isFirst: boolean): string {
    return (isFirst ? FIRST_ENTRY : NEXT_ENTRY) +
      renderEntryJson(event, this.#refs, this.#optionsOf(event));
  }

  #optionsOf(event: ResolvedEvent): EntryOptions {
    return this.#linksOfEntry === undefined
      ? this.#options
      : { ...this.#options, links: this.#linksOfEntry(event) };
  }

  write(out: ByteText, event: ResolvedEvent, isFirst: boolean): void {
    if (this.#linksOfEntry !== undefined) {
      out.pushText(this.entry(event, isFirst));
      return;
    }
    out.pushAscii(isFirst ? FIRST_ENTRY : NEXT_ENTRY);
    this.#entryBytes ??= new EntryBytes(
      this.#refs.baseUrl,
      this.#options.embed,
      (entry, refs) => renderEntryJson(entry, refs, this.#options),
    );
    this.#entryBytes.write(out, event);
  }

  tail(_feed: Feed, isEmpty: boolean): string {
    return isEmpty ? "]\n}" : "\n  ]\n}";
  }
}
