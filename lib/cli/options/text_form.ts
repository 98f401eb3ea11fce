/**
 * Texts of a certain form: addresses of servers, ranges of addresses, origins.
 *
 * @module
 */

import { isHost } from "../../text/hosts.ts";
import { parseIpRanges } from "../../text/addresses.ts";
import type { TextForm } from "./options.ts";

/** How each form is read, and what it is in words. */
export const TEXT_FORMS = {
  url: {
    parse: parseBaseUrl,
    wanted: "an address such as https://events.example.org",
  },
  urls: {
    parse: parseBaseUrls,
    wanted: "addresses such as https://events.example.org",
  },
  ipRanges: {
    parse: parseIpRanges,
    wanted: "addresses or ranges such as 10.0.0.0/8,::1",
  },
  hosts: {
    parse: parseHosts,
    wanted: "hosts such as events.example.org or 10.0.0.5:2113",
  },
  origins: {
    parse: parseOrigins,
    wanted: "origins such as https://app.example.org, *, or none",
  },
} satisfies Record<
  TextForm,
  { parse(text: string): unknown; readonly wanted: string }
>;

/**
 * An address that others can be appended to.
 *
 * @returns Without a slash at its end; undefined when it is no such address.
 */
export function parseBaseUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !isHttp(url)) return undefined;
  const { origin, pathname, search, hash, username, password } = url;
  const hasMore = search !== "" || hash !== "" || username !== "" ||
    password !== "" || /["'<>\\^`{|}]|\/\//.test(pathname);
  return hasMore ? undefined : origin + pathname.replace(/\/$/, "");
}

/**
 * Addresses with commas between them.
 *
 * @returns Undefined when one of them is no such address.
 */
export function parseBaseUrls(text: string): readonly string[] | undefined {
  const urls = text.split(",").map((part) => parseBaseUrl(part.trim()));
  return urls.every((url) => url !== undefined) ? urls : undefined;
}

/**
 * Origins with commas between them, `*` for any, or `none`.
 *
 * @returns In lower case, as browsers send them; undefined when one of them is
 * not an origin.
 */
export function parseOrigins(
  text: string,
): "any" | readonly string[] | undefined {
  const trimmed = text.trim();
  if (trimmed === "*") return "any";
  if (trimmed === "none") return [];
  const origins: string[] = [];
  for (const part of text.split(",")) {
    const url = URL.parse(part.trim());
    const isOrigin = url !== null && isHttp(url) && isHost(url.host) &&
      url.pathname === "/" &&
      url.search === "" && url.hash === "" && url.username === "";
    if (!isOrigin) return undefined;
    origins.push(url.origin);
  }
  return origins;
}

/**
 * Hosts with commas between them, each with a port or without one.
 *
 * @returns As they were written; undefined when one of them is not a host.
 */
export function parseHosts(text: string): readonly string[] | undefined {
  const hosts = text.split(",").map((part) => part.trim());
  return hosts.every(isHost) ? hosts : undefined;
}

function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}
