/**
 * `POST /projections/read-events`: what a projection with that source would be
 * handed (spec: projections §5); `POST /projections/debug`: and what it would
 * do with it.
 *
 * @module
 */

import type { DebugRequest, SourceRead } from "../../projections/contract.ts";
import type { ProjectionDefinition } from "../../projections/engine/messages.ts";
import { READ, type Route, type Schema } from "../route.ts";
import type { RequestContext } from "../context.ts";
import { malformed, PROBLEMS } from "../errors.ts";
import { type NamedMembers, readMembers } from "../named_members.ts";
import { APPLICATION_JSON, JSON_ALONE } from "../negotiation.ts";
import { debugDocument, sourceDocument } from "../projection_documents.ts";
import { documentResponse, NO_STORE, problemResponse } from "../respond.ts";
import { NEGOTIATED_CACHEABLE } from "./parameters.ts";
import { NO_PROJECTIONS, projectionsOf } from "./projections.ts";
import { FLAG, listOf, objectOf, TEXT, WHOLE } from "./schemas.ts";

const DEFAULT_EVENTS_MAX = 10;

/** `POST /projections/debug` */
async function debugQuery(context: RequestContext): Promise<Response> {
  const { allowedMethods, caller, services } = context;
  const request = await readDebugRequest(context);
  const outcome = await projectionsOf(context).debug(caller, request);
  switch (outcome.kind) {
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
    case "refused":
      throw malformed(outcome.reason);
    case "stepped":
      return documentResponse({
        status: 200,
        type: APPLICATION_JSON,
        body: services.sending.bodyOf(debugDocument(outcome.view)),
        cacheControl: NO_STORE,
        variesByAccept: true,
      }, allowedMethods);
  }
}

async function readDebugRequest(
  context: RequestContext,
): Promise<DebugRequest> {
  const members = await readMembers(context);
  const query = members.readText("query");
  if (query === undefined) throw malformed("query is missing");
  const position = members.readValue("position");
  const sharedState = members.readValue("sharedState");
  return {
    query,
    position: position === undefined ? {} : readPosition(position),
    maxEvents: readCount(members, context),
    states: readStates(members.readValue("states") ?? {}),
    sharedState: sharedState === undefined
      ? undefined
      : JSON.stringify(sharedState),
  };
}

/**
 * States by partition, as JSON.
 *
 * @throws {Refusal} If it is no object.
 */
export function readStates(states: unknown): ReadonlyMap<string, string> {
  if (!isObject(states)) {
    throw malformed("Invalid states: it must be an object");
  }
  return new Map(
    Object.entries(states).map(([name, state]) => [
      name,
      JSON.stringify(state),
    ]),
  );
}

function readCount(members: NamedMembers, context: RequestContext): number {
  const { pageEventsMax } = context.limits;
  const maxEvents = members.readNumber("maxEvents") ?? DEFAULT_EVENTS_MAX;
  if (maxEvents >= 1 && maxEvents <= pageEventsMax) return maxEvents;
  throw malformed(
    `Invalid maxEvents: a number from 1 to ${pageEventsMax} is needed`,
  );
}

/** `POST /projections/read-events` */
async function readSourceEvents(context: RequestContext): Promise<Response> {
  const { allowedMethods, caller, services } = context;
  const read = await readRead(context);
  const outcome = await projectionsOf(context).readEvents(caller, read);
  switch (outcome.kind) {
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
    case "refused":
      throw malformed(outcome.reason);
    case "read": {
      const text = sourceDocument(outcome.view, services.newId());
      return documentResponse({
        status: 200,
        type: APPLICATION_JSON,
        body: services.sending.bodyOf(text),
        cacheControl: NO_STORE,
        variesByAccept: true,
      }, allowedMethods);
    }
  }
}

async function readRead(context: RequestContext): Promise<SourceRead> {
  const members = await readMembers(context);
  return {
    definition: readSource(members.readValue("query")),
    position: readPosition(members.readValue("position")),
    maxEvents: readCount(members, context),
  };
}

type Source = { -readonly [K in keyof ProjectionDefinition]?: unknown };

function readSource(query: unknown): Partial<ProjectionDefinition> {
  if (!isObject(query)) throw malformed("Invalid query: it must be an object");
  const source: Source = {};
  for (const name of ["streams", "categories", "events"] as const) {
    const value = query[name] ?? undefined;
    if (value === undefined) continue;
    if (!Array.isArray(value) || !value.every((one) => isText(one))) {
      throw malformed(`Invalid query: ${name} must be a list of texts`);
    }
    source[name] = value;
  }
  for (const name of ["allStreams", "allEvents"] as const) {
    const value = query[name] ?? false;
    if (typeof value !== "boolean") {
      throw malformed(`Invalid query: ${name} must be true or false`);
    }
    if (value) source[name] = true;
  }
  return source as Partial<ProjectionDefinition>;
}

