/**
 * Metadata of a stream.
 *
 * @module
 */

import { Empty } from "./components.tsx";
import { crumbsOf } from "./feed_page.tsx";
import type { Page } from "./frame.tsx";
import { streamPath } from "./streams_page.tsx";

/** Says that a stream has none. */
export function noMetadataPage(
  { prefix, streamName }: {
    readonly prefix: string;
    readonly streamName: string;
  },
): Page {
  return {
    title: "No metadata",
    section: "streams",
    crumbs: [
      ...crumbsOf(prefix, streamName).slice(0, -1),
      { text: streamName, href: prefix + streamPath(streamName) },
      { text: "Metadata" },
    ],
    body: (
      <>
        <h1>No metadata</h1>
        <Empty>None was written for this stream.</Empty>
      </>
    ),
  };
}
