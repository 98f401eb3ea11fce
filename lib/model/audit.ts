/**
 * The audit: one line for each change of users, tokens, rights and persistent
 * subscriptions, for what hands out the whole store, and a sample of failed
 * logins. No log level leaves
 * them out. They name what changed, who did it and from where, and hold rights
 * alone: never payloads or credentials.
 *
 * @module
 */

import type { LogFields, Logger } from "./logger.ts";
import type { Principal } from "./principal.ts";

/** Who asks, and from where: for rights, for limits and for the audit. */
export interface Requester {
  /** `undefined` for an anonymous caller. */
  readonly caller: Principal | undefined;
  /** Address of the client, behind trusted proxies too. */
  readonly remoteAddress: string;
}

/** Writes an audit line. `event` is a past-tense name: `user.created`. */
export function logAudit(
  logger: Pick<Logger, "audit">,
  { event, requester, fields }: {
    readonly event: string;
    readonly requester: Requester;
    readonly fields: LogFields;
  },
): void {
  logger.audit(event, {
    ...fields,
    by: requester.caller?.login ?? null,
    from: requester.remoteAddress,
  });
}
