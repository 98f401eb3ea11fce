/**
 * Sessions of the pages: a cookie that holds a token, which scripts cannot read
 * and browsers send to no page of another site, and the mark by which a form
 * proves that it comes from a page of this server.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { getCookies, setCookie } from "@std/http/cookie";
import { LIMITS } from "../model/limits.ts";
import { splitHost } from "../text/hosts.ts";
import { hostOf } from "./hosts.ts";

/** Longer than any token. */
const TOKEN_LENGTH_MAX = 1024;
const TOKEN = /^[\w.-]+$/;

/**
 * Name of the cookie. Ports share cookies, so that two servers on one machine
 * need two names.
 */
function cookieNameOf(host: string): string {
  const [, port] = splitHost(host);
  return `quipu-session${/^\d+$/.test(port) ? `-${port}` : ""}`;
}

/** The token of a request's session; undefined without one. */
export function sessionTokenOf(request: Request): string | undefined {
  const { headers } = request;
  if (!headers.has("cookie")) return undefined;
  let token: string | undefined;
  try {
    token = getCookies(headers)[cookieNameOf(hostOf(request))];
  } catch {
    // A malformed header holds no session.
  }
  return token !== undefined && token.length <= TOKEN_LENGTH_MAX &&
      TOKEN.test(token)
    ? token
    : undefined;
}

/**
 * Has the browser keep a session, or forget it.
 *
 * @param token Undefined: there is none any more.
 * @param baseUrl What links begin with.
 */
export function setSession(
  headers: Headers,
  token: string | undefined,
  { request, baseUrl }: {
    readonly request: Request;
    readonly baseUrl: string;
  },
): void {
  const { protocol, pathname } = new URL(baseUrl);
  setCookie(headers, {
    name: cookieNameOf(hostOf(request)),
    value: token ?? "",
    path: pathname,
    maxAge: token === undefined ? 0 : LIMITS.sessionSeconds,
    httpOnly: true,
    sameSite: "Strict",
    secure: protocol === "https:",
  });
}

/** Has the session of a request be found by another server it is sent on to. */
export function nameSessionFor(
  { host }: URL,
  request: Request,
  headers: Headers,
): void {
  const token = sessionTokenOf(request);
  if (token === undefined) return;
  headers.set("Cookie", `${cookieNameOf(host)}=${token}`);
}

/** Tells marks from other digests of a token. */
const FORMS = "quipu forms";

/**
 * Makes and checks the marks of forms. That of a session is the same on every
 * server that shares its store: nobody else knows the token. Passwords can be
 * guessed, so marks made of them are keyed, by this process.
 */
export class FormMarks {
  readonly #key = randomBytes(32);

  /** The mark of forms that are sent with the credentials of a request. */
  markOf(request: Request): string {
    const authorization = request.headers.get("authorization");
    return authorization === null
      ? digestOf(FORMS, sessionTokenOf(request) ?? "")
      : digestOf(this.#key, authorization);
  }

  /** Whether a form with that mark comes from a page of the same login. */
  isOf(request: Request, mark: string): boolean {
    const expected = Buffer.from(this.markOf(request));
    const given = Buffer.from(mark);
    return given.length === expected.length &&
      timingSafeEqual(given, expected);
  }
}

function digestOf(key: string | Uint8Array, credentials: string): string {
  return createHmac("sha256", key).update(credentials).digest("base64url");
}
