/**
 * The names of this server: the address that links start with, which is the one
 * that the client used as the request and the proxies in front of this server
 * tell it (spec: http-api §6.2), the hosts that are answered for, and what pages
 * of other origins may do.
 *
 * These headers are text from outside that ends up in bodies and `Location`:
 * only what has the form of a host, a port, a scheme or a plain path gets in.
 *
 * @module
 */

import {
  canonicalName,
  isHost,
  isLoopbackHost,
  isPort,
  splitHost,
} from "../text/hosts.ts";
import { malformed } from "./errors.ts";
import { withOwnHeaders } from "./respond.ts";

export type Scheme = "http" | "https";

interface BaseUrlOptions {
  /** Scheme that this server is reached by when no proxy says otherwise. */
  readonly scheme: Scheme;
  /** Without a slash at its end; it alone counts then. */
  readonly publicUrl?: string | undefined;
  /** Whether the X-Forwarded-* headers of that client count. */
  readonly trustsForwarded: (info: Deno.ServeHandlerInfo) => boolean;
}

/**
 * Tells `scheme://host[:port][/prefix]` for a request.
 *
 * @throws {Refusal} If the request names a host that is none.
 */
export type BaseUrlOf = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => string;

/** Absolute, without empty, `.` or `..` segments; its last slash is dropped. */
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+\/?$/;
const PREFIX_MAX_LENGTH = 200;

/** Makes the function that tells the address. */
export function createBaseUrlOf(options: BaseUrlOptions): BaseUrlOf {
  const { scheme, publicUrl, trustsForwarded } = options;
  if (publicUrl !== undefined) return () => publicUrl;
  // Nearly all requests name the same host: check it once.
  let lastHost: string | undefined;
  let lastBaseUrl = "";
  return function baseUrlOf(request, info) {
    const { headers } = request;
    const host = hostOf(request);
    const named = readForwarded(headers);
    const forwarded = named !== undefined && trustsForwarded(info)
      ? named
      : undefined;
    if (forwarded === undefined && host === lastHost) return lastBaseUrl;
    if (!isHost(host)) throw malformed("Invalid host");
    const baseUrl = compose(scheme, host, forwarded);
    if (forwarded === undefined) {
      lastHost = host;
      lastBaseUrl = baseUrl;
    }
    return baseUrl;
  };
}

interface Forwarded {
  readonly port: string | null;
  readonly scheme: string | null;
  readonly host: string | null;
  readonly prefix: string | null;
}

function readForwarded(headers: Headers): Forwarded | undefined {
  const port = headers.get("X-Forwarded-Port");
  const scheme = headers.get("X-Forwarded-Proto");
  const host = headers.get("X-Forwarded-Host");
  const prefix = headers.get("X-Forwarded-Prefix");
  if (port === null && scheme === null && host === null && prefix === null) {
    return undefined;
  }
  return { port, scheme, host, prefix };
}

/** Whether a text is what links may begin with. */
export function isBaseUrl(text: string): boolean {
  const [, host, prefix] = /^https?:\/\/([^/]+)(\/.*)?$/.exec(text) ?? [];
  return host !== undefined && isHost(host) &&
    (prefix === undefined ||
      prefix.length <= PREFIX_MAX_LENGTH && PREFIX.test(prefix));
}

/** What a proxy says wrongly is passed over, as if it had not said it. */
function compose(
  ownScheme: Scheme,
  ownHost: string,
  forwarded: Forwarded | undefined,
): string {
  let scheme: string = ownScheme;
  let [name, port] = splitHost(ownHost);
  let prefix = "";
  if (forwarded !== undefined) {
    const forwardedPort = firstOf(forwarded.port);
    if (isPort(forwardedPort)) port = forwardedPort;
    const forwardedScheme = firstOf(forwarded.scheme).toLowerCase();
    if (forwardedScheme === "http" || forwardedScheme === "https") {
      scheme = forwardedScheme;
    }
    const forwardedHost = firstOf(forwarded.host);
    if (isHost(forwardedHost)) {
      // Without a port it keeps ours, as in the original.
      const [forwardedName, portOfHost] = splitHost(forwardedHost);
      name = forwardedName;
      if (portOfHost !== "") port = portOfHost;
    }
    const forwardedPrefix = firstOf(forwarded.prefix);
    if (
      forwardedPrefix.length <= PREFIX_MAX_LENGTH &&
      PREFIX.test(forwardedPrefix)
    ) prefix = forwardedPrefix.replace(/\/$/, "");
  }
  const isDefaultPort = port === "" ||
    port === (scheme === "https" ? "443" : "80");
  return `${scheme}://${name}${isDefaultPort ? "" : ":" + port}${prefix}`;
}

/** First element of a list; empty if there is none. */
export function firstOf(list: string | null): string {
  if (list === null) return "";
  const end = list.indexOf(",");
  return (end < 0 ? list : list.slice(0, end)).trim();
}

/** The host as the client wrote it; an absolute target does not decide. */
export function hostOf({ headers, url }: Request): string {
  return headers.get("Host") || authorityOf(url);
}

