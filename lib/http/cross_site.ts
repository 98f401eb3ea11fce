/**
 * What pages of other origins may do: `--cors-origin`.
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
 *
 * @module
 */

import { withOwnHeaders } from "./respond.ts";

const ALLOW_ORIGIN = "Access-Control-Allow-Origin";

/** Origins that are named, `scheme://host[:port]` in lower case, or any. */
export type CorsOrigins = "any" | readonly string[];

/** What `--cors-origin` says, as the app asks for it. */
export interface SiteRules {
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
export type NarrowAnswer = (
  origin: string | null,
  response: Response,
) => Response;

/** Makes the rules. */
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
