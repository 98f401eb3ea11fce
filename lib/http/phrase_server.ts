/**
 * The socket side for clients that read reason phrases: the same app through
 * `node:http`, which sends the phrase of an answer where `Deno.serve` has
 * none of its own (`--reason-phrases`). It also bounds the time that heads,
 * bodies and idle connections take.
 *
 * The parser of `node:http` decides what is a request: it refuses (400) methods
 * that are not registered, lines that end in a bare LF, HTTP/1.1 without a Host
 * and targets that are not ASCII, all of which `Deno.serve` takes; and it takes
 * requests with a body that offer another protocol, which `Deno.serve` refuses.
 * It loses what is pipelined behind such an offer.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LIMITS } from "../model/limits.ts";
import type { HttpServer, ServeOptions } from "./server.ts";

/**
 * Begins to listen.
 *
 * @throws {Deno.errors.AddrInUse} As `serveHttp()` does.
 */
export async function serveWithPhrases(
  options: ServeOptions,
): Promise<HttpServer> {
  const { app, hostname, port, tls, logger } = options;
  const { headReadMs, bodyReadMs, idleConnectionMs } = options.times ?? LIMITS;
  const settings = {
    maxHeaderSize: LIMITS.headBytesMax,
    headersTimeout: headReadMs,
    // The app bounds bodies itself: this is for those that it does not read.
    requestTimeout: headReadMs + bodyReadMs,
    keepAliveTimeout: idleConnectionMs,
    connectionsCheckingInterval: headReadMs / CHECKS_PER_HEAD,
  };
  /** Open connections, with the number of requests under way on each. */
  const connections = new Map<Socket, number>();
  let drained: Promise<void> | undefined;

  function closeIfIdle(socket: Socket): void {
    if (drained !== undefined && connections.get(socket) === 0) {
      socket.destroy();
    }
  }
  function countRequest(socket: Socket, change: 1 | -1): void {
    const before = connections.get(socket);
    if (before === undefined) return;
    connections.set(socket, before + change);
    closeIfIdle(socket);
  }
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { socket } = incoming;
    countRequest(socket, 1);
    outgoing.once("close", () => countRequest(socket, -1));
    answer(incoming, outgoing, options).catch((error) => {
      // It broke on the way out, and nobody is left to tell.
      logger.info("http.clientDropped", { reason: reasonOf(error) });
      outgoing.destroy();
    });
  };
  const server: Server = tls === undefined
    ? createServer(settings, handle)
    : createSecureServer({ ...settings, ...tls }, handle);
  // Above it the platform would pass over headers: the request is refused.
  server.maxHeadersCount = LIMITS.headersMax + 1;
  // Other expectations are ignored, as in `Deno.serve`.
  server.on("checkExpectation", handle);
  server.on("connect", (_incoming, socket) => end(socket, NOT_ALLOWED));
  server.on("clientError", (error, socket) => {
    const isLate = "code" in error && error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    end(socket, isLate ? TOO_LATE : BAD_REQUEST);
  });
  server.on(
    tls === undefined ? "connection" : "secureConnection",
    (socket: Socket) => {
      connections.set(socket, 0);
      socket.once("close", () => connections.delete(socket));
    },
  );
  const address = await listen(server, { hostname, port });
  // A connection that cannot be accepted must not end the program.
  server.on("error", (error) => {
    logger.error("http.listeningFailed", { reason: reasonOf(error) });
  });

  function drain(): Promise<void> {
    drained ??= new Promise((resolve) => {
      server.close(() => {
        app.close();
        logger.info("http.drained");
        resolve();
      });
    });
    // The platform's own list of idle connections lacks some of them.
    for (const socket of [...connections.keys()]) closeIfIdle(socket);
    return drained;
  }
  function abort(): void {
    for (const socket of [...connections.keys()]) socket.destroy();
  }
  return {
    hostname: address.address,
    port: address.port,
    endLongPolls: () => app.endLongPolls(),
    drain,
    abort,
    async [Symbol.asyncDispose]() {
      app.endLongPolls();
      const shutdownMs = options.shutdownMs ?? LIMITS.shutdownMs;
      const timer = setTimeout(abort, shutdownMs);
      await drain();
      clearTimeout(timer);
    },
  };
}

/**
 * Listens.
 *
 * @throws What `Deno.listen()` says of the address: `node:net` has one code for
 * several reasons.
 */
function listen(
  server: Server,
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Promise<AddressInfo> {
  const systemErrorOf = (error: Error): unknown => {
    try {
      Deno.listen({ hostname, port }).close();
      return error;
    } catch (ofSystem) {
      return ofSystem;
    }
  };
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(systemErrorOf(error)));
    server.listen({ host: hostname, port }, () => {
      server.removeAllListeners("error");
      const address = server.address();
      if (address === null || typeof address === "string") {
        reject(new TypeError("Cannot listen: no address"));
      } else resolve(address);
    });
  });
}

/** How often a head's time is looked at. */
const CHECKS_PER_HEAD = 4;

const BAD_REQUEST = "400 Bad Request";
const TOO_LATE = "408 Request Timeout";
const NOT_ALLOWED = "405 Method Not Allowed";

