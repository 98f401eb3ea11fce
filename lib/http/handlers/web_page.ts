/**
 * `/web`: where browsers land. One page that leads to what there is to see.
 *
 * @module
 */

import {
  HTML_TAIL,
  htmlHead,
  htmlLink,
  htmlText,
} from "../../formats/html/html.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { TEXT_HTML } from "../media_types.ts";
import { PROBLEMS } from "../problem.ts";
import { documentResponse, NO_STORE, problemResponse } from "../responses.ts";

/** What the page leads to: where, its name, what there is. */
const LINKS: readonly (readonly [path: string, name: string, what: string])[] =
  [
    ["/streams/$all", "All events", "the whole log, newest first"],
    ["/streams/$streams", "Streams", "the first event of each stream"],
    ["/users/", "Users", "who may log in"],
    ["/docs", "Interface", "every route, with its parameters and answers"],
    ["/health/ready", "Health", "whether the node takes requests, and why not"],
    ["/stats", "Statistics", "of process, queues and store"],
    ["/metrics", "Metrics", "for Prometheus"],
    ["/info/options", "Options", "that the node runs with"],
  ];

/** `GET /web/{*path}`: `/web/index.html`; there are no others. */
export function showWebPage(
  context: RequestContext,
  { node, readOnlyReason, observation, baseUrlOf }: HandlerServices,
): Response {
  const { segments, allowedMethods, request, info } = context;
  if (segments.slice(1).join("/") !== "index.html") {
    return problemResponse(PROBLEMS.notFound, allowedMethods);
  }
  const { streamCount, segmentCount, end } = observation.storeStatus();
  const baseUrl = baseUrlOf(request, info);
  const facts: readonly (readonly [string, string])[] = [
    ["Version", node.version],
    ["State", readOnlyReason() ?? "takes reads and writes"],
    ["Streams", String(streamCount)],
    ["Segments", String(segmentCount)],
    ["End of the log", String(end)],
  ];
  const body = htmlHead("Quipu") + "<h1>Quipu</h1>\n<dl>\n" +
    facts.map(([name, value]) =>
      `<dt>${name}</dt><dd>${htmlText(value)}</dd>\n`
    ).join("") +
    "</dl>\n<h2>What there is</h2>\n<dl>\n" +
    LINKS.map(([path, name, what]) =>
      `<dt>${htmlLink(name, baseUrl + path)}</dt><dd>${htmlText(what)}</dd>\n`
    ).join("") + "</dl>\n" + HTML_TAIL;
  return documentResponse({
    status: 200,
    type: TEXT_HTML,
    body,
    cacheControl: NO_STORE,
    variesByAccept: true,
  }, allowedMethods);
}
