/**
 * Watches requests from their heads to their answers: counts and times them,
 * warns of slow ones, names them.
 *
 * An answer carries `X-Request-Id` when the client sent one, when requests are
 * logged, and when something failed here (5xx): a header on every answer would
 * cost each of them time, and the original has none.
 *
 * @module
 */

import { SlowWarnings } from "../telemetry/slow_warnings.ts";
import type { Logger } from "../model/logger.ts";
import type { Observation } from "./observation.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request_id.ts";
import { withOwnHeaders } from "./responses.ts";
import { parseTarget } from "./router.ts";

/** A route, as far as it is noted. */
export interface WatchedRoute {
  readonly method: string;
  readonly template: string;
  readonly handler: { readonly name: string };
}

/** What is noted of a request until it is answered. */
export interface WatchedRequest {
  readonly startedAtMs: number;
  /** Undefined as long as it led to none. */
  route: WatchedRoute | undefined;
  /** Value of `Access-Control-Allow-Methods`; empty until a handler is called. */
  allowedMethods: string;
  /** Time for which it was held as a long poll. */
  heldMs: number;
}

export interface RequestWatchOptions {
  readonly observation: Observation;
  readonly logger: Logger;
  readonly newId: () => string;
}

export class RequestWatch {
  readonly #observation: Observation;
  readonly #newId: () => string;
  readonly #slow: SlowWarnings;

  constructor({ observation, logger, newId }: RequestWatchOptions) {
    this.#observation = observation;
    this.#newId = newId;
    this.#slow = new SlowWarnings({
      logger,
      event: "request.slow",
      thresholdMs: observation.slowRequestMs,
    });
  }

  begin(): WatchedRequest {
    return {
      startedAtMs: performance.now(),
      route: undefined,
      allowedMethods: "",
      heldMs: 0,
    };
  }

  /** The answer is made; it goes out as it is, but for its id. */
  end(watched: WatchedRequest, request: Request, response: Response): Response {
    const { requests, namesRequests } = this.#observation;
    const { status } = response;
    const nowMs = performance.now();
    const durationMs = nowMs - watched.startedAtMs - watched.heldMs;
    requests.note(watched.route, status, durationMs);
    const hasFailed = status >= 500;
    let id = requestIdOf(request.headers);
    // Whoever touches an answer's headers makes it a slow one to send.
    if (id === undefined && (namesRequests || hasFailed)) {
      id = response.headers.get(REQUEST_ID_HEADER) ?? this.#newId();
    }
    if (id !== undefined) {
      response = withOwnHeaders(response);
      response.headers.set(REQUEST_ID_HEADER, id);
    }
    // A closure here would cost every request, and few are slow.
    if (this.#slow.isSlow(durationMs)) {
      this.#warn({ durationMs, nowMs }, { watched, request, status, id });
    }
    return response;
  }

  #warn(
    { durationMs, nowMs }: {
      readonly durationMs: number;
      readonly nowMs: number;
    },
    { watched, request, status, id }: {
      readonly watched: WatchedRequest;
      readonly request: Request;
      readonly status: number;
      readonly id: string | undefined;
    },
  ): void {
    this.#slow.note(durationMs, nowMs, () => ({
      method: request.method,
      route: watched.route?.template,
      path: parseTarget(request.url).path,
      status,
      requestId: id,
    }));
  }
}