function authorityOf(url: string): string {
  const start = url.indexOf("://") + 3;
  const end = url.indexOf("/", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

/** The rules for hosts. */
export interface HostRules {
  /** Address or name that the server listens on. */
  readonly listensOn: string;
  /** `--public-url`. */
  readonly publicUrl?: string | undefined;
  /** `--allowed-host`: with a port, that one alone; else with any. */
  readonly allowedHosts?: readonly string[] | undefined;
}

/** Whether the server answers for the host that a request names. */
export type AnswersHost = (request: Request) => boolean;

/**
 * Makes the check; undefined when the server answers for every host.
 *
 * A page of a foreign site can have its own name lead to this machine (DNS
 * rebinding). The browser then takes the server for a part of that site and
 * lets the page read and write whatever needs no login; only the header `Host`
 * tells, which a page cannot choose. So a server that listens on loopback,
 * where nothing but names of loopback leads by itself, answers no others unless
 * they are named. A server that is reached by a network cannot know its names:
 * it checks once some are given.
 */
export function createHostCheck(rules: HostRules): AnswersHost | undefined {
  const { listensOn, publicUrl, allowedHosts } = rules;
  if (!isLoopbackHost(listensOn) && allowedHosts === undefined) {
    return undefined;
  }
  const names = new Set<string>();
  if (publicUrl !== undefined) {
    names.add(canonicalName(new URL(publicUrl).host));
  }
  for (const host of allowedHosts ?? []) names.add(keyOf(host));
  // Nearly all requests name the same host: look it up once.
  let lastHost: string | undefined;
  return function answersHost(request) {
    const host = hostOf(request);
    if (host === lastHost) return true;
    if (!isHost(host)) return false;
    const name = canonicalName(host);
    const isKnown = isLoopbackHost(host) || names.has(name) ||
      names.has(keyOf(host));
    if (isKnown) lastHost = host;
    return isKnown;
  };
}

/** Name and port, if there is one. */
function keyOf(host: string): string {
  const [, port] = splitHost(host);
  const name = canonicalName(host);
  return port === "" ? name : `${name}:${port}`;
}

const ALLOW_ORIGIN = "Access-Control-Allow-Origin";

/** Origins that are named, `scheme://host[:port]` in lower case, or any. */
export type CorsOrigins = "any" | readonly string[];

/** Parses `--cors-origin` for the app. */
interface SiteRules {
  /**
   * Whether a request is a write of a page that may not write.
   *
   * @param ownHosts Names, with ports, that this server is reached by.
   */
  refuses(
    request: Pick<Request, "method" | "headers">,
    ownHosts: () => readonly string[],
  ): boolean;
  /** Narrows an answer to those who may read it; undefined: all may. */
  readonly narrow: NarrowAnswer | undefined;
}

/** Says in an answer whether the page of that origin may read it. */
type NarrowAnswer = (
  origin: string | null,
  response: Response,
) => Response;

/**
 * Makes the rules of what pages of other origins may do: `--cors-origin`.
 *
 * | Option     | Pages that may read | Pages that may write |
 * | ---------- | ------------------- | -------------------- |
 * | not given  | all, as recorded    | the server's own     |
 * | `none`     | the server's own    | the server's own     |
 * | origins    | those and its own   | those and its own    |
 * | `*`        | all                 | all, as the original |
 *
 * Answers are made as the original's, which allow every page to read, and
 * narrowed on their way out. Writes are judged by what the browser says of
 * where they come from, whether it asked first (CORS) or not: the answer to a
 * preflight is the original's, which allows everything. Programs other than
 * browsers send neither `Sec-Fetch-Site` nor `Origin`, and may write.
 */
export function createSiteRules(named: CorsOrigins | undefined): SiteRules {
  if (named === "any") return { refuses: () => false, narrow: undefined };
  const origins = new Set(named);
  return {
    refuses: ({ method, headers }, ownHosts) =>
      isWrite(method) && isFromOtherSite(headers, origins, ownHosts),
    narrow: named === undefined ? undefined : createNarrow(origins),
  };
}

/** Every method that is not known to be safe (RFC 9110 §9.2.1). */
function isWrite(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}

function isFromOtherSite(
  headers: Headers,
  origins: ReadonlySet<string>,
  ownHosts: () => readonly string[],
): boolean {
  const site = headers.get("Sec-Fetch-Site");
  if (site === "same-origin" || site === "none") return false;
  const origin = headers.get("Origin");
  if (origin !== null && origins.has(origin.toLowerCase())) return false;
  // `same-site` is another origin all the same: a sibling host or another port.
  if (site !== null) return true;
  if (origin === null) return false;
  const host = hostOfOrigin(origin);
  return host === undefined || !ownHosts().map(normalHost).includes(host);
}

/** Undefined for `null`, the origin of pages that have none. */
function hostOfOrigin(origin: string): string | undefined {
  const schemeEnd = origin.indexOf("://");
  return schemeEnd < 0 ? undefined : normalHost(origin.slice(schemeEnd + 3));
}

/** Browsers leave out default ports, and some clients do not. */
function normalHost(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, "");
}

function createNarrow(origins: ReadonlySet<string>): NarrowAnswer {
  return (origin, response) => {
    if (!response.headers.has(ALLOW_ORIGIN)) return response;
    const narrowed = withOwnHeaders(response);
    const { headers } = narrowed;
    // Caches must not give one site's answer to another.
    headers.append("Vary", "Origin");
    if (origin !== null && origins.has(origin.toLowerCase())) {
      headers.set(ALLOW_ORIGIN, origin);
    } else headers.delete(ALLOW_ORIGIN);
    return narrowed;
  };
}
