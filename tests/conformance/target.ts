/**
 * Where recorded requests are sent: an app in this process, or a server.
 *
 * @module
 */

import { Agent, request as openRequest } from "node:http";
import { startStopwatch } from "../support/stopwatch.ts";
import type { Answer } from "./compare.ts";
import { RECORDED_AUTHORITY } from "./recording.ts";

/** A request, exactly as it goes out. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** Something that answers requests. */
export interface Target extends AsyncDisposable {
  /** Host and port that stand in its links. */
  readonly authority: string;
  send(request: WireRequest): Promise<Answer>;
  /** Lets time pass for the server. */
  wait(durationMs: number): Promise<void>;
}

/** An app in this process; time passes by its clock only. */
export interface InProcessOptions {
  readonly handle: (request: Request) => Response | Promise<Response>;
  readonly advance: (durationMs: number) => Promise<void>;
  readonly close: () => void | Promise<void>;
}

/** Sends requests to an app function, without sockets. */
export function inProcessTarget(options: InProcessOptions): Target {
  return {
    authority: RECORDED_AUTHORITY,
    async send({ method, path, headers, body }) {
      const stopwatch = startStopwatch();
      const response = await options.handle(
        new Request(`http://${RECORDED_AUTHORITY}${path}`, {
          method,
          headers: { Host: RECORDED_AUTHORITY, ...headers },
          // Bytes: a string would bring a Content-Type with it.
          ...(body === undefined ? {} : { body }),
        }),
      );
      const bytes = new Uint8Array(await response.arrayBuffer());
      return {
        status: response.status,
        headers: new Map(response.headers),
        body: bytes,
        elapsedMs: stopwatch(),
      };
    },
    wait: (durationMs) => options.advance(durationMs),
    async [Symbol.asyncDispose]() {
      await options.close();
    },
  };
}

/**
 * Sends requests to a running server. Not with `fetch`, which adds an Accept
 * header of its own and changes paths.
 */
export function serverTarget(baseUrl: string): Target {
  const { hostname, port, host } = new URL(baseUrl);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    authority: host,
    send({ method, path, headers, body }) {
      const stopwatch = startStopwatch();
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const outgoing = openRequest({
        agent,
        hostname,
        port,
        method,
        path,
        headers: { Host: host, ...headers },
        setHost: false,
      }, (incoming) => {
        const chunks: Uint8Array[] = [];
        incoming.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          resolve({
            status: incoming.statusCode ?? 0,
            reason: incoming.statusMessage,
            headers: headersOf(incoming.rawHeaders),
            body: joined(chunks),
            elapsedMs: stopwatch(),
          });
        });
      });
      outgoing.on("error", reject);
      outgoing.end(body);
      return promise;
    },
    wait(durationMs) {
      return new Promise((resolve) => setTimeout(resolve, durationMs));
    },
    [Symbol.asyncDispose]() {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

/** Doubled headers are joined, as `Headers` does it. */
function headersOf(raw: readonly string[]): Map<string, string> {
  const headers = new Headers();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    headers.append(raw[index] ?? "", raw[index + 1] ?? "");
  }
  return new Map(headers);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
