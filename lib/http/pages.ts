/**
 * Pages as answers, and the forms on them as requests.
 *
 * @module
 */

import { findAsset } from "../web/assets.ts";
import {
  type Frame,
  type Page,
  PAGE_SECURITY_POLICY,
  renderPage,
} from "../web/frame.tsx";
import { problemPage } from "../web/problem_page.tsx";
import { LIMITS } from "../model/limits.ts";
import type { Caller } from "../streams/outcomes.ts";
import { baseUrlOf, type RequestContext } from "./context.ts";
import { PIPELINE_REFUSALS, type Problem } from "./errors.ts";
import {
  type MediaTypeSet,
  negotiateResponse,
  TEXT_HTML,
  TEXT_PLAIN,
} from "./negotiation.ts";
import { isKnownToClient } from "./request_headers.ts";
import { BEARER_CHALLENGE, documentResponse, NO_STORE } from "./respond.ts";
import { escapeForUri, parseTarget } from "./router.ts";
import { type FormMarks, setSession } from "./sessions.ts";

/** The part of a request's context that frames a page. */
export interface PageRequest {
  readonly request: Request;
  readonly caller: Caller;
  /** The start of links. */
  readonly baseUrl: string;
  readonly marks: FormMarks;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
}

/** How an answer with a page differs from the usual one. */
interface PageOptions {
  /** Default: 200. */
  readonly status?: number;
  /** Begins a session, or ends it with `undefined`. */
  readonly session?: { readonly token: string | undefined };
}

/** Whether the client asked for a page. */
export function wantsPage({ responseType }: RequestContext): boolean {
  return responseType?.form === "html";
}

/** The start of paths in pages: empty, or `/prefix`. */
export function prefixOf(context: RequestContext): string {
  return pathOf(baseUrlOf(context));
}

/** The mark for the forms of a page. */
export function markOf({ services, request }: RequestContext): string {
  return services.marks.markOf(request);
}

/** Answers with a page. */
export function pageResponse(
  page: Page,
  context: RequestContext,
  options: PageOptions = {},
): Response {
  return framedResponse(page, pageRequestOf(context), options);
}

/**
 * Leads on after a form was sent: 303.
 *
 * @param path Behind the prefix, with its query.
 */