/**
 * A position as `ES-Position` says it.
 *
 * @throws {Refusal} If it is none.
 */
export function readPosition(position: unknown): SourceRead["position"] {
  if (!isObject(position)) {
    throw malformed("Invalid position: it must be an object");
  }
  const { $c: commit, $p: prepare, $s: streams } = position;
  const hasLog = commit !== undefined || prepare !== undefined;
  if (streams !== undefined && !isObject(streams)) {
    throw malformed("Invalid position: $s must be an object");
  }
  if (!hasLog && streams === undefined) {
    throw malformed("Invalid position: it must have $s, or $c and $p");
  }
  return {
    ...(hasLog &&
      { log: { commit: readPlace(commit), prepare: readPlace(prepare) } }),
    ...(streams !== undefined && {
      streams: Object.entries(streams).map(([name, place]) =>
        [name, readPlace(place)] as const
      ),
    }),
  };
}

function readPlace(value: unknown): number {
  if (
    typeof value === "number" && Number.isSafeInteger(value) && value >= -1
  ) return value;
  throw malformed("Invalid position: a place is a whole number, -1 or more");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

const READ_SCHEMA: Schema = {
  name: "SourceRead",
  shape: objectOf({
    query: objectOf({
      streams: listOf(TEXT),
      categories: listOf(TEXT),
      events: listOf(TEXT),
      allStreams: FLAG,
      allEvents: FLAG,
    }),
    position: objectOf({ $s: { type: "object" }, $c: WHOLE, $p: WHOLE }),
    maxEvents: WHOLE,
  }, ["query", "position"]),
};

const EVENTS_SCHEMA: Schema = {
  name: "SourceEvents",
  shape: objectOf({
    correlationId: TEXT,
    readerPosition: { type: "object" },
    events: listOf(objectOf({
      eventStreamId: TEXT,
      eventNumber: WHOLE,
      eventType: TEXT,
      data: {},
      metadata: {},
      isJson: FLAG,
      readerPosition: { type: "object" },
    })),
  }, ["readerPosition", "events"]),
};

const DEBUG_SCHEMA: Schema = {
  name: "DebugRequest",
  shape: objectOf({
    query: TEXT,
    position: objectOf({ $s: { type: "object" }, $c: WHOLE, $p: WHOLE }),
    maxEvents: WHOLE,
    states: { type: "object" },
    sharedState: {},
  }, ["query"]),
};

const FAULT = objectOf({ text: TEXT, line: WHOLE }, ["text"]);

const STEPS_SCHEMA: Schema = {
  name: "DebugSteps",
  shape: objectOf({
    definition: { type: "object" },
    readerPosition: { type: "object" },
    fault: FAULT,
    log: listOf(TEXT),
    events: listOf(objectOf({
      eventStreamId: TEXT,
      eventNumber: WHOLE,
      eventType: TEXT,
      readerPosition: { type: "object" },
      partition: {},
      stateBefore: {},
      state: {},
      sharedState: {},
      result: {},
      emitted: listOf(objectOf({
        streamId: TEXT,
        eventType: TEXT,
        isJson: FLAG,
        data: TEXT,
        metadata: TEXT,
      })),
      log: listOf(TEXT),
      fault: FAULT,
    })),
  }, ["readerPosition", "log", "events"]),
};

/** Part of `ROUTES`. */
export const PROJECTION_SOURCE_ROUTES: readonly Route[] = [
  {
    tag: "Projections",
    method: "POST",
    template: "/projections/read-events",
    request: JSON_ALONE,
    response: JSON_ALONE,
    scopes: READ,
    access: "accessList",
    handler: readSourceEvents,
    summary: "Read the events of a projection's source",
    body: "The source, as the definition of a query names it; the position " +
      "to read after; how many events",
    bodySchemas: { json: READ_SCHEMA },
    answers: {
      200: { text: "The events", headers: NEGOTIATED_CACHEABLE },
      401: { text: "The caller may not read the source" },
      404: NO_PROJECTIONS,
    },
    schemas: { json: EVENTS_SCHEMA },
  },
  {
    tag: "Projections",
    method: "POST",
    template: "/projections/debug",
    request: JSON_ALONE,
    response: JSON_ALONE,
    scopes: READ,
    access: "accessList",
    handler: debugQuery,
    summary: "Step a query over events of its sources, without writing",
    body: "The query; the position to read after; how many events; states to " +
      "begin with, by partition",
    bodySchemas: { json: DEBUG_SCHEMA },
    answers: {
      200: {
        text: "Each event with the state before and after it, the result, " +
          "what it would emit and what it logs; a query that fails says why",
        headers: NEGOTIATED_CACHEABLE,
      },
      401: { text: "There is no login, or it may not read the source" },
      404: NO_PROJECTIONS,
    },
    schemas: { json: STEPS_SCHEMA },
  },
];