/** Answers what the app does not see, and ends the connection. */
function end(socket: Duplex, status: string): void {
  if (!socket.writable) return;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { app, tls }: ServeOptions,
): Promise<void> {
  const completed = Promise.withResolvers<void>();
  // The caller waits for it; a client that leaves is no failure here.
  completed.promise.catch(() => {});
  outgoing.once("close", () => {
    if (outgoing.writableFinished) completed.resolve();
    else completed.reject(new Error("The client has gone"));
  });
  let request: Request;
  try {
    request = requestOf(incoming, tls === undefined ? "http" : "https");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    outgoing.writeHead(400, { "Connection": "close", "Content-Length": 0 });
    outgoing.end();
    return;
  }
  const { remoteAddress = "", remotePort = 0 } = incoming.socket;
  const response = await app(request, {
    remoteAddr: {
      transport: "tcp",
      // Addresses of both families listen as one: those of IPv4 stay that.
      hostname: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""),
      port: remotePort,
    },
    completed: completed.promise,
  });
  await send(response, incoming, outgoing);
}

/** Methods whose bodies nobody reads. */
const BODILESS = ["GET", "HEAD"];

function requestOf(
  incoming: IncomingMessage,
  scheme: "http" | "https",
): Request {
  const { method = "GET", url: target = "/", rawHeaders } = incoming;
  if (rawHeaders.length > LIMITS.headersMax * 2) {
    throw new TypeError("Too many headers");
  }
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  }
  const hasBody = !BODILESS.includes(method) &&
    (headers.has("Content-Length") || headers.has("Transfer-Encoding"));
  const request = new Request(`${scheme}://localhost/`, {
    method: "POST",
    headers,
    body: hasBody ? bodyOf(incoming) : null,
  });
  const host = headers.get("Host") ?? "localhost";
  const url = /^https?:\/\//i.test(target)
    ? target
    : `${scheme}://${host}${target.startsWith("/") ? "" : "/"}${target}`;
  // A target is taken as it came over the wire, and so is a method: a `Request`
  // would resolve the dots of one and refuse some of the others.
  Object.defineProperties(request, {
    url: { value: url },
    method: { value: method },
  });
  return request;
}

/** The body, no faster than it is read. */
function bodyOf(
  incoming: IncomingMessage,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = incoming[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(bytesOf(value));
    },
    cancel() {
      // The rest of it is not worth a connection.
      incoming.unpipe();
      incoming.resume();
    },
  }, { highWaterMark: 0 });
}

function bytesOf(piece: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(piece);
}

/** Sends an answer, no faster than the client takes it. */
async function send(
  response: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { status, statusText, headers, body } = response;
  const fields: string[] = [];
  for (const [name, value] of headers) fields.push(name, value);
  const isBodiless = incoming.method === "HEAD" || status === 204 ||
    status === 304;
  if (isBodiless || body === null) {
    await body?.cancel();
    if (!isBodiless) fields.push("content-length", "0");
    writeHead(outgoing, { status, statusText, fields });
    outgoing.end();
    return;
  }
  // The part of a body that the app has not read is discarded.
  if (!incoming.readableEnded && incoming.readableFlowing === null) {
    incoming.resume();
  }
  const reader = body.getReader();
  const isClosed = new Promise<void>((resolve) =>
    outgoing.once("close", () => {
      // Waits, feeds and downloads end with their client.
      reader.cancel().catch(() => {});
      resolve();
    })
  );
  // A live feed begins before it has anything to send.
  if (headers.has("X-Accel-Buffering")) {
    writeHead(outgoing, { status, statusText, fields });
    outgoing.flushHeaders();
  }
  let next = reader.read();
  for (;;) {
    const { done, value } = await next;
    if (done || outgoing.destroyed) break;
    next = reader.read();
    if (!outgoing.headersSent) {
      if (!headers.has("Content-Length") && await endsAtOnce(next)) {
        fields.push("content-length", String(value.length));
      }
      writeHead(outgoing, { status, statusText, fields });
    }
    if (outgoing.write(value)) continue;
    const drained = new Promise<void>((resolve) =>
      outgoing.once("drain", resolve)
    );
    await Promise.race([drained, isClosed]);
  }
  if (!outgoing.headersSent) {
    fields.push("content-length", "0");
    writeHead(outgoing, { status, statusText, fields });
  }
  outgoing.end();
}

/** Turns of the engine in which the end of a whole answer shows. */
const END_TURNS = 8;

/** Whether nothing follows, if that is known without waiting. */
async function endsAtOnce(
  next: Promise<ReadableStreamReadResult<Uint8Array>>,
): Promise<boolean> {
  let isEnd = false;
  next.then(({ done }) => isEnd = done, () => {});
  for (let turn = 0; turn < END_TURNS && !isEnd; turn++) await undefined;
  return isEnd;
}

function writeHead(
  outgoing: ServerResponse,
  { status, statusText, fields }: {
    readonly status: number;
    readonly statusText: string;
    readonly fields: string[];
  },
): void {
  if (statusText === "") outgoing.writeHead(status, fields);
  else outgoing.writeHead(status, statusText, fields);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
