/**
 * The whole interface inside a program, as a function from requests to answers.
 *
 * ```ts
 * import { createApp } from "@quipu-store/quipu/server";
 * import { openStore } from "@quipu-store/quipu/store";
 *
 * await using store = await openStore({ directory: "./data" });
 * await using app = await createApp({ store });
 * await Deno.serve({ hostname: "127.0.0.1", port: 2113 }, app.fetch).finished;
 * ```
 *
 * @module
 */

import { type Logger, SILENT_LOGGER } from "../model/logger.ts";
import type { EventStore } from "../store/event_store.ts";
import { openServices } from "./services.ts";

/** What the app is made of. */
export interface CreateAppOptions {
  /** The store; it stays the caller's to close, after the app. */
  readonly store: EventStore;
  /**
   * Password of the administrator `admin` of a new store. Default: `changeit`,
   * which is for programs that only this machine can reach.
   */
  readonly adminPassword?: string;
  /** What links start with. Default: what was asked. */
  readonly publicUrl?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/** The interface. Disposing of it ends what is held and runs. */
export interface EmbeddedApp extends AsyncDisposable {
  /**
   * Answers a request; never throws. It is what `Deno.serve` calls, and may
   * stand in for `fetch` in a client.
   *
   * @param info Where the request comes from. Default: this machine.
   */
  readonly fetch: (
    request: Request,
    info?: Deno.ServeHandlerInfo,
  ) => Response | Promise<Response>;
}

/** Days for which the history of scavenges is kept. */
const SCAVENGE_HISTORY_DAYS = 30;

const FROM_HERE: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
  completed: Promise.resolve(),
};

/**
 * Puts users, streams, subscriptions and the interface together over a store.
 *
 * @throws {QuipuError} If the store cannot be read or written.
 */
export async function createApp(
  options: CreateAppOptions,
): Promise<EmbeddedApp> {
  const { store, logger = SILENT_LOGGER, adminPassword, publicUrl } = options;
  const isReadOnly = store.status().readOnlyReason !== undefined;
  const { app, defaultUsers, close } = await openServices({
    store,
    logger,
    auth: { isLoopbackServer: true, adminPassword },
    // Lists such as $ce-orders are always there; queries need workers.
    projections: "none",
    isReadOnly,
    history: {
      nodeEndpoint: publicUrl ?? "embedded",
      maxAgeDays: SCAVENGE_HISTORY_DAYS,
    },
    app: { publicUrl },
    observation: {},
  });
  await defaultUsers;
  return {
    fetch: (request, info = FROM_HERE) => app(request, info),
    async [Symbol.asyncDispose]() {
      app.endLongPolls();
      await close();
    },
  };
}
