/**
 * Builds answers: which headers go out with what (spec: http-api §5).
 *
 * A header costs more than half a microsecond, so each kind of answer has just
 * its own.
 *
 * @module
 */

import { etagText } from "../formats/atom/feed.ts";
import { formatInt64 } from "../model/event_number.ts";
import type { CachePolicy, PageVersion } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import { type Problem, reasonPhraseOf } from "./errors.ts";
import {
  APPLICATION_JSON,
  EVENT_STREAM,
  EXPORT_CONTENT_TYPE,
  isXml,
  type MediaType,
  TEXT_PLAIN,
} from "./negotiation.ts";
import { REQUEST_ID_HEADER } from "./request_headers.ts";

/** The original's lists, and what browsers need besides (spec: http-api §5.1). */
const CORS = {
  allowedHeaders: "Content-Type, X-Requested-With, X-Forwarded-Host, " +
    "X-Forwarded-Prefix, X-PINGOTHER, Authorization, ES-LongPoll, " +
    "ES-ExpectedVersion, ES-EventId, ES-EventType, ES-RequiresMaster, " +
    "ES-RequireMaster, ES-HardDelete, ES-ResolveLinkTos, ES-ResolveLinkTo, If-None-Match, " +
    "Last-Event-ID",
  exposedHeaders: "Location, ES-Position, ES-CurrentVersion, ETag",
} as const;

/** Value of `Cache-Control` of what must be asked for again each time. */
export const NO_STORE = "max-age=0, no-cache, must-revalidate";
const NO_STORE_PRIVATE = NO_STORE + ", private";
const IMMUTABLE_PUBLIC = "max-age=31536000, public";
const IMMUTABLE_PRIVATE = "max-age=31536000, private";

/**
 * Documents of event data are untrusted and would run in our origin: browsers
 * must neither guess their type nor run anything in them.
 */
const SANDBOX = "sandbox; default-src 'none'";

/** An answer that its status says all about. */
export function bareResponse(
  status: 204,
  statusText: string,
  allowedMethods: string,
): Response {
  return new Response(null, {
    status,
    statusText,
    headers: commonHeaders(allowedMethods, TEXT_PLAIN.contentType),
  });
}

/**
 * `304`: the client has what it would get. One answer may be sent to many, as
 * it has no body that is used up.
 */
export function notModifiedResponse(
  { cache, etag, hasLinks }: RepresentationHead,
  allowedMethods: string,
): Response {
  const headers = corsHeaders(allowedMethods);
  headers["Cache-Control"] = cacheControlOf(cache);
  headers["Vary"] = varyOf(hasLinks);
  if (etag !== undefined) headers["ETag"] = etag;
  return new Response(null, { status: 304, headers });
}

/** The answer with headers that may be changed: those of a 304 are shared. */
export function withOwnHeaders(response: Response): Response {
  return response.status === 304 ? response.clone() : response;
}

/** The answer to OPTIONS: only headers, and none for a body. */
export function optionsResponse(allowedMethods: string): Response {
  return new Response(null, { headers: corsHeaders(allowedMethods) });
}

/** Answers to appends but for their Location, by the methods they name. */
const createdTemplates = new Map<string, Response>();

/** `201`: where the first event of what was written is. */
export function createdResponse(
  location: string,
  allowedMethods: string,
): Response {
  let template = createdTemplates.get(allowedMethods);
  if (template === undefined) {
    template = new Response(null, {
      status: 201,
      headers: commonHeaders(allowedMethods, TEXT_PLAIN.contentType),
    });
    // The values come from the route table: there are few.
    createdTemplates.set(allowedMethods, template);
  }
  // A clone's headers are not checked again, which saves 2 µs of the 12 that a
  // request and its answer cost.
  const response = template.clone();
  response.headers.set("Location", location);
  return response;
}

/** Sends the client elsewhere. */
export function redirectResponse(
  redirect: {
    readonly status: 302 | 303 | 307;
    readonly location: string;
    readonly text: string;
    /** Whether the answer may be kept for a year. */
    readonly isPermanent: boolean;
  },
  allowedMethods: string,
): Response {
  const headers = commonHeaders(allowedMethods, TEXT_PLAIN.contentType);
  headers["Location"] = redirect.location;
  if (redirect.isPermanent) headers["Cache-Control"] = IMMUTABLE_PUBLIC;
  return new Response(redirect.text, { status: redirect.status, headers });
}

/** The head of a representation of a stream or an event. */
export interface RepresentationHead {
  readonly type: MediaType;
  readonly cache: CachePolicy;
  /** As `etagOf` makes it; undefined: none is sent. */
  readonly etag: string | undefined;
  /** Whether it would differ if links were followed, or not followed. */
  readonly hasLinks: boolean;
}

