/**
 * Feed pages of streams, of metadata streams and of the whole log
 * (spec: streams §5, §8).
 *
 * @module
 */

import type {
  AllRange,
  EmbedLevel,
  PageRange,
  StreamPage,
} from "../../model/feed.ts";
import { isMetastream, metastreamOf } from "../../model/stream_names.ts";
import {
  type HandlerServices,
  type RequestContext,
  segmentAt,
  streamNameOf,
} from "../context.ts";
import { readFeedView } from "../feed_query.ts";
import { readFrom } from "../live_start.ts";
import {
  ATOM_JSON,
  EVENT_STREAM,
  isXml,
  type MediaType,
} from "../media_types.ts";
import {
  checkPageSize,
  DEFAULT_PAGE_COUNT,
  readAllBackwardRange,
  readAllForwardRange,
  readBackwardRange,
  readForwardRange,
} from "../page_arguments.ts";
import { malformed, PROBLEMS, readProblemOf } from "../errors.ts";
import { renderAllPage, renderStreamPage } from "../rendering.ts";
import {
  checkRequireMaster,
  readLongPollMs,
  readResolveLinks,
} from "../request_headers.ts";
import {
  etagOf,
  problemResponse,
  type RepresentationHead,
} from "../respond.ts";
import { describeStream } from "./describe_stream.ts";
import { redirectToPage } from "./feed_from.ts";
import { type LiveTarget, openLiveFeed } from "./live_feed.ts";

const ALL_STREAM = "$all";
const HEAD_PAGE: PageRange = { kind: "head", count: DEFAULT_PAGE_COUNT };
const HEAD_OF_ALL: AllRange = { kind: "head", count: DEFAULT_PAGE_COUNT };

/** `GET /streams/{stream}` */
export function readHeadPage(
  context: RequestContext,
  services: HandlerServices,
): Response | Promise<Response> {
  if (context.responseType?.form === "streamDescription") {
    return describeStream(context, services, 200);
  }
  return readPage(streamNameOf(context), HEAD_PAGE, context, services);
}

/** `GET /streams/{stream}/{event}/{count}` and `…/{event}/backward/{count}` */
export function readBackwardPage(
  context: RequestContext,
  services: HandlerServices,
): Response | Promise<Response> {
  if (context.responseType?.form === "streamDescription") {
    return describeStream(context, services, 200);
  }
  const event = segmentAt(context, 2);
  // A URI to post to is no page: whoever asks for it without saying what for
  // is told what there is instead.
  if (event === "incoming" && acceptsAnything(context)) {
    return describeStream(context, services, 406);
  }
  const range = readBackwardRange(event, lastSegmentOf(context));
  return readPage(streamNameOf(context), range, context, services);
}

/** `GET /streams/{stream}/{event}/forward/{count}` */
export function readForwardPage(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const range = readForwardRange(
    segmentAt(context, 2),
    lastSegmentOf(context),
  );
  return readPage(streamNameOf(context), range, context, services);
}

/** `GET /streams/{stream}/metadata/{event}[/backward]/{count}` */
export function readMetadataBackwardPage(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const streamName = describedStreamOf(context);
  const range = readBackwardRange(
    segmentAt(context, 3),
    lastSegmentOf(context),
  );
  return readPage(metastreamOf(streamName), range, context, services);
}

/** `GET /streams/{stream}/metadata/{event}/forward/{count}` */
export function readMetadataForwardPage(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const streamName = describedStreamOf(context);
  const range = readForwardRange(
    segmentAt(context, 3),
    lastSegmentOf(context),
  );
  return readPage(metastreamOf(streamName), range, context, services);
}

/** `GET /streams/$all` */
export function readAllHeadPage(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  return readAll(HEAD_OF_ALL, context, services);
}

/** `GET /streams/$all/{position}[/backward]/{count}` */
export function readAllBackwardPage(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const range = readAllBackwardRange(
    segmentAt(context, 2),
    lastSegmentOf(context),
  );
  return readAll(range, context, services);
}

/** `GET /streams/$all/{position}/forward/{count}` */
export function readAllForwardPage(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const range = readAllForwardRange(
    segmentAt(context, 2),
    lastSegmentOf(context),
  );
  return readAll(range, context, services);
}

/**
 * Name of the stream that `/streams/{stream}/metadata…` describes.
 *
 * @throws {Refusal} If it is a metastream itself.
 */
export function describedStreamOf(context: RequestContext): string {
  const streamName = streamNameOf(context);
  if (isMetastream(streamName)) {
    throw malformed(
      "Stream must be non-empty string and should not be metastream",
    );
  }
  return streamName;
}

