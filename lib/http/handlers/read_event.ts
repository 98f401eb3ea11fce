/**
 * Single events and stream metadata (spec: streams §6, §9.2).
 *
 * @module
 */

import type { EventOutcome } from "../../streams/outcomes.ts";
import {
  type HandlerServices,
  type RequestContext,
  segmentAt,
  streamNameOf,
} from "../context.ts";
import { ATOM_XML, isJson } from "../media_types.ts";
import { readEventNumber } from "../page_arguments.ts";
import { readProblemOf } from "../problem.ts";
import { renderEvent, renderNoMetadata } from "../rendering.ts";
import { checkRequireMaster, readResolveLinks } from "../request_headers.ts";
import {
  problemResponse,
  type Representation,
  representationResponse,
} from "../responses.ts";
import { describedStreamOf } from "./read_feed.ts";

/** Body of answers without an event, in JSON types. */
const NO_EVENT_JSON = "{}";

/** `GET /streams/{stream}/{event}` */
export function readEvent(
  context: RequestContext,
  services: HandlerServices,
): Response | Promise<Response> {
  const eventNumber = readEventNumber(segmentAt(context, 2));
  const streamName = streamNameOf(context);
  const resolveLinks = resolvesLinks(context);
  const outcome = services.streams.readEvent(context.caller, {
    streamName,
    eventNumber,
    resolveLinks,
  });
  return outcome instanceof Promise
    ? outcome.then((later) => answerEvent(later, context, services))
    : answerEvent(outcome, context, services);
}

/** Whether links are followed; refuses what headers ask that cannot be. */
function resolvesLinks({ request, answerKey }: RequestContext): boolean {
  const known = answerKey?.asked;
  // Of a request that has a key, all of this was read before.
  if (known !== undefined) return known.resolvesLinks;
  const resolveLinks = readResolveLinks(request.headers);
  checkRequireMaster(request.headers);
  return resolveLinks;
}

function answerEvent(
  outcome: EventOutcome,
  context: RequestContext,
  services: HandlerServices,
): Response {
  if (outcome.kind !== "event") return answer(outcome, context, services);
  return services.knownAnswers.event(
    { context, streamName: streamNameOf(context), basis: outcome.basis },
    represent(outcome, context, services),
  );
}

/** `GET /streams/{stream}/metadata` and `…/metadata/{event}` */
export async function readMetadata(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const streamName = describedStreamOf(context);
  const eventNumber = context.segments.length > METADATA_URI_SEGMENTS
    ? readEventNumber(segmentAt(context, METADATA_URI_SEGMENTS))
    : "head";
  const resolveLinks = resolvesLinks(context);
  const outcome = await services.streams.readMetadata(context.caller, {
    streamName,
    eventNumber,
    resolveLinks,
  });
  return answer(outcome, context, services);
}

/** Of `/streams/{stream}/metadata`. */
const METADATA_URI_SEGMENTS = 3;

function answer(
  outcome: EventOutcome,
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { allowedMethods } = context;
  const type = context.responseType ?? ATOM_XML;
  switch (outcome.kind) {
    case "event":
      return representationResponse(
        represent(outcome, context, services),
        allowedMethods,
      );
    case "noMetadata":
      return representationResponse({
        type,
        body: renderNoMetadata(type),
        cache: outcome.cache,
        etagNumber: undefined,
      }, allowedMethods);
    default:
      return problemResponse(
        readProblemOf(outcome.kind),
        allowedMethods,
        isJson(type) ? { body: NO_EVENT_JSON } : {},
      );
  }
}

function represent(
  { event, cache, etagNumber }: Extract<EventOutcome, { kind: "event" }>,
  { query, request, info, responseType, answerKey }: RequestContext,
  { sending, baseUrlOf }: HandlerServices,
): Representation {
  const type = responseType ?? ATOM_XML;
  const body = renderEvent(event, {
    type,
    embed: query.embed,
    baseUrl: answerKey?.asked?.baseUrl ?? baseUrlOf(request, info),
  });
  return { type, body: sending.bodyOf(body), cache, etagNumber };
}
