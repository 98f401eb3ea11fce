/**
 * The way in for browsers: the start page, its assets, and where the box in the
 * header leads to.
 *
 * @module
 */

import { dashboardPage } from "../../web/dashboard.tsx";
import { baseUrlOf, type RequestContext, segmentAt } from "../context.ts";
import { PROBLEMS } from "../errors.ts";
import { HTML_ALONE, TEXT_HTML } from "../negotiation.ts";
import { assetResponse, pageResponse, prefixOf } from "../pages.ts";
import { listedProjectionOf } from "../projection_documents.ts";
import { readProjectionList } from "../projection_lists.ts";
import { problemResponse, redirectResponse } from "../respond.ts";
import { PUBLIC, type Route } from "../route.ts";
import { LOCATION, NEGOTIATED_CACHEABLE } from "./parameters.ts";
import { unreadinessOf, warningsOf } from "./watching.ts";

/** What reads of pages have in common. */
export const WEB_PAGE = {
  method: "GET",
  tag: "Pages",
  // Only what is asked for as a page is one.
  response: HTML_ALONE,
  scopes: PUBLIC,
  access: "everybody",
} as const;

const REDIRECT = {
  ...WEB_PAGE,
  response: "any",
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
    ...WEB_PAGE,
    response: "any",
    template: "/web/index.html",
    handler: showDashboard,
    summary: "The start page for browsers: how the server is doing",
    answers: {
      200: {
        text: "The page",
        content: { type: TEXT_HTML.name },
        headers: NEGOTIATED_CACHEABLE,
      },
    },
  },
  {
    ...WEB_PAGE,
    response: "any",
    template: "/web/assets/{asset}",
    handler: readAsset,
    summary: "A style sheet, script or image of the pages",
    path: { asset: "Its name, with a hash of what it is" },
    answers: {
      200: {
        text: "The asset; it never changes",
        content: { type: "text/css" },
      },
      304: { text: "The client has it", content: "nothing" },
      404: { text: "No such asset" },
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

/** `GET /web/index.html` */
async function showDashboard(context: RequestContext): Promise<Response> {
  const { node, store, streams, observation, quota, newId } = context.services;
  const { activity } = observation;
  const { end } = await store.readEnd();
  const figures = store.maintenance?.figures?.();
  const { uptimeSeconds, residentBytes } = observation.processUsage();
  const none = { count: 0, p50: undefined, p99: undefined };
  const page = dashboardPage({
    prefix: prefixOf(context),
    baseUrl: baseUrlOf(context),
    version: node.version,
    uptimeSeconds,
    problems: unreadinessOf(context).map(({ reason }) => reason),
    warnings: warningsOf(store.status()).map(({ reason }) => reason),
    rates: activity?.rates() ?? [],
    appends: activity?.quantiles("appends") ?? none,
    reads: activity?.quantiles("reads") ?? none,
    logBytes: store.promises.positions === "offsets" ? end : undefined,
    device: observation.deviceSpace(),
    memoryBytes: residentBytes,
    streamCount: figures?.streamCount,
    segmentCount: figures?.segmentCount,
    feedCount: quota.heldCount("liveFeeds"),
    longPollCount: quota.heldCount("longPolls"),
    inFlightCount: quota.inFlight,
    groups: groupFacts(context),
    projections: await projectionFacts(context),
    anonymous: await streams.anonymousRights(newId()),
    areMetricsPublic: observation.areMetricsPublic,
  });
  return pageResponse(page, context);
}

function groupFacts({ services: { subscriptions } }: RequestContext) {
  const counts = subscriptions?.counts();
  return counts && {
    count: counts.length,
    lagEvents: counts.reduce((sum, { lagEvents = 0 }) => sum + lagEvents, 0),
    parkedCount: counts.reduce((sum, one) => sum + one.parkedCount, 0),
  };
}

async function projectionFacts(context: RequestContext) {
  if (context.services.projections === undefined) return undefined;
  const list = await readProjectionList(context, {
    filter: "all-non-transient",
    path: "/projections/all-non-transient",
  });
  const all = list.map(listedProjectionOf);
  const isRunning = ({ status }: { readonly status: string }) =>
    status.startsWith("Running");
  const faulted = all.filter(({ status }) => status.startsWith("Faulted"));
  return {
    running: all.filter(isRunning).length,
    stopped: all.filter((one) => !isRunning(one)).length - faulted.length,
    faulted: faulted.map(({ name }) => name),
    lagEvents: all.reduce((sum, { lagEvents = 0 }) => sum + lagEvents, 0),
  };
}

/** `GET /web/assets/{asset}` */
function readAsset(context: RequestContext): Response {
  return assetResponse(segmentAt(context, 2), context.request) ??
    problemResponse(PROBLEMS.notFound, context.allowedMethods);
}
