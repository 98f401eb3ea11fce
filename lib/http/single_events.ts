/**
 * Single events and versions of metadata over HTTP (spec: streams §6, §9.2).
 *
 * @module
 */

import { type EventForm, renderEvent } from "../formats/atom/event_body.ts";
import type { EventOutcome } from "../streams/outcomes.ts";
import { baseUrlOf, type RequestContext, streamNameOf } from "./context.ts";
import { readProblemOf } from "./errors.ts";
import { answerEventPage, answerMetadataPage } from "./event_pages.ts";
import { wantsPage } from "./pages.ts";
import { ATOM_XML, isJson, type MediaType } from "./negotiation.ts";
import { checkRequireMaster, readResolveLinks } from "./request_headers.ts";
import {
  etagOf,
  problemResponse,
  type RepresentationHead,
  representationResponse,
} from "./respond.ts";

/** Body of answers without an event, in JSON types. */
const NO_EVENT_JSON = "{}";

/**
 * Whether a read of an event follows links.
 *
 * @throws {Refusal} If a header asks for what cannot be.
 */
export function resolvesLinks(
  { request, responseKey }: RequestContext,
): boolean {
  const known = responseKey?.asked;
  // Of a request that has a key, all of this was read before.
  if (known !== undefined) return known.resolvesLinks;
  const resolveLinks = readResolveLinks(request.headers);
  checkRequireMaster(request.headers);
  return resolveLinks;
}

/** Answers with an event, and keeps the answer. */
export function answerEvent(
  outcome: EventOutcome,
  context: RequestContext,
): Response | Promise<Response> {
  if (outcome.kind !== "event") {
    return answerMetadata(outcome, context);
  }
  if (wantsPage(context)) return answerEventPage(outcome.event, context);
  const { validator } = outcome;
  return context.services.responseCache.event(
    { context, streamName: streamNameOf(context), validator },
    headOf(outcome, typeOf(context)),
    bodyOf(outcome, context),
  );
}

/** Answers with a version of metadata, or that there is none. */
export function answerMetadata(
  outcome: EventOutcome,
  context: RequestContext,
): Response | Promise<Response> {
  const { allowedMethods } = context;
  const type = typeOf(context);
  switch (outcome.kind) {
    case "event":
      if (wantsPage(context)) {
        return answerMetadataPage(outcome.event, context);
      }
      return representationResponse({
        ...headOf(outcome, type),
        body: bodyOf(outcome, context),
      }, allowedMethods);
    case "noMetadata":
      if (wantsPage(context)) return answerMetadataPage(undefined, context);
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
): BodyInit {
  const { sending } = context.services;
  const { query } = context;
  const baseUrl = baseUrlOf(context);
  const { form } = typeOf(context);
  const { embed } = query;
  const body = renderEvent(event, eventFormOf(form), { embed, baseUrl });
  // A view of the store's own memory: it must not change while it is sent.
  return sending.bodyOf(typeof body === "string" ? body : new Uint8Array(body));
}

function eventFormOf(form: MediaType["form"]): EventForm {
  switch (form) {
    case "html":
    case "text":
    case "form":
    case "eventStream":
    case "streamDescription":
      throw new Error(`Invariant broken: no event is served as ${form}`);
    default:
      return form;
  }
}

/** The answer for metadata that was never written. */
function renderNoMetadata(type: MediaType): string {
  return isJson(type) ? NO_EVENT_JSON : "";
}

function typeOf({ responseType }: RequestContext): MediaType {
  return responseType ?? ATOM_XML;
}
