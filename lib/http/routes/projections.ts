/**
 * The projections, their status and what they have made of the
 * events (spec: projections §1, §2, §4). Changing them:
 * `projection_commands.ts`.
 *
 * The original let everybody read all of it; here it needs a login, as in its
 * version 5.
 *
 * @module
 */

import type {
  ModeFilter,
  ProjectionService,
  StateView,
  View,
} from "../../projections/contract.ts";
import {
  type AnswerDescription,
  type Meanings,
  PUBLIC,
  READ,
  type Route,
  type Schema,
} from "../route.ts";
import { baseUrlOf, type RequestContext, segmentAt } from "../context.ts";
import { PIPELINE_REFUSALS, PROBLEMS, refusalProblemOf } from "../errors.ts";
import {
  APPLICATION_JSON,
  EVENT_STREAM,
  JAVASCRIPT,
  JSON_ALONE,
  JSON_OR_HTML,
  type MediaType,
  type MediaTypeSet,
} from "../negotiation.ts";
import {
  configDocument,
  logDocument,
  positionHeader,
  queryDocument,
  statisticsDocument,
  statisticsListDocument,
  statisticsMembers,
} from "../projection_documents.ts";
import { readProjectionList } from "../projection_lists.ts";
import { wantsPage } from "../pages.ts";
import { projectionPageResponse } from "../projection_pages.ts";
import {
  documentResponse,
  liveResponse,
  NO_STORE,
  problemResponse,
  redirectResponse,
} from "../respond.ts";
import { decodeEscapes, parametersOf } from "../router.ts";
import { StatePush } from "../state_push.ts";
import { LOCATION, NEGOTIATED_CACHEABLE } from "./parameters.ts";
import { FLAG, listOf, objectOf, oneOf, TEXT, WHOLE } from "./schemas.ts";

/** Lists, by the last word of their address. */
const LISTS: ReadonlyMap<string, ModeFilter> = new Map([
  ["any", "any"],
  ["all-non-transient", "all-non-transient"],
  ["transient", "Transient"],
  ["onetime", "OneTime"],
  ["continuous", "Continuous"],
]);

/** `GET /projections` */
function redirectToProjections(context: RequestContext): Response {
  projectionsOf(context);
  return redirectResponse({
    status: 302,
    location: baseUrlOf(context) + "/web/projections.htm",
    text: "Moved",
    isPermanent: false,
  }, context.allowedMethods);
}

/** `GET /projections/{any|all-non-transient|transient|onetime|continuous}` */
async function listProjections(context: RequestContext): Promise<Response> {
  projectionsForReader(context);
  const word = segmentAt(context, 1);
  const list = await readProjectionList(context, {
    filter: LISTS.get(word) ?? "any",
    path: `/projections/${word}`,
  });
  return answer(statisticsListDocument(list), context);
}

/** `GET /projection/{name}` */
async function readProjection(context: RequestContext): Promise<Response> {
  const projections = projectionsForReader(context);
  const statistics = projections.statistics(projectionNameOf(context));
  if (statistics === undefined) return refuse("notFound", context);
  return wantsPage(context)
    ? await projectionPageResponse(projections, statistics, context)
    : answer(statisticsDocument(statistics, baseUrlOf(context)), context);
}

/** `GET /projection/{name}/statistics`: as a list of one. */
function readProjectionStatistics(context: RequestContext): Response {
  const statistics = projectionsForReader(context).statistics(
    projectionNameOf(context),
  );
  return statistics === undefined ? refuse("notFound", context) : answer(
    statisticsListDocument([
      statisticsMembers(statistics, baseUrlOf(context)),
    ]),
    context,
  );
}

/** `GET /projection/{name}/state?partition=` */
function readProjectionState(context: RequestContext): Promise<Response> {
  return readStateOrResult("state", context);
}

/** `GET /projection/{name}/result?partition=` */
function readProjectionResult(context: RequestContext): Promise<Response> {
  return readStateOrResult("result", context);
}

