/**
 * Metadata of streams: writing it, reading it and its versions
 * (spec: http-api §2.4).
 *
 * @module
 */

import { UNNARROWED } from "../access.ts";
import { writeMetadata } from "../handlers/append.ts";
import { readMetadata } from "../handlers/read_event.ts";
import {
  readMetadataBackwardPage,
  readMetadataForwardPage,
} from "../handlers/read_feed.ts";
import type { Route } from "../route.ts";
import { unslashed } from "./redirects.ts";
import { APPENDING, FEED_PAGE, ONE_EVENT } from "./streams.ts";

const METADATA = { tag: "Metadata" } as const;

const WRITING = { ...APPENDING, scopes: UNNARROWED } as const;

/** Part of `ROUTES`. */
export const METADATA_ROUTES: readonly Route[] = [
  {
    ...METADATA,
    ...WRITING,
    template: "/streams/{stream}/metadata",
    handler: writeMetadata,
    summary: "Write the metadata of a stream",
    body: "The metadata as one JSON object, or an event that has it as data",
  },
  unslashed({ ...WRITING, template: "/streams/{stream}/metadata/" }),
  {
    ...METADATA,
    ...ONE_EVENT,
    template: "/streams/{stream}/metadata",
    handler: readMetadata,
    summary: "The metadata of a stream",
  },
  unslashed({ ...ONE_EVENT, template: "/streams/{stream}/metadata/" }),
  {
    ...METADATA,
    ...ONE_EVENT,
    template: "/streams/{stream}/metadata/{event}",
    handler: readMetadata,
    summary: "A version of the metadata of a stream",
  },
  {
    ...METADATA,
    ...FEED_PAGE,
    template: "/streams/{stream}/metadata/{event}/{count}",
    handler: readMetadataBackwardPage,
    summary: "Versions of a stream's metadata, from a number down",
  },
  {
    ...METADATA,
    ...FEED_PAGE,
    template: "/streams/{stream}/metadata/{event}/backward/{count}",
    handler: readMetadataBackwardPage,
    summary: "Versions of a stream's metadata, from a number down",
  },
  {
    ...METADATA,
    ...FEED_PAGE,
    template: "/streams/{stream}/metadata/{event}/forward/{count}",
    handler: readMetadataForwardPage,
    summary: "Versions of a stream's metadata, from a number up",
  },
];
