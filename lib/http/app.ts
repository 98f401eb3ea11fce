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

import type { MaintenanceService } from "../maintenance/maintenance_service.ts";
import type { Clock } from "../model/clock.ts";
import { QuipuError, RunsElsewhere } from "../model/errors.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { StoreLimits } from "../store/event_store.ts";
import type { Caller, StreamService } from "../streams/outcomes.ts";
import type { ProjectionService } from "../projections/contract.ts";
import type { SubscriptionService } from "../subscriptions/contract.ts";
import {
  type CountedRoute,
  RequestMetrics,
} from "../telemetry/request_metrics.ts";
import { isLoopbackAddress } from "../text/addresses.ts";
import type { Authentication, LoginRequest } from "../users/contract.ts";
import type { TokenService } from "../users/tokens.ts";
import type { UserService } from "../users/users.ts";
import { Receiving } from "./body.ts";
import {
  accessTokenOf,
  clientAddressOf,
  type IsTrustedProxy,
  loginRequestOf,
  peerAddressOf,
} from "./client.ts";
import type {
  Authenticate,
  HandlerServices,
  NodeInfo,
  NodeStore,
  RequestContext,
} from "./context.ts";
import {
  errorProblemOf,
  malformed,
  PIPELINE_REFUSALS,
  PROBLEMS,
  Refusal,
  refusalProblemOf,
} from "./errors.ts";
import { Forwarder, withForwarded } from "./forwarding.ts";
import {
  type AnswersHost,
  type CorsOrigins,
  createBaseUrlOf,
  createSiteRules,
  firstOf,
  hostOf,
  type Scheme,
} from "./hosts.ts";
import {
  FORM,
  isMediaType,
  negotiateRequest,
  negotiateResponse,
} from "./negotiation.ts";
import {
  completeObservation,
  type ObservationOptions,
  RequestWatch,
  type WatchedRequest,
} from "./observation.ts";
import { createRouter, parseQuery, parseTarget } from "./router.ts";
import { Quota } from "./quota.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request_headers.ts";
import { prefersPage, problemPageResponse } from "./pages.ts";
import { FormMarks, sessionTokenOf } from "./sessions.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import {
  BEARER_CHALLENGE,
  isInWords,
  optionsResponse,
  outerProblemResponse,
  problemResponse,
  withoutBody,
} from "./respond.ts";
import { ResponseCache } from "./response_cache.ts";
import { allowsRoute, hasRole, type Route } from "./route.ts";
import { ROUTES } from "./routes/table.ts";
import { Sending } from "./pull_stream.ts";

/** The parts of the interface. */
export interface AppOptions {
  readonly store: NodeStore;
  readonly streams: StreamService;
  readonly authenticate: Authenticate;
  /** Judges an access token of a live feed. */
  readonly authenticateAccessToken?: (
    accessToken: string,
    request: LoginRequest,
  ) => Authentication;
  readonly users: UserService;
  readonly tokens: TokenService;
  readonly logger: Logger;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  readonly node: NodeInfo;
  /** Scheme that the server is reached by. Default: `http`. */
  readonly scheme?: Scheme;
  /** A fixed start of links, without a slash at its end. */
  readonly publicUrl?: string | undefined;
  /** Whose X-Forwarded-* headers count. Default: those of this machine. */
  readonly isTrustedProxy?: IsTrustedProxy;
  /** Hosts that are answered. Default: all. */
  readonly answersHost?: AnswersHost | undefined;
  /**
   * Origins whose pages may read and write. Default: all may read, as in the
   * original, and none may write.
   */
  readonly corsOrigins?: CorsOrigins | undefined;
  /** Default: `LIMITS`. */
  readonly limits?: Limits;
  readonly maintenance: MaintenanceService;
  /** Persistent subscriptions. Default: none, and their routes say so. */
  readonly subscriptions?: SubscriptionService;
  /** Projections. Default: none, and nothing is there under their addresses. */
  readonly projections?: ProjectionService | undefined;
  /** Facts about the program. Default: none. */
  readonly observation?: Partial<ObservationOptions>;
  /** Stops the server, once what is under way is answered. */
  readonly shutDown?: () => void;
}

