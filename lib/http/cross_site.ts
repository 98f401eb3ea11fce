/**
 * Requests that a page of another site lets a browser send. A browser asks
 * before it sends most of them (CORS), and the answer to OPTIONS decides. It
 * does not ask before a POST without a body type of its own: such a request is
 * looked at here.
 *
 * Programs that are no browsers send neither `Sec-Fetch-Site` nor `Origin`.
 *
 * @module
 */

/** Whose pages may send requests. */
export interface SiteRules {
  /** Origins that `--cors-origin` names; undefined: anybody may read. */
  readonly corsOrigins: ReadonlySet<string> | undefined;
}

/**
 * Whether the request comes from a page of another site.
 *
 * @param ownHosts Names, with ports, that this server is reached by.
 */
export function isFromOtherSite(
  headers: Headers,
  rules: SiteRules,
  ownHosts: () => readonly string[],
): boolean {
  const site = headers.get("Sec-Fetch-Site");
  if (site === "same-origin" || site === "none") return false;
  const origin = headers.get("Origin");
  if (origin !== null && rules.corsOrigins?.has(origin.toLowerCase())) {
    return false;
  }
  // `same-site` is another origin all the same: a sibling host or another port.
  if (site !== null) return true;
  if (origin === null) return false;
  const host = hostOfOrigin(origin);
  return host === undefined || !ownHosts().map(normalHost).includes(host);
}

/** Undefined for `null`, which is an origin that says nothing. */
function hostOfOrigin(origin: string): string | undefined {
  const schemeEnd = origin.indexOf("://");
  return schemeEnd < 0 ? undefined : normalHost(origin.slice(schemeEnd + 3));
}

/** Default ports are left out by browsers, and by some clients not. */
function normalHost(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, "");
}
