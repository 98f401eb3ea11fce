/**
 * What a login is judged by, read from a request only when it is looked at.
 *
 * @module
 */

import type { LoginRequest } from "../auth/contract.ts";

/** Makes it. */
export function loginRequestOf(
  request: Request,
  info: Deno.ServeHandlerInfo,
): LoginRequest {
  return new HttpLoginRequest(request.headers, info);
}

class HttpLoginRequest implements LoginRequest {
  readonly #headers: Headers;
  readonly #info: Deno.ServeHandlerInfo;

  constructor(headers: Headers, info: Deno.ServeHandlerInfo) {
    this.#headers = headers;
    this.#info = info;
  }

  get remoteAddress(): string {
    return this.peerAddress;
  }

  get peerAddress(): string {
    const { remoteAddr } = this.#info;
    return remoteAddr.transport === "tcp" || remoteAddr.transport === "udp"
      ? remoteAddr.hostname
      : "";
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

  get secFetchSite(): string | null {
    return this.#headers.get("Sec-Fetch-Site");
  }
}
