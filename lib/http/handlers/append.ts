/**
 * Appending events to a stream, and writing its metadata
 * (spec: streams §2, §9.1).
 *
 * @module
 */

import type { ProposedEvent } from "../../model/event.ts";
import type { Limits } from "../../model/limits.ts";
import { isMetastream, metastreamOf } from "../../model/stream_names.ts";
import { METADATA_EVENT_TYPE } from "../../model/stream_metadata.ts";
import type { AppendOutcome } from "../../streams/outcomes.ts";
import { encodePathSegment } from "../../text/path_segment.ts";
import {
  type HandlerServices,
  type RequestContext,
  segmentAt,
  streamNameOf,
} from "../context.ts";
import { decodeEventsJsonInSteps } from "../decode_events_json.ts";
import { decodeEventsXmlInSteps } from "../decode_events_xml.ts";
import { parseEventId, ZERO_EVENT_ID } from "../event_id.ts";
import {
  checkEvent,
  emptyEventId,
  emptyEventType,
  invalidBody,
} from "../event_refusals.ts";
import {
  createdResponse,
  problemResponse,
  redirectResponse,
} from "../responses.ts";
import { runSteps } from "../../text/steps.ts";
import { PROBLEMS } from "../problem.ts";
import { logRights } from "../rights_log.ts";
import { runInTurns } from "../turns.ts";
import { malformed } from "../refusal.ts";
import { escapeForUri } from "../router.ts";
import {
  checkRequireMaster,
  readEventId,
  readEventType,
  readExpectedVersion,
} from "../request_headers.ts";

/** What the headers say of the one event in a body that holds only its data. */
interface EventHeaders {
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
}

/** `POST /streams/{stream}` */
export async function appendEvents(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  const hasOwnIds = namesEventsItself(context);
  const eventType = hasOwnIds ? undefined : readEventType(headers);
  if (!hasOwnIds && eventType === undefined) {
    throw malformed(
      "Must include an event type with the request either in body or as " +
        "ES-EventType header.",
    );
  }
  const eventId = readEventId(headers);
  if (!hasOwnIds && eventId === undefined) {
    return redirectToIncoming(streamName, context, services);
  }
  const expectedVersion = readExpectedVersion(headers);
  checkRequireMaster(headers);
  const body = await readBody(context, services);
  const events = await decodeBody(body, context, { eventId, eventType });
  const streamUri = streamUriOf(streamName, context, services);
  const command = { streamName, expectedVersion, events };
  const outcome = await services.streams.append(context.caller, command);
  if (outcome.kind === "written") {
    logRights(streamName, outcome.rights, context, services);
  }
  return answer(outcome, streamUri, context);
}

/** `POST /streams/{stream}/incoming/{guid}` */
export async function appendIncoming(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  const eventId = parseEventId(segmentAt(context, 3));
  if (eventId === undefined) {
    throw malformed("Invalid request. Unable to parse guid");
  }
  const expectedVersion = readExpectedVersion(headers);
  checkRequireMaster(headers);
  const eventType = readEventType(headers);
  const body = await readBody(context, services);
  const events = await decodeBody(body, context, { eventId, eventType });
  const streamUri = streamUriOf(streamName, context, services);
  const command = { streamName, expectedVersion, events };
  const outcome = await services.streams.append(context.caller, command);
  if (outcome.kind === "written") {
    logRights(streamName, outcome.rights, context, services);
  }
  return answer(outcome, streamUri, context);
}

/** `POST /streams/{stream}/metadata` */
export async function writeMetadata(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  if (isMetastream(streamName)) {
    throw malformed(
      "Invalid request. Stream must be non-empty string and should not be " +
        "metastream",
    );
  }
  const eventId = readEventId(headers);
  const eventType = readEventType(headers);
  if (eventType !== undefined && eventType !== METADATA_EVENT_TYPE) {
    throw malformed(
      "Bad Request. You should not include an event type for metadata.",
    );
  }
  const expectedVersion = readExpectedVersion(headers);
  checkRequireMaster(headers);
  const body = await readBody(context, services);
  const events = await decodeBody(body, context, {
    eventId,
    eventType: METADATA_EVENT_TYPE,
  });
  const streamUri = streamUriOf(metastreamOf(streamName), context, services);
  const outcome = await services.streams.appendMetadata(context.caller, {
    streamName,
    expectedVersion,
    events,
  });
  if (outcome.kind === "written") {
    logRights(metastreamOf(streamName), outcome.rights, context, services);
  }
  return answer(outcome, streamUri, context);
}

