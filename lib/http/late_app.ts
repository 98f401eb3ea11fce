/**
 * The interface before it is made: what a server answers that listens already,
 * while its store is being opened.
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import type { App } from "./app.ts";
import { PROBLEMS } from "./errors.ts";
import { assetResponse, prefersPage, problemPageResponse } from "./pages.ts";
import { problemResponse } from "./respond.ts";
import { FormMarks } from "./sessions.ts";

/**
 * An app that a server can listen with before it is made. A server that listens
 * first knows that it has its address before it makes anything that a start in
 * vain would leave behind, such as a new store.
 */
interface LateApp {
  /**
   * Lets requests wait for the app; answers 503 to those for which there is no
   * room, and to all once the wait is over. Probes never wait.
   */
  readonly app: App;
  /** From now on `made` answers. */
  become(made: App): void;
}

/**
 * Makes one that answers nothing yet.
 *
 * Requests wait, because a client that is told 503 may not come back: an
 * `EventSource` does so when a connection breaks, and gives up on any status
 * but 200.
 *
 * @param limits How long the first requests wait, and how many may.
 */
export function createLateApp(
  { startWaitMs, requestsInFlightMax }: Pick<
    Limits,
    "startWaitMs" | "requestsInFlightMax"
  >,
): LateApp {
  let answering: App | undefined;
  let waitingCount = 0;
  const waited = Promise.withResolvers<void>();
  const timer = setTimeout(waited.resolve, startWaitMs);
  let isOver = false;
  const endWait = () => {
    isOver = true;
    clearTimeout(timer);
    waited.resolve();
  };
  waited.promise.then(endWait);
  async function answerLater(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Promise<Response> {
    waitingCount++;
    await waited.promise;
    waitingCount--;
    return answering === undefined ? notYet(request) : answering(request, info);
  }
  const app: App = Object.assign(
    (request: Request, info: Deno.ServeHandlerInfo) => {
      if (answering !== undefined) return answering(request, info);
      if (IS_ALIVE.test(request.url)) {
        return new Response("ok\n", {
          headers: { "Cache-Control": "no-store" },
        });
      }
      const [, asset] = ASSET.exec(request.url) ?? [];
      if (asset !== undefined) {
        return assetResponse(asset, request) ?? notYet(request);
      }
      return isOver || IS_PROBE.test(request.url) ||
          waitingCount >= requestsInFlightMax
        ? notYet(request)
        : answerLater(request, info);
    },
    {
      endLongPolls: () => answering?.endLongPolls(),
      close() {
        endWait();
        answering?.close();
      },
    },
  );
  return {
    app,
    become(made) {
      answering = made;
      endWait();
    },
  };
}

/** A supervisor's liveness probe must not end a start that takes long. */
const IS_ALIVE = /^https?:\/\/[^/]*\/health\/live(\?|$)/;
const IS_PROBE = /^https?:\/\/[^/]*\/health(?:[/?]|$)/;

/** The style of the page that says so needs no store. */
const ASSET = /^https?:\/\/[^/]*\/web\/assets\/([^/?]+)/;

function notYet(request: Request): Response {
  const problem = PROBLEMS.starting;
  const response = problemResponse(problem, "");
  if (!prefersPage(request)) return response;
  return problemPageResponse(problem, {
    request,
    caller: undefined,
    baseUrl: "http://localhost",
    marks,
    allowedMethods: "",
  }, response.headers);
}

const marks = new FormMarks();
