/**
 * Recorded steps that cannot match yet: areas of parts that are not built, and
 * steps of other areas, by rule.
 *
 * An area that is not built is read and compared with itself, but not replayed;
 * its steps count as nothing, least of all as passed. Steps under a rule are
 * replayed. Both lists say how many steps they hold: when one more matches, or
 * one fewer, the tests fail until the number is true again.
 *
 * @module
 */

import { areaNames } from "./recording.ts";
import type { Exchange } from "./replay.ts";

/** An area that no part of the server answers yet. */
export interface UnbuiltArea {
  readonly area: string;
  /** What it needs. */
  readonly need: string;
  /** How many steps were recorded. */
  readonly steps: number;
}

/** Every area that is not replayed. */
export const NOT_BUILT: readonly UnbuiltArea[] = [];

/** Names of the areas that are replayed. */
export function replayedAreas(): string[] {
  return areaNames().filter((name) =>
    !NOT_BUILT.some(({ area }) => area === name)
  );
}

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
export const PENDING: readonly PendingRule[] = [];