async function readStateOrResult(
  what: "state" | "result",
  context: RequestContext,
): Promise<Response> {
  const { caller } = context;
  const projections = projectionsForReader(context);
  const name = projectionNameOf(context);
  const partition = projectionParametersOf(context).get("partition") ?? "";
  if (context.responseType === EVENT_STREAM) {
    return await openStateFeed({ name, what, partition }, context);
  }
  const found = what === "state"
    ? await projections.state(caller, name, partition)
    : await projections.result(caller, name, partition);
  return answerView(found, context, (view) => answerState(view, context));
}

function answerState(
  { text, position }: StateView,
  context: RequestContext,
): Response {
  const response = answer(text, context);
  if (position !== undefined) {
    response.headers.set("ES-Position", positionHeader(position));
  }
  return response;
}

/** A state that goes on (an addition to the original's interface). */
async function openStateFeed(
  { name, what, partition }: {
    readonly name: string;
    readonly what: "state" | "result";
    readonly partition: string;
  },
  context: RequestContext,
): Promise<Response> {
  const { allowedMethods, caller, limits } = context;
  const { quota, sending } = context.services;
  const opened = await quota.keep("liveFeeds", context, async () => {
    const projections = projectionsForReader(context);
    const found = await projections.watch(caller, name, what, partition);
    if (found.kind !== "found") return found;
    return { kind: found.kind, source: new StatePush(found.view, limits) };
  });
  if (opened.kind !== "found") return refuse(opened.kind, context);
  const body = sending.endless(opened.source);
  return liveResponse({ type: EVENT_STREAM, body }, allowedMethods);
}

/** `GET /projection/{name}/query?config=` */
function readProjectionQuery(context: RequestContext): Response {
  // Any type will do, but it must be one. Negotiation comes before methods are
  // told.
  const accept = context.request.headers.get("Accept")?.trim() ?? "";
  if (accept !== "" && !accept.includes("/")) {
    const refused = refusalProblemOf(PIPELINE_REFUSALS.notAcceptable);
    return problemResponse(refused, "");
  }
  const config = projectionParametersOf(context).get("config");
  if (isTrue(config)) return readProjectionQueryConfig(context);
  const found = projectionsForReader(context).query(
    context.caller,
    projectionNameOf(context),
  );
  return answerView(
    found,
    context,
    ({ query }) => answer(query, context, JAVASCRIPT),
  );
}

/** `GET /projection/{name}/query%3Fconfig=yes`, as statistics name it. */
function readProjectionQueryConfig(context: RequestContext): Response {
  const found = projectionsForReader(context).query(
    context.caller,
    projectionNameOf(context),
  );
  return answerView(
    found,
    context,
    (view) => answer(queryDocument(view), context, APPLICATION_JSON),
  );
}

/** `GET /projection/{name}/config` */
function readProjectionConfig(context: RequestContext): Response {
  const found = projectionsForReader(context).config(
    context.caller,
    projectionNameOf(context),
  );
  return answerView(
    found,
    context,
    (view) => answer(configDocument(view), context),
  );
}

/** `GET /projection/{name}/log` (an addition to the original's interface) */
async function readProjectionLog(context: RequestContext): Promise<Response> {
  const found = await projectionsForReader(context).log(
    context.caller,
    projectionNameOf(context),
  );
  return answerView(
    found,
    context,
    (view) => answer(logDocument(view), context),
  );
}

/**
 * The service behind the routes.
 *
 * @throws {Refusal} 404, as recorded, if this server has none.
 */
export function projectionsOf(
  { services: { projections } }: RequestContext,
): ProjectionService {
  if (projections !== undefined) return projections;
  throw PIPELINE_REFUSALS.notFound;
}

/**
 * The service, for reads.
 *
 * @throws {Refusal} As `projectionsOf` does, and without a login.
 */
export function projectionsForReader(
  context: RequestContext,
): ProjectionService {
  const projections = projectionsOf(context);
  if (context.caller === undefined) throw PIPELINE_REFUSALS.unauthenticated;
  return projections;
}

/** Where the projection in the address runs: see `Route.runsAt`. */
export async function placeOfProjection(
  context: RequestContext,
): Promise<string | undefined> {
  const { projections } = context.services;
  return await projections?.ownerElsewhere(projectionNameOf(context));
}

/** The name in `/projection/{name}…`. */
export function projectionNameOf(context: RequestContext): string {
  return segmentAt(context, 1);
}