export function seeOther(
  path: string,
  context: RequestContext,
  { session }: Pick<PageOptions, "session"> = {},
): Response {
  const headers = new Headers({
    "Location": prefixOf(context) + escapeForUri(path),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  const { request } = context;
  if (session !== undefined) {
    setSession(headers, session.token, {
      request,
      baseUrl: baseUrlOf(context),
    });
  }
  return new Response(null, { status: 303, headers });
}

/** Where to come back to: a path of this server, or its start. */
export function safePath(path: string | undefined): string {
  // Two slashes, or a backslash, would lead to another host.
  return path !== undefined && /^\/(?![/\\])[^\\\s]*$/.test(path)
    ? path
    : "/web/index.html";
}

/**
 * Reads a form and checks that it comes from a page of this server.
 *
 * @throws {Refusal} If it does not, or is too large.
 */
export async function readForm(
  context: RequestContext,
  bytesMax: number = LIMITS.userBodyBytesMax,
): Promise<FormFields> {
  const { request, services } = context;
  const text = await services.receiving.readText(request, { bytesMax });
  const fields = new FormFields(text);
  if (!services.marks.isOf(request, fields.text("csrf"))) {
    throw PIPELINE_REFUSALS.foreignForm;
  }
  return fields;
}

/** The fields of a form. */
export class FormFields {
  readonly #fields: URLSearchParams;

  constructor(body: string) {
    this.#fields = new URLSearchParams(body);
  }

  /** The value of a field; empty without it. */
  text(name: string): string {
    return this.#fields.get(name) ?? "";
  }

  /** The value, without blanks around it; undefined where nothing is in it. */
  optional(name: string): string | undefined {
    return this.text(name).trim() || undefined;
  }

  /** Whether a box is ticked. */
  isTicked(name: string): boolean {
    return this.#fields.has(name);
  }

  /** All values of a name. */
  all(name: string): readonly string[] {
    return this.#fields.getAll(name);
  }
}

const OFFERED: MediaTypeSet = [TEXT_PLAIN, TEXT_HTML];

/** Whether a refusal should be a page: browsers ask for one, programs do not. */
export function prefersPage({ method, headers }: Request): boolean {
  const accept = headers.get("Accept");
  if (accept === null || !accept.includes("html")) return false;
  const isForm = method === "POST" &&
    headers.get("Content-Type")?.startsWith(FORM_TYPE) === true;
  if (method !== "GET" && method !== "HEAD" && !isForm) return false;
  const wish = { accept, format: undefined, withoutAccept: undefined };
  return negotiateResponse(OFFERED, wish) === TEXT_HTML;
}

const FORM_TYPE = "application/x-www-form-urlencoded";

/** Seconds after which a page that is not there yet asks again by itself. */
const REFRESH_SECONDS = "3";

/** Answers with a refusal as a page that says how to go on. */
export function problemPageResponse(
  { status, text }: Problem,
  asked: PageRequest,
  /** Of the answer in words. */
  refused: Headers,
): Response {
  const frame = frameOf(asked);
  const response = framedResponse(
    problemPage({ status, text }, frame),
    asked,
    { status },
  );
  const { headers } = response;
  for (const name of KEPT_HEADERS) {
    const value = refused.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (status === 503 && asked.request.method === "GET") {
    headers.set("Refresh", REFRESH_SECONDS);
  }
  return response;
}

/** Answers with a style sheet, script or image; undefined: there is none. */
export function assetResponse(
  hashedName: string,
  { headers: asked }: Request,
): Response | undefined {
  const asset = findAsset(hashedName);
  if (asset === undefined) return undefined;
  const { contentType, text, etag } = asset;
  const headers = {
    "Content-Type": contentType,
    "Cache-Control": "max-age=31536000, public, immutable",
    "ETag": etag,
    "X-Content-Type-Options": "nosniff",
    // As a document of its own it is nothing but text.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
  };
  return isKnownToClient(asked, etag)
    ? new Response(null, { status: 304, headers })
    : new Response(text, { headers });
}

const KEPT_HEADERS = ["Retry-After", "X-Request-Id"];

function pageRequestOf(context: RequestContext): PageRequest {
  const { request, caller, allowedMethods, services: { marks } } = context;
  const baseUrl = baseUrlOf(context);
  return { request, caller, baseUrl, marks, allowedMethods };
}

function frameOf({ request, caller, baseUrl, marks }: PageRequest): Frame {
  const prefix = pathOf(baseUrl);
  const isForm = request.method === "POST";
  const { path, query } = parseTarget(request.url);
  return {
    prefix,
    login: caller?.login,
    isSession: caller?.isSession === true,
    csrf: marks.markOf(request),
    isForm,
    path: isForm
      ? pathBefore(request, prefix)
      : query === ""
      ? path
      : `${path}?${query}`,
  };
}

/** Path of the page that a form stood on: what it is sent to may be no page. */
function pathBefore({ headers }: Request, prefix: string): string {
  const { pathname, search } = URL.parse(headers.get("Referer") ?? "") ??
    { pathname: "", search: "" };
  const isOurs = pathname.startsWith(prefix + "/");
  return safePath(
    isOurs ? pathname.slice(prefix.length) + search : undefined,
  );
}

function framedResponse(
  page: Page,
  asked: PageRequest,
  { status = 200, session }: PageOptions,
): Response {
  const { request, baseUrl } = asked;
  const response = documentResponse({
    status,
    type: TEXT_HTML,
    body: renderPage(page, frameOf(asked)),
    // It names who is logged in.
    cacheControl: `${NO_STORE}, private`,
    variesByAccept: status < 400,
  }, asked.allowedMethods);
  const { headers } = response;
  headers.set("Content-Security-Policy", PAGE_SECURITY_POLICY);
  headers.set("Referrer-Policy", "same-origin");
  // Browsers ask for a password by themselves when the challenge is Basic; the
  // pages have a form for it.
  if (status === 401) headers.set("WWW-Authenticate", BEARER_CHALLENGE);
  if (session !== undefined) {
    setSession(headers, session.token, { request, baseUrl });
  }
  return response;
}

function pathOf(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/$/, "");
}