/** A representation of a stream or an event. */
export interface Representation extends RepresentationHead {
  readonly body: BodyInit;
}

/** Value of `ETag`; undefined without a version. */
export function etagOf(
  version: PageVersion | undefined,
  type: MediaType,
): string | undefined {
  return version && `"${etagText(version, type.etagHash)}"`;
}

/**
 * Value of `Vary`: the request headers that a representation was chosen by.
 * `Authorization` is none of them: answers that depend on it are `private`,
 * which is all that caches need (RFC 9110 §12.5.5). Where answers depend on
 * the `Origin`, `createAllowOrigin` adds it.
 */
function varyOf(hasLinks: boolean): string {
  return hasLinks ? "Accept, ES-ResolveLinkTos" : "Accept";
}

/** `200` with a representation, and how long it may be kept. */
export function representationResponse(
  representation: Representation,
  allowedMethods: string,
): Response {
  const { type, body, cache, etag, hasLinks } = representation;
  const headers = commonHeaders(allowedMethods, type.contentType);
  headers["Cache-Control"] = cacheControlOf(cache);
  headers["Vary"] = varyOf(hasLinks);
  if (etag !== undefined) headers["ETag"] = etag;
  restrictPage(headers, type);
  return new Response(body, { headers });
}

/** An answer of our own making, not to be cached or negotiated further. */
export function documentResponse(
  document: {
    readonly status: number;
    readonly type: MediaType;
    readonly body: BodyInit;
    /** Reason phrase, where it is not the usual one. */
    readonly statusText?: string;
    readonly location?: string;
    readonly cacheControl?: string | undefined;
    /** Whether other clients may get another type. */
    readonly variesByAccept?: boolean;
  },
  allowedMethods: string,
): Response {
  const { status, type, body, location, cacheControl, variesByAccept } =
    document;
  const headers = commonHeaders(allowedMethods, type.contentType);
  if (status === 401) headers["WWW-Authenticate"] = CHALLENGE;
  if (location !== undefined) headers["Location"] = location;
  if (cacheControl !== undefined) headers["Cache-Control"] = cacheControl;
  if (variesByAccept) headers["Vary"] = "Accept";
  restrictPage(headers, type);
  return new Response(body, {
    status,
    statusText: document.statusText ?? "",
    headers,
  });
}

/** A value as indented JSON. */
export function jsonResponse(
  value: unknown,
  { allowedMethods }: { readonly allowedMethods: string },
  { status = 200, type = APPLICATION_JSON, cacheControl }: {
    readonly status?: number;
    /** The media type of the answer. Default: JSON. */
    readonly type?: MediaType | undefined;
    readonly cacheControl?: string;
  } = {},
): Response {
  const body = JSON.stringify(value, null, 2);
  return documentResponse(
    { status, type, body, cacheControl },
    allowedMethods,
  );
}

/** A file that is to be kept. */
export function downloadResponse(
  file: {
    readonly body: BodyInit;
    readonly contentType: string;
    /** Undefined: nobody knows before it was sent. */
    readonly bytes?: number;
    /** Under which a browser keeps it: letters, digits, hyphens and periods. */
    readonly name: string;
  },
  allowedMethods: string,
): Response {
  const headers = commonHeaders(allowedMethods, file.contentType);
  if (file.bytes !== undefined) headers["Content-Length"] = String(file.bytes);
  headers["Content-Disposition"] = `attachment; filename="${file.name}"`;
  headers["Cache-Control"] = "no-store";
  return new Response(file.body, { headers });
}

/** An answer without a body, and thus without a type. */
export function emptyResponse(
  status: number,
  allowedMethods: string,
): Response {
  const headers = commonHeaders(allowedMethods, TEXT_PLAIN.contentType);
  delete headers["Content-Type"];
  return new Response(null, { status, headers });
}

/** Value of `WWW-Authenticate`. */
const CHALLENGE = 'Basic realm="ES"';

/** That of pages and their scripts: no browser asks for a password because of it. */
export const BEARER_CHALLENGE = 'Bearer realm="ES"';

/** A live feed: sent as it comes, by proxies too, and kept by nobody. */
export function liveResponse(
  live: {
    readonly type: MediaType;
    readonly body: ReadableStream<Uint8Array>;
  },
  allowedMethods: string,
): Response {
  const headers = commonHeaders(allowedMethods, live.type.contentType);
  headers["Cache-Control"] = "no-store";
  headers["X-Accel-Buffering"] = "no";
  return new Response(live.body ?? emptyBody(), { headers });
}

