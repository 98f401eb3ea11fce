/**
 * Where a request comes from, behind trusted proxies too, and what else its
 * login is judged by.
 *
 * @module
 */

import { isIpAddress } from "../text/addresses.ts";
import type { LoginRequest } from "../users/contract.ts";

/** Whether a proxy at that address is believed. */
export type IsTrustedProxy = (address: string) => boolean;

/** Proxies write no longer lists: only the end of one is looked at. */
const HOPS_MAX = 16;
const HEADER_LENGTH_MAX = 4096;

/** Address at the other end of the connection; empty for other transports. */
export function peerAddressOf({ remoteAddr }: Deno.ServeHandlerInfo): string {
  return remoteAddr.transport === "tcp" || remoteAddr.transport === "udp"
    ? remoteAddr.hostname
    : "";
}

/**
 * Address of the client: the last one of `X-Forwarded-For` that is not a
 * trusted proxy's. Anybody can write that header, so it counts only from those.
 */
export function clientAddressOf(
  peerAddress: string,
  headers: Headers,
  isTrustedProxy: IsTrustedProxy,
): string {
  if (!isTrustedProxy(peerAddress)) return peerAddress;
  const list = headers.get("X-Forwarded-For")?.slice(-HEADER_LENGTH_MAX) ?? "";
  let address = peerAddress;
  for (const hop of list.split(",").slice(-HOPS_MAX).reverse()) {
    const text = withoutPort(hop.trim());
    if (!isIpAddress(text)) return address;
    address = text;
    if (!isTrustedProxy(address)) return address;
  }
  return address;
}

/** `10.0.0.1:80` and `[::1]:80` as some proxies write them. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  return hop.replace(/^([\d.]+):\d{1,5}$/, "$1");
}

/** Headers that proxies add; one of them is enough to tell. */
const PROXY_HEADERS = [
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "Forwarded",
  "Via",
  "X-Real-IP",
];

/** The facts that a login is judged by; each is read when it is needed. */
export function loginRequestOf(
  request: Request,
  info: Deno.ServeHandlerInfo,
  isTrustedProxy: IsTrustedProxy,
): LoginRequest {
  return new HttpLoginRequest(request.headers, info, isTrustedProxy);
}

class HttpLoginRequest implements LoginRequest {
  readonly #headers: Headers;
  readonly #info: Deno.ServeHandlerInfo;
  readonly #isTrustedProxy: IsTrustedProxy;

  constructor(
    headers: Headers,
    info: Deno.ServeHandlerInfo,
    isTrustedProxy: IsTrustedProxy,
  ) {
    this.#headers = headers;
    this.#info = info;
    this.#isTrustedProxy = isTrustedProxy;
  }

  get remoteAddress(): string {
    return clientAddressOf(
      this.peerAddress,
      this.#headers,
      this.#isTrustedProxy,
    );
  }

  get peerAddress(): string {
    return peerAddressOf(this.#info);
  }

  get trustedAuth(): string | null {
    return this.#headers.get("ES-TrustedAuth");
  }

  get origin(): string | null {
    return this.#headers.get("Origin");
  }

  get host(): string | null {
    return this.#headers.get("Host");
  }

  get isProxied(): boolean {
    return PROXY_HEADERS.some((name) => this.#headers.has(name));
  }

  get secFetchSite(): string | null {
    return this.#headers.get("Sec-Fetch-Site");
  }
}

const PARAMETER = /[?&]access_token=([^&#]*)/;

/**
 * The parameter `access_token` of a request that may be for a live feed, for
 * clients that cannot send a header, as browsers' `EventSource`; undefined
 * without one. Addresses end up in logs, histories and `Referer`s, so such a
 * token has the scope `feeds` alone, and where no feed is asked for it means
 * nothing. What type the answer has is found out later: the scope is judged by
 * that.
 */
export function accessTokenOf(request: Request): string | undefined {
  const { url, method, headers } = request;
  if (!url.includes("access_token=") || method !== "GET") return undefined;
  const accept = headers.get("Accept") ?? "";
  const mayBeLive = accept.toLowerCase().includes("text/event-stream") ||
    /[?&]format=sse(?:&|#|$)/i.test(url);
  // Tokens hold nothing that needs an escape: another text is none of ours.
  return mayBeLive ? PARAMETER.exec(url)?.[1] || undefined : undefined;
}
