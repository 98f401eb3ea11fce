/**
 * The socket side: an app listening on an address.
 *
 * `Deno.serve` has no bound on time or size of its own; the app bounds bodies
 * (`receiving.ts`), and a proxy in front must bound what comes before them.
 *
 * @module
 */

import { BrokenOff } from "../model/pull_source.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { App } from "./app.ts";

/** Where and how to listen. */
export interface ServeOptions {
  readonly app: App;
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Certificates and key in PEM: HTTPS, and HTTP/2 for those that know it. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly logger: Logger;
  /** Times for heads, bodies and idle connections, where the server has any. */
  readonly times?: Pick<
    Limits,
    "headReadMs" | "bodyReadMs" | "idleConnectionMs"
  >;
  /** Is told when the server cannot listen any more: it has no permission. */
  readonly onLost?: () => void;
  /** Time that disposing waits for answers under way, in milliseconds. */
  readonly shutdownMs?: number;
}

/** A server that listens. Disposing it ends held requests and drains it. */
export interface HttpServer extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** Answers every held request now, and holds none any more. */
  endLongPolls(): void;
  /** Stops accepting; settles once every request is answered. */
  drain(): Promise<void>;
  /** Cuts the connections that are left. */
  abort(): void;
}

/**
 * Begins to listen.
 *
 * @throws {Deno.errors.AddrInUse} If another program has the port. Other errors
 * of the platform when it cannot listen there.
 */
export function serveHttp(options: ServeOptions): HttpServer {
  const { app, hostname, port, tls, logger } = options;
  const abortion = new AbortController();
  let server = listen(port);
  const { addr } = server;
  let isDraining = false;
  let listenAgain: ReturnType<typeof setTimeout> | undefined;
  watch();

  function listen(onPort: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve(
      {
        hostname,
        port: onPort,
        ...(tls && { cert: tls.cert, key: tls.key }),
        signal: abortion.signal,
        // The program says when it answers.
        onListen() {},
        // The app answers every error itself: what comes here broke on the way
        // out, and nobody is left to tell.
        onError(error) {
          if (error instanceof QuipuError && error.code === "clientTooSlow") {
            logger.info("http.clientDropped", { reason: error.message });
            return new Response(null, { status: 408 });
          }
          if (error instanceof BrokenOff) {
            return new Response(null, { status: 500 });
          }
          logger.error("http.answerFailed", { error: reasonOf(error) });
          return new Response("Internal Server Error", { status: 500 });
        },
      },
      app,
    );
  }

  /**
   * A connection that cannot be accepted, for want of file descriptors, ends
   * the platform's server for good. It must not end this one.
   */
  function watch(): void {
    server.finished.catch((error) => {
      if (isDraining) return;
      logger.error("http.listeningFailed", { reason: reasonOf(error) });
      listenAgain = setTimeout(tryAgain, LISTEN_AGAIN_MS);
    });
  }

  function tryAgain(): void {
    try {
      server = listen(addr.port);
      watch();
      logger.info("http.listeningAgain");
    } catch (error) {
      logger.error("http.listeningFailed", { reason: reasonOf(error) });
      if (error instanceof Deno.errors.NotCapable) {
        options.onLost?.();
        return;
      }
      listenAgain = setTimeout(tryAgain, LISTEN_AGAIN_MS);
    }
  }

  async function drain(): Promise<void> {
    isDraining = true;
    clearTimeout(listenAgain);
    await server.shutdown();
    app.close();
    logger.info("http.drained");
  }

  return {
    hostname: addr.hostname,
    port: addr.port,
    endLongPolls: () => app.endLongPolls(),
    drain,
    abort: () => abortion.abort(),
    async [Symbol.asyncDispose]() {
      app.endLongPolls();
      const shutdownMs = options.shutdownMs ?? LIMITS.shutdownMs;
      const timer = setTimeout(() => abortion.abort(), shutdownMs);
      await drain();
      clearTimeout(timer);
      await server.finished;
    },
  };
}

/** Time until a server that could not go on listening tries it again. */
const LISTEN_AGAIN_MS = 250;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
