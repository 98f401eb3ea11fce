/**
 * Finding streams on pages: lists, the box in the header and its completion.
 *
 * @module
 */

import {
  type StreamOrder,
  streamPath,
  streamsPage,
} from "../../web/streams_page.tsx";
import { formatUpdated } from "../../formats/atom/feed.ts";
import type { RequestContext } from "../context.ts";
import { APPLICATION_JSON, JSON_ALONE } from "../negotiation.ts";
import { pageResponse, prefixOf, seeOther } from "../pages.ts";
import { documentResponse } from "../respond.ts";
import { parametersOf } from "../router.ts";
import { READ, type Route } from "../route.ts";
import { LOCATION } from "./parameters.ts";
import { listOf, objectOf, TEXT, WHOLE } from "./schemas.ts";
import { WEB_PAGE } from "./web.ts";

/** Part of `ROUTES`. */
export const WEB_STREAMS_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: "/web/streams",
    scopes: READ,
    handler: showStreams,
    summary: "Streams by name, last write, category or type",
    query: {
      by: "name, recent, category or type",
      prefix: "What the names begin with",
      after: "Name to go on after",
    },
    answers: { 200: { text: "The page" } },
  },
  {
    ...WEB_PAGE,
    template: "/web/names",
    response: JSON_ALONE,
    scopes: READ,
    handler: completeName,
    summary: "Names of streams that begin with a text",
    query: { prefix: "The text" },
    answers: { 200: { text: "A list of names" } },
    schemas: { json: { name: "StreamNames", shape: listOf(TEXT) } },
  },
  {
    ...WEB_PAGE,
    template: "/web/stream-list",
    response: JSON_ALONE,
    scopes: READ,
    handler: listByName,
    summary: "Streams by name, less those that the caller may not read",
    query: {
      prefix: "What the names begin with; streams of the system only with $",
      after: "Name to go on after",
    },
    answers: {
      200: { text: "A page of them; next is the name to go on after, if any" },
    },
    schemas: {
      json: {
        name: "StreamList",
        shape: objectOf({
          streams: listOf(objectOf({
            streamName: TEXT,
            lastEventNumber: WHOLE,
            lastCreatedAt: TEXT,
          }, ["streamName", "lastEventNumber"])),
          next: TEXT,
        }, ["streams"]),
      },
    },
  },
  {
    ...WEB_PAGE,
    template: "/web/go",
    response: "any",
    handler: goTo,
    summary: "Redirect to a stream or an event by its name",
    query: { to: "A stream, or number@stream" },
    answers: { 303: { text: "Where it is", headers: LOCATION } },
  },
];

const LISTED_BY = {
  name: "streams",
  category: "categories",
  type: "types",
} as const;

const PAGE_STREAMS = 50;
const COMPLETED_NAMES = 12;

/** `GET /web/streams` */
async function showStreams(context: RequestContext): Promise<Response> {
  const { caller, target, services: { streams } } = context;
  const parameters = parametersOf(target.query);
  const order = orderOf(parameters.get("by"));
  const typed = parameters.get("prefix") ?? "";
  const after = parameters.get("after") ?? "";
  const list = order === "recent"
    ? {
      streams: await streams.listRecentStreams(caller, PAGE_STREAMS),
      next: undefined,
    }
    : await streams.listStreams(caller, {
      by: LISTED_BY[order],
      prefix: typed.toWellFormed(),
      after: after.toWellFormed(),
      limit: PAGE_STREAMS,
    });
  return pageResponse(
    streamsPage({
      prefix: prefixOf(context),
      order,
      typed,
      isContinued: after !== "",
      ...list,
    }),
    context,
  );
}

function orderOf(text: string | undefined): StreamOrder {
  return text === "recent" || text === "category" || text === "type"
    ? text
    : "name";
}

/** `GET /web/names?prefix=…` */
async function completeName(context: RequestContext): Promise<Response> {
  const { caller, target, allowedMethods, services } = context;
  const { streams } = await services.streams.listStreams(caller, {
    by: "streams",
    prefix: (parametersOf(target.query).get("prefix") ?? "").toWellFormed(),
    after: "",
    limit: COMPLETED_NAMES,
  });
  return documentResponse({
    status: 200,
    type: APPLICATION_JSON,
    body: JSON.stringify(streams.map(({ name }) => name)),
    cacheControl: "no-store",
  }, allowedMethods);
}

/** `GET /web/stream-list?prefix=…&after=…` */
async function listByName(context: RequestContext): Promise<Response> {
  const { caller, target, allowedMethods, services, limits } = context;
  const parameters = parametersOf(target.query);
  const { streams, next } = await services.streams.listStreams(caller, {
    by: "streams",
    prefix: (parameters.get("prefix") ?? "").toWellFormed(),
    after: (parameters.get("after") ?? "").toWellFormed(),
    // The list asks for one more than it shows.
    limit: limits.listedNamesMax - 1,
  });
  return documentResponse({
    status: 200,
    type: APPLICATION_JSON,
    body: JSON.stringify({
      streams: streams.map(({ streamName, head, lastAtUs }) => ({
        streamName,
        lastEventNumber: head,
        lastCreatedAt: lastAtUs === undefined
          ? undefined
          : formatUpdated(lastAtUs),
      })),
      next,
    }),
    cacheControl: "no-store",
  }, allowedMethods);
}

/** `GET /web/go?to=…` */
function goTo(context: RequestContext): Response {
  const to = (parametersOf(context.target.query).get("to") ?? "").trim();
  if (to === "") return seeOther("/web/streams", context);
  const [, number, streamName] = /^(\d{1,16})@(.+)$/s.exec(to) ?? [];
  return streamName === undefined
    ? seeOther(streamPath(to), context)
    : seeOther(`${streamPath(streamName)}/${number}`, context);
}