async function readPage(
  streamName: string,
  range: PageRange,
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { allowedMethods, caller, request } = context;
  const { knownAnswers } = services;
  const { headers } = request;
  checkPageSize(range, context.limits);
  const type = context.responseType ?? ATOM_JSON;
  const target = { streamName, isAll: false };
  if (type === EVENT_STREAM) {
    const page = range === HEAD_PAGE ? undefined : range;
    return await openLiveFeed({ ...target, range: page }, context, services);
  }
  const redirection = redirectFrom({ ...target, range }, context, services);
  if (redirection !== undefined) return await redirection;
  const { filter, asOfUs, linkQuery } = readFeedView(context.query);
  const embed = embedLevelOf(type, context.query.embed);
  const resolveLinks = readResolveLinks(headers);
  checkRequireMaster(headers);
  const longPollMs = range.kind === "forward" ? readLongPollMs(headers) : 0;
  const read = () =>
    services.streams.readFeed(caller, {
      streamName,
      range,
      resolveLinks,
      withBodies: needsBodies(embed),
      longPollMs,
      signal: () => request.signal,
      filter,
      asOfUs,
    });
  const outcome = await heldIf(longPollMs > 0, read, context, services);
  switch (outcome.kind) {
    case "page": {
      const { page, basis } = outcome;
      const head = headOf(page, type);
      return knownAnswers.page(
        { context, streamName, basis },
        head,
        () =>
          services.sending.bodyOf(renderStreamPage(page, {
            type,
            embed,
            baseUrl: services.baseUrlOf(request, context.info),
            linkQuery,
          })),
      );
    }
    default:
      return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
}

/** Leads to where `from` says, unless that is the head itself. */
function redirectFrom(
  { streamName, range, isAll }: LiveTarget,
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> | undefined {
  const { from } = context.query;
  if (from === undefined || range?.kind !== "head") return undefined;
  const start = readFrom(from, isAll);
  if (start.kind !== "at" && start.kind !== "time") return undefined;
  const { count } = range;
  const target = { streamName, count, isAll, start };
  return redirectToPage(target, context, services);
}

async function readAll(
  range: AllRange,
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { allowedMethods, caller, request } = context;
  const { headers } = request;
  checkPageSize(range, context.limits);
  const type = context.responseType ?? ATOM_JSON;
  const target = { streamName: ALL_STREAM, isAll: true };
  if (type === EVENT_STREAM) {
    const page = range === HEAD_OF_ALL ? undefined : range;
    return await openLiveFeed({ ...target, range: page }, context, services);
  }
  const redirection = redirectFrom({ ...target, range }, context, services);
  if (redirection !== undefined) return await redirection;
  const { filter, asOfUs, linkQuery } = readFeedView(context.query);
  const embed = embedLevelOf(type, context.query.embed);
  checkRequireMaster(headers);
  const longPollMs = range.kind === "forward" ? readLongPollMs(headers) : 0;
  const read = () =>
    services.streams.readAll(caller, {
      range,
      withBodies: needsBodies(embed),
      longPollMs,
      signal: () => request.signal,
      filter,
      asOfUs,
    });
  const outcome = await heldIf(longPollMs > 0, read, context, services);
  switch (outcome.kind) {
    case "page": {
      const { page } = outcome;
      // Links are followed whatever the client says.
      const head = headOf({ ...page, hasLinks: false }, type);
      return services.knownAnswers.page(
        { context, streamName: ALL_STREAM, basis: undefined },
        head,
        () =>
          services.sending.bodyOf(renderAllPage(page, {
            type,
            embed,
            baseUrl: services.baseUrlOf(request, context.info),
            linkQuery,
          })),
      );
    }
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
}

/** What the headers say of a page. */
function headOf(
  { version, cache, hasLinks }: Pick<
    StreamPage,
    "version" | "cache" | "hasLinks"
  >,
  type: MediaType,
): RepresentationHead {
  return { type, cache, etag: etagOf(version, type), hasLinks };
}

/** Counts a read among those that are held, if it may be. */
function heldIf<T>(
  mayBeHeld: boolean,
  read: () => Promise<T>,
  context: RequestContext,
  { quota }: HandlerServices,
): Promise<T> {
  return mayBeHeld ? quota.hold(context, read) : read();
}

/** XML feeds know one level; pages show all there is. */
function embedLevelOf(type: MediaType, asked: EmbedLevel): EmbedLevel {
  if (type.form === "html") return "pretty";
  return isXml(type) && asked !== "content" ? "none" : asked;
}

function needsBodies(embed: EmbedLevel): boolean {
  return embed !== "none" && embed !== "rich";
}

function lastSegmentOf(context: RequestContext): string {
  return context.segments.at(-1) ?? "";
}

function acceptsAnything(context: RequestContext): boolean {
  const accept = context.request.headers.get("Accept");
  return context.query.format === undefined &&
    (accept === null || accept === "*/*");
}
