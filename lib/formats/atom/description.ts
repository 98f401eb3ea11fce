/**
 * The description document of a stream (spec: http-api §3.4).
 *
 * @module
 */

import { quoteJson } from "../json/json_string.ts";
import {
  encodePathSegment,
  encodePathSegmentSparely,
} from "../../text/path_segment.ts";

const SELF_TYPES = ["application/vnd.eventstore.streamdesc+json"];
const STREAM_TYPES = [
  "application/atom+xml",
  "application/vnd.eventstore.atom+json",
];
const SUBSCRIPTION_TYPES = [
  "application/vnd.eventstore.competingatom+xml",
  "application/vnd.eventstore.competingatom+json",
];

/**
 * Writes the document. Its links are relative to the host, as recorded.
 *
 * @param groups Names of the stream's persistent subscriptions.
 */
export function renderDescription(
  streamName: string,
  groups: readonly string[] = [],
): string {
  const escaped = encodePathSegment(streamName);
  const streamPath = `/streams/${escaped}`;
  let subscriptions = "";
  if (groups.length > 0) {
    const items = groups.map((group) =>
      "\n      " +
      resource(
        `/subscriptions/${escaped}/${encodePathSegmentSparely(group)}`,
        SUBSCRIPTION_TYPES,
        3,
      )
    );
    subscriptions = ',\n    "streamSubscription": [' + items.join(",") +
      "\n    ]";
  }
  return '{\n  "title": ' +
    quoteJson(`Description document for '${streamName}'`) +
    ',\n  "description": "The description document will be presented when ' +
    'no accept header is present or it was requested",\n  "_links": {' +
    '\n    "self": ' + resource(streamPath, SELF_TYPES, 2) +
    ',\n    "stream": ' + resource(streamPath, STREAM_TYPES, 2) +
    subscriptions + "\n  }\n}";
}

function resource(
  path: string,
  types: readonly string[],
  depth: number,
): string {
  const outer = "\n" + "  ".repeat(depth);
  const inner = outer + "  ";
  const items = types.map((type) => `${inner}  "${type}"`);
  return `{${inner}"href": ${quoteJson(path)},` +
    `${inner}"supportedContentTypes": [${items.join(",")}${inner}]${outer}}`;
}