/** For HEAD: with no body at all the platform would say that its length is 0. */
function emptyBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start: (controller) => controller.close(),
  });
}

/** Says no before anything of the interface is looked at, as recorded. */
export function outerProblemResponse({ status, text }: Problem): Response {
  return new Response(text, {
    status,
    headers: {
      "X-Content-Type-Options": "nosniff",
      "Content-Type": TEXT_PLAIN.contentType,
    },
  });
}

/** Seconds after which a busy server may be asked again. */
const RETRY_AFTER_SECONDS = "1";

/** Says no, with the reason as a text. */
export function problemResponse(
  problem: Problem,
  allowedMethods: string,
  options: {
    /** Instead of the problem's text. */
    readonly body?: string;
    /** Names the request. */
    readonly requestId?: string;
    /** Number of the stream's last event, for `ES-CurrentVersion`. */
    readonly currentVersion?: number;
  } = {},
): Response {
  const { status, text, acceptEncoding } = problem;
  const headers = commonHeaders(allowedMethods, TEXT_PLAIN.contentType);
  if (acceptEncoding !== undefined) headers["Accept-Encoding"] = acceptEncoding;
  if (status === 401) headers["WWW-Authenticate"] = CHALLENGE;
  if (status === 503 || status === 429) {
    headers["Retry-After"] = RETRY_AFTER_SECONDS;
  }
  if (options.requestId !== undefined) {
    headers[REQUEST_ID_HEADER] = options.requestId;
  }
  if (options.currentVersion !== undefined) {
    headers["ES-CurrentVersion"] = String(options.currentVersion);
  }
  const statusText = reasonPhraseOf(problem);
  return new Response(options.body ?? text, { status, statusText, headers });
}

/** Whether an answer is a text for people, or empty. */
export function isInWords({ headers }: Response): boolean {
  return headers.get("Content-Type") === TEXT_PLAIN.contentType;
}

/** Says what browsers may do with a document of that type. */
function restrictPage(headers: Record<string, string>, type: MediaType): void {
  if (isXml(type)) headers["Content-Security-Policy"] = SANDBOX;
}

function commonHeaders(
  allowedMethods: string,
  contentType: string,
): Record<string, string> {
  const headers = corsHeaders(allowedMethods);
  headers["Content-Type"] = contentType;
  return headers;
}

function corsHeaders(allowedMethods: string): Record<string, string> {
  return {
    "Access-Control-Allow-Methods": allowedMethods,
    "Access-Control-Allow-Headers": CORS.allowedHeaders,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": CORS.exposedHeaders,
    "X-Content-Type-Options": "nosniff",
  };
}

/** Value of `Cache-Control` (spec: http-api §5.4). */
function cacheControlOf(cache: CachePolicy): string {
  if (cache.kind === "immutable") {
    return cache.isPublic ? IMMUTABLE_PUBLIC : IMMUTABLE_PRIVATE;
  }
  if (cache.maxAgeSeconds === undefined) {
    return cache.isMixed === true ? NO_STORE_PRIVATE : NO_STORE;
  }
  return `max-age=${formatInt64(cache.maxAgeSeconds)}, ${
    cache.isPublic ? "public" : "private"
  }`;
}

/** Of answers whose length nobody knows before they were made. */
const UNMEASURED: readonly (string | null)[] = [
  EVENT_STREAM.contentType,
  EXPORT_CONTENT_TYPE,
];

/**
 * The answer to GET without its body, but with the body's length, unless the
 * body has no end or is too long to be made for nothing.
 */
export async function withoutBody(
  answered: Response | Promise<Response>,
): Promise<Response> {
  const response = await answered;
  const headers = new Headers(response.headers);
  const length = await lengthOf(response);
  if (length !== undefined) headers.set("Content-Length", String(length));
  const body = length === undefined ? bodyOfNoLength() : null;
  return new Response(body, { status: response.status, headers });
}

/** Nothing, of which the platform doesn't know before that its length is 0. */
function bodyOfNoLength(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull: (controller) => controller.close(),
  }, { highWaterMark: 0 });
}

async function lengthOf(
  { body, headers }: Response,
): Promise<number | undefined> {
  if (body === null) return 0;
  if (UNMEASURED.includes(headers.get("Content-Type"))) {
    await body.cancel();
    return undefined;
  }
  const known = headers.get("Content-Length");
  if (known !== null) {
    await body.cancel();
    return Number(known);
  }
  let length = 0;
  // Leaving the loop early cancels the body.
  for await (const piece of body) {
    length += piece.length;
    if (length > LIMITS.requestBytesMax) return undefined;
  }
  return length;
}
