/**
 * The audit of writes that change who may do what.
 *
 * @module
 */

import { logAudit } from "../model/audit.ts";
import type { RightsChange } from "../streams/outcomes.ts";
import {
  type HandlerServices,
  type RequestContext,
  requesterOf,
} from "./context.ts";

/** Writes a line, if a write to the stream changed rights. */
export function logRights(
  streamName: string,
  change: RightsChange | undefined,
  context: RequestContext,
  { logger }: HandlerServices,
): void {
  if (change === undefined) return;
  logAudit(logger, {
    event: "stream.rights_changed",
    requester: requesterOf(context),
    fields: { stream: streamName, ...change },
  });
}