/** Query parameters. A plus in them is a plus: names may hold it. */
export function projectionParametersOf(
  { target }: RequestContext,
): ReadonlyMap<string, string> {
  return parametersOf(target.query, decodeEscapes);
}

/** Whether a parameter says yes; undefined or empty: no. */
export function isTrue(text: string | undefined): boolean {
  return ["yes", "true", "1"].includes(text?.toLowerCase() ?? "");
}

/** Says that a projection is not there, or not for the caller. */
export function refuse(
  kind: "notFound" | "unauthorized",
  { allowedMethods }: RequestContext,
): Response {
  return kind === "notFound"
    ? problemResponse(PROBLEMS.notFound, allowedMethods)
    : problemResponse(PROBLEMS.notAuthorized, allowedMethods, {
      body: "Not authorized",
    });
}

function answerView<T>(
  found: View<T>,
  context: RequestContext,
  show: (view: T) => Response,
): Response {
  return found.kind === "found"
    ? show(found.view)
    : refuse(found.kind, context);
}

function answer(
  text: string,
  context: RequestContext,
  type: MediaType = APPLICATION_JSON,
): Response {
  return documentResponse({
    status: 200,
    type,
    body: context.services.sending.bodyOf(text),
    cacheControl: NO_STORE,
    variesByAccept: true,
  }, context.allowedMethods);
}

const STATE_OR_FEED: MediaTypeSet = [APPLICATION_JSON, EVENT_STREAM];

const NUMBER = { type: "number" };

const STATISTICS = objectOf({
  coreProcessingTime: WHOLE,
  version: WHOLE,
  epoch: WHOLE,
  effectiveName: TEXT,
  writesInProgress: WHOLE,
  readsInProgress: WHOLE,
  partitionsCached: WHOLE,
  status: TEXT,
  stateReason: TEXT,
  name: TEXT,
  mode: oneOf("Transient", "OneTime", "Continuous"),
  position: TEXT,
  progress: NUMBER,
  lastCheckpoint: TEXT,
  eventsProcessedAfterRestart: WHOLE,
  statusUrl: TEXT,
  stateUrl: TEXT,
  resultUrl: TEXT,
  queryUrl: TEXT,
  resultStreamUrl: TEXT,
  enableCommandUrl: TEXT,
  disableCommandUrl: TEXT,
  checkpointStatus: TEXT,
  bufferedEvents: WHOLE,
  writePendingEventsBeforeCheckpoint: WHOLE,
  writePendingEventsAfterCheckpoint: WHOLE,
  eventsPerSecond: NUMBER,
  lagEvents: WHOLE,
  lagMilliseconds: WHOLE,
  runAs: TEXT,
}, ["name", "mode", "status", "stateReason", "position", "progress"]);

const STATISTICS_SCHEMA: Schema = {
  name: "ProjectionStatistics",
  shape: STATISTICS,
};

const LIST_SCHEMA: Schema = {
  name: "ProjectionList",
  shape: objectOf({ projections: listOf(STATISTICS) }, ["projections"]),
};

/** Thresholds of a projection, as they are sent and shown. */
export const CONFIG_SCHEMA: Schema = {
  name: "ProjectionConfig",
  shape: objectOf({
    emitEnabled: FLAG,
    trackEmittedStreams: FLAG,
    checkpointAfterMs: WHOLE,
    checkpointHandledThreshold: WHOLE,
    checkpointUnhandledBytesThreshold: WHOLE,
    pendingEventsThreshold: WHOLE,
    maxWriteBatchLength: WHOLE,
    maxAllowedWritesInFlight: WHOLE,
  }),
};

const LOG_SCHEMA: Schema = {
  name: "ProjectionLog",
  shape: objectOf({
    lines: listOf(objectOf({ time: TEXT, event: TEXT, text: TEXT })),
  }, ["lines"]),
};

/** Placeholders of the routes. */
export const PROJECTION_PATH: Meanings = { name: "Name of the projection" };

const LOOK = {
  tag: "Projections",
  method: "GET",
  response: JSON_ALONE,
  scopes: READ,
  access: "users",
  path: PROJECTION_PATH,
} as const satisfies Partial<Route>;

/** Of routes that name no projection. */
export const NO_PROJECTIONS: AnswerDescription = {
  text: "This server runs no projections",
};

