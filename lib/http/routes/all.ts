/**
 * The whole log as a feed: `$all` (spec: http-api §2.5).
 *
 * @module
 */

import {
  readAllBackwardPage,
  readAllForwardPage,
  readAllHeadPage,
} from "../handlers/read_feed.ts";
import { ATOM_OR_HTML } from "../media_types.ts";
import type { Route } from "../route.ts";
import { unslashed } from "./redirects.ts";
import { FEED_PAGE } from "./streams.ts";

const ALL = { ...FEED_PAGE, tag: "The whole log" } as const;

/** Part of `ROUTES`. */
export const ALL_ROUTES: readonly Route[] = [
  {
    ...ALL,
    template: "/streams/$all",
    handler: readAllHeadPage,
    summary: "The newest events of all",
    details: "By default for members of $admins.",
  },
  unslashed({ ...ALL, template: "/streams/$all/", response: ATOM_OR_HTML }),
  {
    ...ALL,
    template: "/streams/$all/{position}/{count}",
    handler: readAllBackwardPage,
    summary: "A page of all events, from a position down",
  },
  {
    ...ALL,
    template: "/streams/$all/{position}/backward/{count}",
    handler: readAllBackwardPage,
    summary: "A page of all events, from a position down",
  },
  {
    ...ALL,
    template: "/streams/$all/{position}/forward/{count}",
    handler: readAllForwardPage,
    summary: "A page of all events, from a position up",
  },
];
