/**
 * The whole log as a feed: `$all` (spec: http-api §2.5).
 *
 * @module
 */

import { feedOfAll } from "../../formats/atom/feed.ts";
import type { AllRange } from "../../model/feed.ts";
import { type RequestContext, segmentAt } from "../context.ts";
import { answerPage } from "../feed_pages.ts";
import {
  HEAD_PAGE,
  readAllBackwardRange,
  readAllForwardRange,
} from "../feed_request.ts";
import { ATOM_OR_HTML } from "../negotiation.ts";
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

/** `GET /streams/$all` */
function readAllHeadPage(context: RequestContext): Promise<Response> {
  return answerAllPage(undefined, context);
}

/** `GET /streams/$all/{position}[/backward]/{count}` */
function readAllBackwardPage(context: RequestContext): Promise<Response> {
  const range = readAllBackwardRange(
    segmentAt(context, 2),
    segmentAt(context, -1),
  );
  return answerAllPage(range, context);
}

/** `GET /streams/$all/{position}/forward/{count}` */
function readAllForwardPage(context: RequestContext): Promise<Response> {
  const range = readAllForwardRange(
    segmentAt(context, 2),
    segmentAt(context, -1),
  );
  return answerAllPage(range, context);
}

/** @param range Undefined: the newest page, for the log as a whole. */
function answerAllPage(
  range: AllRange | undefined,
  context: RequestContext,
): Promise<Response> {
  const shown = range ?? HEAD_PAGE;
  return answerPage(
    {
      streamName: "$all",
      isAll: true,
      range: shown,
      isWhole: range === undefined,
      read: (options) =>
        context.services.streams.readAll(context.caller, {
          range: shown,
          ...options,
        }),
      feedOf: feedOfAll,
    },
    context,
  );
}