/** Answers requests; never throws and never rejects. */
export interface App {
  (
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response>;
  /** Answers every held request now, ends every feed, and holds none any more. */
  endLongPolls(): void;
  /** Stops what runs in the background. */
  close(): void;
}

/** Puts the interface together. */
export function createApp(options: AppOptions): App {
  const { authenticate, logger, newId, streams, answersHost } = options;
  const { isTrustedProxy = isLoopbackAddress } = options;
  const limits = withinStore(options.limits ?? LIMITS, options.store.limits);
  const router = createRouter(ROUTES);
  const quota = new Quota(limits);
  const requests = new RequestMetrics(ROUTES);
  const known = { requests, instanceId: newId() };
  const observation = completeObservation(options.observation, known);
  observation.activity?.start(() => ({
    events: observation.storeMetrics.groupEvents.sum,
    requests: requests.total,
    appends: requests.durationCountsOf(isAppend),
    reads: requests.durationCountsOf(isRead),
  }));
  const watch = new RequestWatch({ observation, logger, newId });
  const { members } = options.store;
  const ownBaseUrlOf = createBaseUrlOf({
    scheme: options.scheme ?? "http",
    publicUrl: options.publicUrl,
    trustsForwarded: (info) => isTrustedProxy(peerAddressOf(info)),
  });
  const baseUrlOf = members === undefined
    ? ownBaseUrlOf
    : withForwarded(ownBaseUrlOf, isTrustedProxy);
  const forwarder = members &&
    new Forwarder({ members, baseUrlOf, isTrustedProxy });
  const responseCache = new ResponseCache({ streams, baseUrlOf, limits });
  const marks = new FormMarks();
  const services: HandlerServices = {
    streams,
    users: options.users,
    tokens: options.tokens,
    quota,
    sending: new Sending(limits),
    logger,
    responseCache,
    baseUrlOf,
    marks,
    authenticate,
    receiving: new Receiving(limits),
    newId,
    node: options.node,
    observation,
    store: options.store,
    shutDown: options.shutDown ?? (() => {}),
    maintenance: options.maintenance,
    subscriptions: options.subscriptions,
    projections: options.projections,
    forwarder,
  };
  const siteRules = createSiteRules(options.corsOrigins);
  // For sessions, which browsers send with requests of other ports' pages, too,
  // and for forms.
  const ownRules = createSiteRules(undefined);
  // Before all else: rights and kept answers depend on the store as well.
  const barrier = options.store.barrier?.bind(options.store);

  function answer(
    request: Request,
    info: Deno.ServeHandlerInfo,
    watched: WatchedRequest,
  ): Response | Promise<Response> {
    const { headers } = request;
    // Looking for one has the platform take over all of them at once, which
    // costs less than asking it for each.
    const authorization = headers.has("authorization")
      ? headers.get("authorization")
      : null;
    if (answersHost?.(request) === false) {
      return outerProblemResponse(PROBLEMS.unknownHost);
    }
    const client = loginRequestOf(request, info, isTrustedProxy);
    const accessToken = authorization === null
      ? accessTokenOf(request)
      : undefined;
    const session = authorization === null && accessToken === undefined
      ? sessionTokenOf(request)
      : undefined;
    if (session !== undefined) {
      return Promise.resolve(authenticate(`Bearer ${session}`, client)).then(
        // One that has ended is as good as none.
        (who) => who === "rejected" ? authenticate(null, client) : who,
      ).then((who) => answerTo(who, request, { client, info, watched }));
    }
    const authentication = accessToken !== undefined
      ? options.authenticateAccessToken?.(accessToken, client) ?? "rejected"
      : authenticate(authorization, client);
    return authentication instanceof Promise
      ? authentication.then((who) =>
        answerTo(who, request, { client, info, watched })
      )
      : answerTo(authentication, request, { client, info, watched });
  }

  /** Whether a request is answered though the store should be out of reach. */
  function isProbe(request: Request): boolean {
    const found = router.find(parseTarget(request.url).path);
    return typeof found === "object" &&
      found.resource.routes.get("GET")?.isProbe === true;
  }

  function answerTo(
    who: Authentication,
    request: Request,
    { client, info, watched }: {
      readonly client: LoginRequest;
      readonly info: Deno.ServeHandlerInfo;
      readonly watched: WatchedRequest;
    },
  ): Response | Promise<Response> {
    if (who === "rejected") throw PIPELINE_REFUSALS.unauthenticated;
    watched.caller = who;
    // Stored responses were judged by the rights of users, not by scopes.
    const responseKey = request.method === "GET" && who?.scopes === undefined
      ? responseCache.keyOf(request, info)
      : undefined;
    if (responseKey !== undefined) {
      const by = { caller: who, watched };
      const known = responseCache.find(responseKey, request, by);
      if (known !== undefined) return known;
    }
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
    watched.route = route;
    const query = parseQuery(target.query);
    const types = negotiate(route, request.headers, query.format);
    if (who !== undefined && !allowsRoute(who, route, types.responseType)) {
      throw who.scopes === undefined
        ? PIPELINE_REFUSALS.readOnly
        : PIPELINE_REFUSALS.outOfScope;
    }
    const judged = route.isWrite === true
      ? { method: "POST", headers: request.headers }
      : request;
    const isOfPages = who?.isSession === true || route.request === FORM;
    const rules = isOfPages ? ownRules : siteRules;
    if (rules.refuses(judged, () => ownHostsOf(request, info))) {
      throw PIPELINE_REFUSALS.crossSite;
    }
    const isPublic = route.access === "monitors" &&
      observation.areMetricsPublic;
    if (!isPublic && !hasRole(who, route.access)) {
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
    }
    const context = {
      services,
      request,
      info,
      caller: who satisfies Caller,
      client,
      limits,
      target,
      segments,
      query,
      ...types,
      allowedMethods,
      watched,
      responseKey,
      // Of what changes something, before it does: a host that is none must not
      // be found out when the answer is written.
      baseUrl: method === "GET" || method === "HEAD"
        ? undefined
        : services.baseUrlOf(request, info),
    };
    // Answers to its errors say what can be done here.
    watched.allowedMethods = allowedMethods;
    return forwarder === undefined || route.runsAt === undefined
      ? route.handler(context)
      : answerWhereItRuns(forwarder, { route, context });
  }

  /** The server answers that runs what is asked for; this one if none does. */
  async function answerWhereItRuns(
    forwarder: Forwarder,
    { route, context }: {
      readonly route: Route;
      readonly context: RequestContext;
    },
  ): Promise<Response> {
    const url = await route.runsAt?.(context);
    return url && await forwarder.send(url, context) ||
      await route.handler(context);
  }

  /** The server's names in the request, and in headers of proxies. */
  function ownHostsOf(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): readonly string[] {
    const hosts = [hostOf(request)];
    if (isTrustedProxy(peerAddressOf(info))) {
      // Its port, or that of its scheme: links keep ours if it names none.
      hosts.push(firstOf(request.headers.get("X-Forwarded-Host")));
    }
    try {
      hosts.push(new URL(services.baseUrlOf(request, info)).host);
    } catch (error) {
      // A malformed host is not a name of this server.
      if (!(error instanceof Refusal)) throw error;
    }
    return hosts;
  }

  function answerError(
    error: unknown,
    request: Request,
    { route, allowedMethods }: WatchedRequest,
  ): Response {
    if (error instanceof Refusal) {
      return problemResponse(refusalProblemOf(error), allowedMethods);
    }
    const problem = error instanceof QuipuError
      ? errorProblemOf(error)
      : PROBLEMS.internal;
    if (problem.status !== 500) return problemResponse(problem, allowedMethods);
    const requestId = requestIdOf(request.headers) ?? newId();
    logger.error("request.failed", {
      requestId,
      method: request.method,
      operation: route?.handler.name,
      error: error instanceof Error ? error.stack ?? error.message : "unknown",
    });
    return problemResponse(problem, allowedMethods, {
      body: `${problem.text} (error ${requestId})`,
      requestId,
    });
  }

  /** The answer is made: it is noted, and a refusal becomes a page for browsers. */
  function finish(
    response: Response,
    request: Request,
    about: {
      readonly info: Deno.ServeHandlerInfo;
      readonly watched: WatchedRequest;
    },
  ): Response | Promise<Response> {
    const ended = watch.end(about.watched, request, response);
    const { status } = ended;
    // Scripts of our pages show the refusal; a browser that is challenged for a
    // password would ask for one first.
    if (
      status === 401 && request.headers.get("Sec-Fetch-Site") === "same-origin"
    ) {
      ended.headers.set("WWW-Authenticate", BEARER_CHALLENGE);
    }
    // Who takes nothing but pages of what has none is told so in words.
    const isPage = status >= 400 && status !== 406 && isInWords(ended) &&
      prefersPage(request);
    return isPage ? asPage(ended, request, about) : ended;
  }

  async function asPage(
    response: Response,
    request: Request,
    { info, watched }: {
      readonly info: Deno.ServeHandlerInfo;
      readonly watched: WatchedRequest;
    },
  ): Promise<Response> {
    const { status, headers } = response;
    const text = decodeUtf8Leniently(await response.bytes());
    let baseUrl = "http://localhost";
    try {
      baseUrl = services.baseUrlOf(request, info);
    } catch (error) {
      // Without a host the page is still worth reading.
      if (!(error instanceof Refusal)) throw error;
    }
    const { caller, allowedMethods } = watched;
    const asked = { request, caller, baseUrl, marks, allowedMethods };
    return problemPageResponse({ status, text }, asked, headers);
  }

  function app(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    const watched = watch.begin();
    const about = { info, watched };
    let response: Response | Promise<Response>;
    try {
      quota.enter();
    } catch (error) {
      response = answerError(error, request, watched);
      return finish(response, request, about);
    }
    try {
      response = barrier === undefined || isProbe(request)
        ? answer(request, info, watched)
        : barrier().then(() => answer(request, info, watched));
      if (response instanceof Promise) {
        response = response.then((settled) => {
          quota.leave();
          return finish(settled, request, about);
        }, async (error) => {
          const forwarded = error instanceof RunsElsewhere
            ? await forwarder?.toOwner(error.leaseName, { request, info })
            : undefined;
          quota.leave();
          const settled = forwarded ?? answerError(error, request, watched);
          return finish(settled, request, about);
        });
      } else {
        quota.leave();
        response = finish(response, request, about);
      }
    } catch (error) {
      quota.leave();
      response = answerError(error, request, watched);
      response = finish(response, request, about);
    }
    if (request.method === "HEAD") response = withoutBody(response);
    const { narrow } = siteRules;
    if (narrow === undefined) return response;
    const origin = request.headers.get("Origin");
    return response instanceof Promise
      ? response.then((settled) => narrow(origin, settled))
      : narrow(origin, response);
  }
  return Object.assign(app, {
    endLongPolls() {
      streams.endLongPolls();
      options.subscriptions?.endWaiting();
      options.projections?.endWaiting();
      services.sending.breakOffStalled();
    },
    close() {
      observation.activity?.stop();
      services.receiving.close();
      services.sending.close();
    },
  });
}

function isAppend({ method, template }: CountedRoute): boolean {
  return method === "POST" &&
    /^\/streams\/\{stream\}(?:$|\/inc)/.test(template);
}

function isRead({ method, template }: CountedRoute): boolean {
  return method === "GET" && template.startsWith("/streams/");
}

/** No request may hold more than one append of the store. */
function withinStore(limits: Limits, store: StoreLimits): Limits {
  const { batchEventsMax, eventBytesMax } = limits;
  return {
    ...limits,
    batchEventsMax: Math.min(batchEventsMax, store.batchEventsMax),
    eventBytesMax: Math.min(eventBytesMax, store.eventBytesMax),
  };
}

function negotiate(
  route: Route,
  headers: Headers,
  format: string | undefined,
) {
  const { request, response, withoutAccept } = route;
  const contentType = headers.get("Content-Type");
  const sent = request === undefined || request === "any"
    ? undefined
    : negotiateRequest(request, contentType);
  const isTaken = request === "any"
    ? isMediaType(contentType)
    : request === undefined || sent !== undefined;
  if (!isTaken) throw PIPELINE_REFUSALS.unsupportedType;
  const ofBody = { requestType: sent?.type, requestCharset: sent?.charset };
  if (response === "any") return { ...ofBody, responseType: undefined };
  const responseType = negotiateResponse(response, {
    accept: headers.get("Accept"),
    format,
    withoutAccept,
  });
  if (responseType === undefined) throw PIPELINE_REFUSALS.notAcceptable;
  return { ...ofBody, responseType };
}

/**
 * The access log, one line a request, for operators who ask for it: the same app,
 * which logs each request once its answer is known. Of the address only the path
 * is logged: queries may carry access tokens.
 */
export function withRequestLog(
  app: App,
  options: {
    readonly clock: Clock;
    readonly logger: Logger;
    /** Whose X-Forwarded-For counts. Default: those of this machine. */
    readonly isTrustedProxy?: IsTrustedProxy;
  },
): App {
  const { clock, logger, isTrustedProxy = isLoopbackAddress } = options;
  async function logged(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Promise<Response> {
    const startedAtUs = clock.nowUs();
    const response = await app(request, info);
    logger.info("request.answered", {
      method: request.method,
      path: parseTarget(request.url).path,
      status: response.status,
      requestId: response.headers.get(REQUEST_ID_HEADER) ?? undefined,
      durationMs: (clock.nowUs() - startedAtUs) / 1000,
      client: clientAddressOf(
        peerAddressOf(info),
        request.headers,
        isTrustedProxy,
      ),
    });
    return response;
  }
  return Object.assign(logged, {
    endLongPolls: () => app.endLongPolls(),
    close: () => app.close(),
  });
}
