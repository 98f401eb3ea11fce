/**
 * An app that a server can listen with before it is made. A server that listens
 * first knows that it has its address before it makes anything that a start in
 * vain would leave behind, such as a new store.
 *
 * @module
 */

import type { App } from "./app.ts";
import { PROBLEMS } from "./errors.ts";
import { problemResponse } from "./respond.ts";

/** The app that is listened with, and how it gets the one that answers. */
export interface LateApp {
  /** Answers 503 until there is one, and that the process lives. */
  readonly app: App;
  /** From now on `made` answers. */
  become(made: App): void;
}

/** Makes one that answers nothing yet. */
export function createLateApp(): LateApp {
  let answering: App | undefined;
  const app: App = Object.assign(
    (request: Request, info: Deno.ServeHandlerInfo) =>
      answering === undefined ? notYet(request) : answering(request, info),
    {
      endLongPolls: () => answering?.endLongPolls(),
      close: () => answering?.close(),
    },
  );
  return {
    app,
    become(made) {
      answering = made;
    },
  };
}

/** Whoever restarts what does not live must not end a start that takes long. */
const IS_ALIVE = /^https?:\/\/[^/]*\/health\/live(\?|$)/;

function notYet({ url }: Request): Response {
  return IS_ALIVE.test(url)
    ? new Response("ok\n", { headers: { "Cache-Control": "no-store" } })
    : problemResponse(PROBLEMS.starting, "");
}
