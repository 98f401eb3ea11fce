/**
 * What a login is judged by, read from a request only when it is looked at.
 *
 * @module
 */

import type { LoginRequest } from "../users/contract.ts";
import {
  clientAddressOf,
  type IsTrustedProxy,
  peerAddressOf,
} from "./client_address.ts";

/** Headers that proxies add; one of them is enough to tell. */
const PROXY_HEADERS = [
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "Forwarded",
  "Via",
  "X-Real-IP",
];

/** Makes it. */
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
