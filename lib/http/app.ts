/**
 * The interface as a function: a request in, an answer out, no socket needed.
 *
 * Each request passes the same steps, in the order in which the original
 * answers when several things are wrong (spec: http-api §1): who asks (401),
 * what (404), how (405), with what type of body (415), for what type of answer
 * (406), and only then the handler (400 and all else).
 *
 * @module
 */

import type { Authentication, LoginRequest } from "../auth/contract.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { Caller, StreamService } from "../streams/outcomes.ts";
import { createBaseUrlOf, type Scheme } from "./base_url.ts";
import type { Handler, HandlerServices, NodeInfo } from "./context.ts";
import { createDeadlines } from "./deadlines.ts";
import { HANDLERS } from "./handlers/table.ts";
import { loginRequestOf } from "./login_request.ts";
import { negotiateRequest, negotiateResponse } from "./negotiation.ts";
import {
  errorProblemOf,
  PIPELINE_REFUSALS,
  PROBLEMS,
  refusalProblemOf,
} from "./problem.ts";
import { parseQuery } from "./query.ts";
import { malformed, Refusal } from "./refusal.ts";
import { optionsResponse, problemResponse } from "./responses.ts";
import { createRouter, parseTarget } from "./router.ts";
import { type Route, ROUTES } from "./routes.ts";

/** Judges the `Authorization` header and what else a login depends on. */
export type Authenticate = (
  authorization: string | null,
  request: LoginRequest,
) => Authentication | Promise<Authentication>;

/** What the interface is made of. */
export interface AppOptions {
  readonly streams: StreamService;
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  readonly node: NodeInfo;
  /** Scheme that the server is reached by. Default: `http`. */
  readonly scheme?: Scheme;
  /** Whether the X-Forwarded-* headers of a client count. Default: always. */
  readonly trustsForwarded?: (info: Deno.ServeHandlerInfo) => boolean;
  /** Time to send a whole body, in milliseconds. */
  readonly bodyReadMs?: number;
}

/** Answers requests; never throws and never rejects. */
export interface App {
  (
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response>;
  /** Answers every held request now, and holds none any more. */
  endLongPolls(): void;
  /** Stops what runs in the background. */
  close(): void;
}

/** Puts the interface together. */
export function createApp(options: AppOptions): App {
  const { authenticate, logger, newId, streams } = options;
  const router = createRouter(ROUTES);
  const services: HandlerServices = {
    streams,
    baseUrlOf: createBaseUrlOf({
      scheme: options.scheme ?? "http",
      trustsForwarded: options.trustsForwarded ?? (() => true),
    }),
    deadlines: createDeadlines(options.bodyReadMs ?? LIMITS.bodyReadMs),
    newId,
    node: options.node,
  };

  function answer(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    const authentication = authenticate(
      request.headers.get("Authorization"),
      loginRequestOf(request, info),
    );
    return authentication instanceof Promise
      ? authentication.then((who) => answerTo(who, request, info))
      : answerTo(authentication, request, info);
  }

  function answerTo(
    who: Authentication,
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    if (who === "rejected") throw PIPELINE_REFUSALS.unauthenticated;
    const target = parseTarget(request.url);
    const destination = router.find(target.path);
    if (destination === "malformed") {
      throw malformed("Malformed percent-encoding in the path");
    }
    if (destination === undefined) throw PIPELINE_REFUSALS.notFound;
    const { resource, segments } = destination;
    const { allowedMethods } = resource;
    const { method } = request;
    if (method === "OPTIONS") return optionsResponse(allowedMethods);
    const route = resource.routes.get(method === "HEAD" ? "GET" : method);
    if (route === undefined) {
      return problemResponse(
        refusalProblemOf(PIPELINE_REFUSALS.methodNotAllowed),
        allowedMethods,
      );
    }
    const query = parseQuery(target.query);
    const types = negotiate(route, request.headers, query.format);
    const context = {
      request,
      info,
      caller: who satisfies Caller,
      target,
      segments,
      query,
      ...types,
      allowedMethods,
    };
    const handler: Handler = HANDLERS[route.handler];
    return settle(
      () => handler(context, services),
      (error) => answerError(error, request, route, allowedMethods),
    );
  }

  function answerError(
    error: unknown,
    request: Request,
    route: Route | undefined,
    allowedMethods: string,
  ): Response {
    if (error instanceof Refusal) {
      return problemResponse(refusalProblemOf(error), allowedMethods);
    }
    const problem = error instanceof QuipuError
      ? errorProblemOf(error)
      : PROBLEMS.internal;
    if (problem.status !== 500) return problemResponse(problem, allowedMethods);
    const errorId = newId();
    logger.error("request.failed", {
      errorId,
      method: request.method,
      operation: route?.operation,
      error: error instanceof Error ? error.stack ?? error.message : "unknown",
    });
    return problemResponse(problem, allowedMethods, {
      body: `${problem.text} (error ${errorId})`,
    });
  }

  function app(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    const response = settle(
      () => answer(request, info),
      (error) => answerError(error, request, undefined, ""),
    );
    return request.method === "HEAD" ? withoutBody(response) : response;
  }
  return Object.assign(app, {
    endLongPolls: () => streams.endLongPolls(),
    close: () => services.deadlines.close(),
  });
}

function negotiate(
  route: Route,
  headers: Headers,
  format: string | undefined,
) {
  const { request, response, withoutAccept } = route;
  const requestType = request === undefined
    ? undefined
    : negotiateRequest(request, headers.get("Content-Type"));
  if (request !== undefined && requestType === undefined) {
    throw PIPELINE_REFUSALS.unsupportedType;
  }
  if (response === "any") return { requestType, responseType: undefined };
  const responseType = negotiateResponse(response, {
    accept: headers.get("Accept"),
    format,
    withoutAccept,
  });
  if (responseType === undefined) throw PIPELINE_REFUSALS.notAcceptable;
  return { requestType, responseType };
}

/** Calls a function whose errors, now or later, become answers. */
function settle(
  respond: () => Response | Promise<Response>,
  onError: (error: unknown) => Response,
): Response | Promise<Response> {
  try {
    const response = respond();
    return response instanceof Promise ? response.catch(onError) : response;
  } catch (error) {
    return onError(error);
  }
}

/**
 * The answer to GET without its body, but with the body's length, unless the
 * body is too long to be made for nothing.
 */
async function withoutBody(
  answered: Response | Promise<Response>,
): Promise<Response> {
  const response = await answered;
  const headers = new Headers(response.headers);
  const length = await lengthOf(response.body);
  if (length !== undefined) headers.set("Content-Length", String(length));
  return new Response(null, { status: response.status, headers });
}

async function lengthOf(
  body: ReadableStream<Uint8Array> | null,
): Promise<number | undefined> {
  if (body === null) return 0;
  let length = 0;
  // Leaving the loop early cancels the body.
  for await (const piece of body) {
    length += piece.length;
    if (length > LIMITS.requestBytesMax) return undefined;
  }
  return length;
}
