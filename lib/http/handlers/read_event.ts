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
import { ATOM_XML, isJson, type MediaType } from "../media_types.ts";
import { readEventNumber } from "../page_arguments.ts";
import { readProblemOf } from "../errors.ts";
import { renderEvent, renderNoMetadata } from "../rendering.ts";
import { checkRequireMaster, readResolveLinks } from "../request_headers.ts";
import {
  etagOf,
  problemResponse,
  type RepresentationHead,
  representationResponse,
} from "../respond.ts";
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
  const { basis } = outcome;
  return services.knownAnswers.event(
    { context, streamName: streamNameOf(context), basis },
    headOf(outcome, typeOf(context)),
    bodyOf(outcome, context, services),
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
  const type = typeOf(context);
  switch (outcome.kind) {
    case "event":
      return representationResponse({
        ...headOf(outcome, type),
        body: bodyOf(outcome, context, services),
      }, allowedMethods);
    case "noMetadata":
      return representationResponse({
        type,
        body: renderNoMetadata(type),
        cache: outcome.cache,
        etag: undefined,
        hasLinks: false,
      }, allowedMethods);
    default:
      return problemResponse(
        readProblemOf(outcome.kind),
        allowedMethods,
        isJson(type) ? { body: NO_EVENT_JSON } : {},
      );
  }
}

type EventFound = Extract<EventOutcome, { kind: "event" }>;

function headOf(
  { cache, version, isLink }: EventFound,
  type: MediaType,
): RepresentationHead {
  return { type, cache, etag: etagOf(version, type), hasLinks: isLink };
}

function bodyOf(
  { event }: EventFound,
  context: RequestContext,
  { sending, baseUrlOf }: HandlerServices,
): BodyInit {
  const { query, request, info, answerKey } = context;
  return sending.bodyOf(renderEvent(event, {
    type: typeOf(context),
    embed: query.embed,
    baseUrl: answerKey?.asked?.baseUrl ?? baseUrlOf(request, info),
  }));
}

function typeOf({ responseType }: RequestContext): MediaType {
  return responseType ?? ATOM_XML;
}
