/**
 * Which hosts the server answers for.
 *
 * A page of a foreign site can have its own name lead to this machine (DNS
 * rebinding). The browser then takes the server for a part of that site and
 * lets the page read and write whatever needs no login; only the header `Host`
 * tells, which a page cannot choose. So a server that listens on loopback,
 * where nothing but names of loopback leads by itself, answers no others unless
 * they are named. A server that is reached by a network cannot know its names:
 * it checks once some are given.
 *
 * @module
 */

import { canonicalName, isHost, splitHost } from "../text/hosts.ts";
import { isLoopbackHost } from "../text/loopback.ts";
import { hostOf } from "./base_url.ts";

/** What decides about hosts. */
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

/** Makes the check; undefined when the server answers for every host. */
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
