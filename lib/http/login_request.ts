/**
 * What a login is judged by, read from a request only when it is looked at.
 *
 * @module
 */

import type { LoginRequest } from "../auth/contract.ts";
import {
  clientAddressOf,
  type IsTrustedProxy,
  peerAddressOf,
} from "./client_address.ts";

/** Makes it. */
export function loginRequestOf(
  request: Request,
  info: Deno.ServeHandlerInfo,
  isTrustedProxy?: IsTrustedProxy,
): LoginRequest {
  return new HttpLoginRequest(request.headers, info, isTrustedProxy);
}

class HttpLoginRequest implements LoginRequest {
  readonly #headers: Headers;
  readonly #info: Deno.ServeHandlerInfo;
  readonly #isTrustedProxy: IsTrustedProxy | undefined;

  constructor(
    headers: Headers,
    info: Deno.ServeHandlerInfo,
    isTrustedProxy: IsTrustedProxy | undefined,
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
    const headers = this.#headers;
    return headers.has("X-Forwarded-For") || headers.has("Forwarded") ||
      headers.has("Via") || headers.has("X-Real-IP");
  }

  get secFetchSite(): string | null {
    return this.#headers.get("Sec-Fetch-Site");
  }
}