/** Of routes that name one. */
export const NO_SUCH_PROJECTION: AnswerDescription = {
  text: "No such projection, or this server runs none",
};

/** Properties that reads of one projection share. */
const FOUND: Route["answers"] = {
  200: { text: "What was asked for", headers: NEGOTIATED_CACHEABLE },
  404: NO_SUCH_PROJECTION,
};

const STATE = {
  ...LOOK,
  runsAt: placeOfProjection,
  response: STATE_OR_FEED,
  details: "Empty where there is none. With Accept: text/event-stream it is " +
    "sent now and after each change. For the creator of the projection, " +
    "$admins and readers of its result stream.",
  query: {
    partition: "Name of the partition",
    "access_token": "Access token for opening a live feed",
  },
  answers: {
    200: {
      text: "It, as JSON",
      headers: {
        ...NEGOTIATED_CACHEABLE,
        "ES-Position": "How far the projection has read, as JSON",
      },
    },
    404: NO_SUCH_PROJECTION,
  },
} as const satisfies Partial<Route>;

/** Part of `ROUTES`. */
export const PROJECTION_ROUTES: readonly Route[] = [
  {
    ...LOOK,
    template: "/projections",
    response: "any",
    handler: redirectToProjections,
    tag: "Redirects",
    access: "everybody",
    summary: "Redirect to the page of projections",
    scopes: PUBLIC,
    answers: {
      302: { text: "Where it is", headers: LOCATION },
      404: NO_PROJECTIONS,
    },
  },
  ...[...LISTS.keys()].map((word): Route => ({
    ...LOOK,
    template: `/projections/${word}`,
    handler: listProjections,
    summary: word === "any"
      ? "All projections"
      : `All projections that are ${word.replace("all-", "")}`,
    answers: {
      200: { text: "Their statistics", headers: NEGOTIATED_CACHEABLE },
      404: NO_PROJECTIONS,
    },
    schemas: { json: LIST_SCHEMA },
  })),
  {
    ...LOOK,
    template: "/projection/{name}",
    runsAt: placeOfProjection,
    response: JSON_OR_HTML,
    handler: readProjection,
    summary: "How a projection is doing",
    answers: FOUND,
    schemas: { json: STATISTICS_SCHEMA },
  },
  {
    ...LOOK,
    template: "/projection/{name}/statistics",
    runsAt: placeOfProjection,
    handler: readProjectionStatistics,
    summary: "How a projection is doing, as a list of one",
    answers: FOUND,
    schemas: { json: LIST_SCHEMA },
  },
  {
    ...STATE,
    template: "/projection/{name}/state",
    handler: readProjectionState,
    summary: "The state of a projection or of one of its partitions",
  },
  {
    ...STATE,
    template: "/projection/{name}/result",
    handler: readProjectionResult,
    summary: "The result of a projection or of one of its partitions",
  },
  {
    ...LOOK,
    template: "/projection/{name}/query",
    runsAt: placeOfProjection,
    response: "any",
    handler: readProjectionQuery,
    summary: "The query of a projection",
    query: { config: "yes: as JSON, with what it describes" },
    answers: {
      200: {
        text: "The query",
        content: { type: [JAVASCRIPT.name, APPLICATION_JSON.name] },
        headers: NEGOTIATED_CACHEABLE,
      },
      404: NO_SUCH_PROJECTION,
      406: { text: "Accept names no type" },
    },
  },
  {
    ...LOOK,
    template: "/projection/{name}/query?config=yes",
    runsAt: placeOfProjection,
    handler: readProjectionQueryConfig,
    summary: "The query, at the address that statistics name",
    details: "The question mark is a part of the path: %3F.",
    answers: FOUND,
  },
  {
    ...LOOK,
    template: "/projection/{name}/config",
    runsAt: placeOfProjection,
    handler: readProjectionConfig,
    summary: "The thresholds of a projection",
    answers: FOUND,
    schemas: { json: CONFIG_SCHEMA },
  },
  {
    ...LOOK,
    template: "/projection/{name}/log",
    runsAt: placeOfProjection,
    handler: readProjectionLog,
    summary: "What the query logged last",
    details: "For the creator of the projection, $admins and readers of its " +
      "result stream.",
    answers: FOUND,
    schemas: { json: LOG_SCHEMA },
  },
];