function answer(
  outcome: AppendOutcome,
  streamUri: string,
  { allowedMethods }: RequestContext,
): Response {
  switch (outcome.kind) {
    case "written":
      return createdResponse(
        `${streamUri}/${outcome.firstEventNumber}`,
        allowedMethods,
      );
    case "conflict":
      return problemResponse(PROBLEMS.conflict, allowedMethods, {
        currentVersion: outcome.head,
      });
    case "deleted":
      return problemResponse(PROBLEMS.deletedWrite, allowedMethods);
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
}

/** A new URI that makes repeating the request harmless (spec: streams §2.5). */
function redirectToIncoming(
  streamName: string,
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { target, allowedMethods } = context;
  const query = target.query === "" ? "" : "?" + escapeForUri(target.query);
  const streamUri = streamUriOf(streamName, context, services);
  return redirectResponse({
    status: 307,
    location: `${streamUri}/incoming/${services.newId()}${query}`,
    text: "Forwarding to idempotent URI",
    isPermanent: false,
  }, allowedMethods);
}

/**
 * URI of a stream. To be made before anything is written: a request whose host
 * is refused must change nothing.
 */
function streamUriOf(
  streamName: string,
  { request, info }: RequestContext,
  { baseUrlOf }: HandlerServices,
): string {
  return `${baseUrlOf(request, info)}/streams/${encodePathSegment(streamName)}`;
}

/** Whether ids and types stand in the body, and headers need not name them. */
function namesEventsItself(context: RequestContext): boolean {
  switch (context.requestType?.form) {
    case "eventJson":
    case "eventXml":
    case "streamDescription":
      return true;
    default:
      return false;
  }
}

/** Reads the body as its type wants it: as a text, or as the bytes that came. */
function readBody(
  context: RequestContext,
  { receiving }: HandlerServices,
): Promise<string | Uint8Array> {
  const { request } = context;
  switch (context.requestType?.form) {
    case "eventJson":
    case "atomJson":
    case "bytes":
      return receiving.readBytes(request);
    case "eventXml":
    case "atomXml":
    case "json":
    case "xml":
      return receiving.readText(request, context);
    default:
      throw invalidBody();
  }
}

/**
 * Decodes a body; a large one in turns with other requests.
 *
 * @param body As `readBody` reads it.
 */
function decodeBody(
  body: string | Uint8Array,
  { requestType, limits }: RequestContext,
  eventHeaders: EventHeaders,
): ProposedEvent[] | Promise<ProposedEvent[]> {
  const form = requestType?.form;
  if (form === "bytes" || form === "json" || form === "xml") {
    const isJson = form === "json";
    return single({ data: body, isJson, ...eventHeaders }, limits);
  }
  const steps = typeof body === "string"
    ? decodeEventsXmlInSteps(body, limits)
    : decodeEventsJsonInSteps(body, limits);
  return body.length < limits.decodeTurnsBytesMin
    ? runSteps(steps)
    : runInTurns(steps);
}

/** The body is the event's data as it is; it need not be what its type says. */
function single(
  { data, isJson, eventId, eventType }: EventHeaders & {
    readonly data: string | Uint8Array;
    readonly isJson: boolean;
  },
  limits: Limits,
): ProposedEvent[] {
  if (eventId === undefined || eventId === ZERO_EVENT_ID) throw emptyEventId();
  if (eventType === undefined || eventType === "") throw emptyEventType();
  const event = { eventId, eventType, isJson, data, metadata: "" };
  checkEvent(event, limits);
  return [event];
}
