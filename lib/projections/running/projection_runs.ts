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
import { type RunParts as OneRunParts, startRun } from "./run.ts";
import { SharedSources } from "./shared_sources.ts";

/** What runs work with. */
export interface RunParts extends Omit<OneRunParts, "sources" | "nowUs"> {
  readonly store: EventStore;
  readonly clock: Clock;
}

/** Makes what starts runs, so that they share what they read. */
export function openProjectionRuns(
  { store, clock, ...rest }: RunParts,
): ProjectionRuns {
  const sources = new SharedSources({
    context: { store, clock, access: new StreamAccess(store) },
    followers: new Followers(store),
    limits: rest.limits,
  });
  const parts = { ...rest, sources, nowUs: () => clock.nowUs() };
  return {
    start: (settings) => startRun(settings, parts),
    close: () => Promise.resolve(),
  };
}
