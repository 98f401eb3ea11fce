/**
 * Requests for what another server of the same store runs: they are sent on to
 * it with the client's login, and its answer is the client's.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { StoreMembers } from "../store/members.ts";
import { isLoopbackAddress } from "../text/addresses.ts";
import { decodeJsonText } from "../text/utf8.ts";
import { type IsTrustedProxy, peerAddressOf } from "./client.ts";
import { type BaseUrlOf, isBaseUrl } from "./hosts.ts";
import { nameSessionFor } from "./sessions.ts";

/**
 * Says that a request was sent on, so that it is not sent in circles, and what
 * links in its answer begin with.
 */
const FORWARDED = "Quipu-Forwarded";

/** Headers of one connection, not of the message (RFC 9110 §7.6.1). */
const OF_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
];

/** Bodies come decoded, and as long as they then are. */
const OF_CODING = ["content-encoding", "content-length"];

/** What proxies say of a client; of others it counts for nothing. */
const OF_PROXIES = [
  "es-trustedauth",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-real-ip",
];

/** A request and where it came from. */
export interface ReceivedRequest {
  readonly request: Request;
  readonly info: Deno.ServeHandlerInfo;
}

/** Whether another server has sent a request on. */
export function isForwarded({ headers }: Request): boolean {
  return headers.has(FORWARDED);
}

/**
 * Has links begin as the server says that has sent a request on, if it is
 * believed.
 */
export function withForwarded(
  baseUrlOf: BaseUrlOf,
  isTrustedProxy: IsTrustedProxy,
): BaseUrlOf {
  return (request, info) => {
    const named = request.headers.get(FORWARDED);
    return named !== null && isBaseUrl(named) &&
        isTrustedProxy(peerAddressOf(info))
      ? named
      : baseUrlOf(request, info);
  };
}

/** Sends requests on to the other servers of a store. */
export class Forwarder {
  readonly #members: StoreMembers;
  readonly #baseUrlOf: BaseUrlOf;
  readonly #isTrustedProxy: IsTrustedProxy;

  constructor({ members, baseUrlOf, isTrustedProxy }: {
    readonly members: StoreMembers;
    readonly baseUrlOf: BaseUrlOf;
    readonly isTrustedProxy: IsTrustedProxy;
  }) {
    this.#members = members;
    this.#baseUrlOf = baseUrlOf;
    this.#isTrustedProxy = isTrustedProxy;
  }

  /**
   * Sends a request on to the server that holds a lease.
   *
   * @returns Undefined if it cannot be reached.
   */
  async toOwner(
    leaseName: string,
    received: ReceivedRequest,
  ): Promise<Response | undefined> {
    try {
      const owner = await this.#members.ownerOf(leaseName);
      return owner?.url && await this.send(owner.url, received) || undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Sends a request on to another server.
   *
   * @param url What the address of that server begins with.
   * @returns Undefined if it cannot be reached.
   */
  async send(
    url: string,
    received: ReceivedRequest,
  ): Promise<Response | undefined> {
    const { request } = received;
    if (isForwarded(request) || request.bodyUsed) return undefined;
    const { pathname, search } = new URL(request.url);
    try {
      const { status, headers, body } = await fetch(url + pathname + search, {
        method: request.method,
        headers: this.#headersTo(url, received),
        body: request.body,
        redirect: "manual",
        signal: request.signal,
      });
      const taken = withoutHeaders(headers, [...OF_CONNECTION, ...OF_CODING]);
      return new Response(body, { status, headers: taken });
    } catch {
      // It is gone: until its lease has ended nobody can answer.
      return undefined;
    }
  }

  /**
   * Asks every other server for a JSON document, with the login of a request.
   *
   * @param path Path and query of the document.
   * @returns What those say that answer in time.
   */
  async askOthers(
    path: string,
    received: ReceivedRequest,
  ): Promise<readonly unknown[]> {
    const { request } = received;
    if (isForwarded(request)) return [];
    const ask = async (url: string): Promise<readonly unknown[]> => {
      const headers = this.#headersTo(url, received);
      headers.set("Accept", "application/json");
      const timeout = AbortSignal.timeout(LIMITS.otherServerMs);
      const signal = AbortSignal.any([request.signal, timeout]);
      try {
        const response = await fetch(url + path, { headers, signal });
        const text = decodeJsonText(await response.bytes());
        return response.ok ? [JSON.parse(text)] : [];
      } catch {
        return [];
      }
    };
    const others = this.#members.list().flatMap(({ isSelf, url = "" }) =>
      isSelf || url === "" ? [] : [url]
    );
    return (await Promise.all(others.map(ask))).flat();
  }

  /** What is sent to a server in a client's name. */
  #headersTo(url: string, { request, info }: ReceivedRequest): Headers {
    const peer = peerAddressOf(info);
    const isTrusted = this.#isTrustedProxy(peer);
    const sent = withoutHeaders(request.headers, [
      ...OF_CONNECTION,
      ...isTrusted ? [] : OF_PROXIES,
    ]);
    sent.set(FORWARDED, this.#baseUrlOf(request, info));
    // Nothing is known of a peer on this machine that it does not say itself.
    const isNamed = peer !== "" && !isLoopbackAddress(peer);
    if (isNamed) sent.append("X-Forwarded-For", peer);
    nameSessionFor(new URL(url), request, sent);
    return sent;
  }
}

function withoutHeaders(headers: Headers, names: readonly string[]): Headers {
  const left = new Headers(headers);
  for (const name of names) left.delete(name);
  return left;
}
