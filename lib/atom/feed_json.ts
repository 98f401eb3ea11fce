/**
 * Feeds as JSON (spec: streams §5.2 and §8.4).
 *
 * @module
 */

import type { EmbedLevel, ResolvedEvent } from "../model/feed.ts";
import { quoteJson } from "../text/json_string.ts";
import { authorAt, type EntryOptions, renderEntryJson } from "./entry_json.ts";
import type { Feed } from "./feed.ts";
import {
  type FeedForm,
  type RenderedBody,
  renderFeedForm,
} from "./rendering.ts";
import type { StreamRefs } from "./uris.ts";

/** Writes a feed as indented JSON. */
export function renderFeedJson(feed: Feed, embed: EmbedLevel): RenderedBody {
  return renderFeedForm(feed, new JsonFeed(feed.refs, embed));
}

class JsonFeed implements FeedForm {
  readonly #refs: StreamRefs;
  readonly #options: EntryOptions;

  constructor(refs: StreamRefs, embed: EmbedLevel) {
    this.#refs = refs;
    this.#options = { embed, depth: 2 };
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
    return (isFirst ? "\n    " : ",\n    ") +
      renderEntryJson(event, this.#refs, this.#options);
  }

  tail(_feed: Feed, isEmpty: boolean): string {
    return isEmpty ? "]\n}" : "\n  ]\n}";
  }
}
