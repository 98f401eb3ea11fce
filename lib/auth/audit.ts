/**
 * One line in the log for each change of users and tokens: what, of whom, by
 * whom, from where; never a secret.
 *
 * @module
 */

import type { Requester } from "./contract.ts";
import type { LogFields, Logger } from "../model/logger.ts";

/** Writes an audit line. `event` is a past-tense name: `user.created`. */
export function logAudit(
  logger: Logger,
  { event, requester, fields }: {
    readonly event: string;
    readonly requester: Requester;
    readonly fields: LogFields;
  },
): void {
  logger.info(event, {
    ...fields,
    by: requester.caller?.login ?? null,
    from: requester.remoteAddress,
  });
}
