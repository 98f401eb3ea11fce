/**
 * `/web`: where browsers land. One page that leads to what there is to see.
 *
 * @module
 */

import { HTML_TAIL, htmlHead, htmlLink, htmlText } from "../../formats/html.ts";
import { PUBLIC, type Route } from "../route.ts";
import { baseUrlOf, type RequestContext } from "../context.ts";
import { TEXT_HTML } from "../negotiation.ts";
import { PROBLEMS } from "../errors.ts";
import {
  documentResponse,
  NO_STORE,
  problemResponse,
  redirectResponse,
} from "../respond.ts";
import { LOCATION, NEGOTIATED_CACHEABLE } from "./parameters.ts";

const READING = {
  method: "GET",
  response: "any",
  scopes: PUBLIC,
  access: "everybody",
} as const;

const REDIRECT = {
  ...READING,
  handler: redirectToWeb,
  tag: "Redirects",
  summary: "Redirect to the start page",
  answers: { 302: { text: "Where it is", headers: LOCATION } },
} as const;

/** Part of `ROUTES`. */
export const WEB_ROUTES: readonly Route[] = [
  { ...REDIRECT, template: "/" },
  { ...REDIRECT, template: "/web" },
  { ...REDIRECT, template: "/web/" },
  {
    ...READING,
    template: "/web/{*path}",
    handler: showWebPage,
    tag: "The node",
    summary: "The start page for browsers",
    path: { path: "Name of the page: index.html" },
    answers: {
      200: {
        text: "The page",
        content: { type: TEXT_HTML.name },
        headers: NEGOTIATED_CACHEABLE,
      },
      404: { text: "Only index.html exists" },
    },
  },
];

/** `GET /` and `GET /web` */
function redirectToWeb(context: RequestContext): Response {
  const { allowedMethods } = context;
  return redirectResponse({
    status: 302,
    location: baseUrlOf(context) + "/web/index.html",
    text: "Moved",
    isPermanent: false,
  }, allowedMethods);
}

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
async function showWebPage(context: RequestContext): Promise<Response> {
  const { node, store } = context.services;
  const { segments, allowedMethods } = context;
  if (segments.slice(1).join("/") !== "index.html") {
    return problemResponse(PROBLEMS.notFound, allowedMethods);
  }
  const figures = store.maintenance?.figures();
  const { end } = await store.readEnd();
  const baseUrl = baseUrlOf(context);
  const facts: readonly (readonly [string, string])[] = [
    ["Version", node.version],
    ["State", store.status().readOnlyReason ?? "takes reads and writes"],
    ...(figures === undefined ? [] : [
      ["Streams", String(figures.streamCount)],
      ["Segments", String(figures.segmentCount)],
    ] as const),
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
