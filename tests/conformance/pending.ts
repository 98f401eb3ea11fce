/**
 * Recorded steps that cannot match yet, by rule. They are replayed all the
 * same. A rule says how many steps are open under it: when one more matches,
 * or one fewer, the tests fail until the number is true again.
 *
 * @module
 */

import type { Exchange } from "./replay.ts";

/** Steps that wait for a part of the server that is not there. */
export interface PendingRule {
  /** What they need. */
  readonly need: string;
  /** How many steps do not match because of it. */
  readonly openSteps: number;
  /** Whether a step that does not match may wait under this rule. */
  readonly concerns: (exchange: Exchange) => boolean;
}

/** Every rule. A step waits under the first that concerns it. */
export const PENDING: readonly PendingRule[] = [
  {
    need: "persistent subscriptions",
    openSteps: 36,
    concerns: (exchange) => isBelow(exchange, "/subscriptions"),
  },
  {
    need: "projections",
    openSteps: 32,
    concerns: (exchange) =>
      isBelow(exchange, "/projection") || isBelow(exchange, "/projections") ||
      exchange.scenario.area === "projections",
  },
];

/** Whether a step asks for a path or something below it. */
function isBelow({ step }: Exchange, path: string): boolean {
  const asked = step.request.path.replace(/\?.*$/, "");
  return asked === path || asked.startsWith(`${path}/`);
}
