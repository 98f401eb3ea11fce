/**
 * The access log: one line a request, for operators who ask for it.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import { isLoopbackAddress } from "../text/addresses.ts";
import type { App } from "./app.ts";
import {
  clientAddressOf,
  type IsTrustedProxy,
  peerAddressOf,
} from "./client.ts";
import { REQUEST_ID_HEADER } from "./request_headers.ts";
import { parseTarget } from "./router.ts";

/**
 * The same app, which logs each request once its answer is known. Of the
 * address only the path is logged: queries may carry access tokens.
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
