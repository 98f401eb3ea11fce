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

import type { RequestMetrics } from "../metrics/request_metrics.ts";
import type { SlowWarnings } from "../metrics/slow_warnings.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request_id.ts";
import { parseTarget } from "./router.ts";
import type { Route } from "./routes.ts";

/** What is noted of a request until it is answered. */
export interface WatchedRequest {
  readonly startedAtMs: number;
  /** Undefined as long as it led to none. */
  route: Route | undefined;
  /** Time for which it was held as a long poll. */
  heldMs: number;
}

export interface RequestWatchOptions {
  readonly metrics: RequestMetrics;
  readonly slow: SlowWarnings;
  readonly newId: () => string;
  /** Whether every answer gets an id. */
  readonly namesAll: boolean;
}

export class RequestWatch {
  readonly #options: RequestWatchOptions;

  constructor(options: RequestWatchOptions) {
    this.#options = options;
  }

  begin(): WatchedRequest {
    return { startedAtMs: performance.now(), route: undefined, heldMs: 0 };
  }

  /** The answer is made; it goes out as it is, but for its id. */
  end(watched: WatchedRequest, request: Request, response: Response): Response {
    const { metrics, slow, newId, namesAll } = this.#options;
    const { status, headers } = response;
    const nowMs = performance.now();
    const durationMs = nowMs - watched.startedAtMs - watched.heldMs;
    metrics.note(watched.route, status, durationMs);
    const hasFailed = status >= 500;
    let id = requestIdOf(request.headers);
    if (id === undefined && (namesAll || hasFailed)) {
      id = headers.get(REQUEST_ID_HEADER) ?? newId();
    }
    if (id !== undefined) headers.set(REQUEST_ID_HEADER, id);
    slow.note(durationMs, nowMs, () => ({
      method: request.method,
      route: watched.route?.template,
      path: parseTarget(request.url).path,
      status,
      requestId: id,
    }));
    return response;
  }
}
