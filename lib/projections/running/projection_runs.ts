/**
 * Runs of projections over one store.
 *
 * @module
 */

import type { Clock } from "../../model/clock.ts";
import type { EventStore } from "../../store/event_store.ts";
import { StreamAccess } from "../../streams/access.ts";
import { Followers } from "../../streams/follow.ts";
import type { ProjectionRuns } from "../run.ts";
import { startRun } from "./run.ts";
import type { RunParts as OneRunParts } from "./run_parts.ts";
import { SharedSources } from "./shared_sources.ts";
import { Turns } from "./turns.ts";

/** What runs work with. */
export interface RunParts
  extends Omit<OneRunParts, "sources" | "turns" | "nowUs"> {
  readonly store: EventStore;
  readonly clock: Clock;
  /** Runs that work at the same time; by default one for each spare processor. */
  readonly atOnce?: number;
}

/** Makes what starts runs, so that they share what they read. */
export function openProjectionRuns(
  {
    store,
    clock,
    atOnce = Math.max(1, navigator.hardwareConcurrency - 1),
    ...rest
  }: RunParts,
): ProjectionRuns {
  const followers = new Followers(store);
  const sources = new SharedSources({
    context: { store, clock, access: new StreamAccess(store) },
    followers,
    limits: rest.limits,
  });
  const turns = new Turns({
    timers: rest.timers,
    atOnce,
    writtenCount: () => followers.eventCount,
  });
  const parts = { ...rest, sources, turns, nowUs: () => clock.nowUs() };
  return {
    start: (settings) => startRun(settings, parts),
    close: () => Promise.resolve(),
  };
}
