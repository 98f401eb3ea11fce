/**
 * Runs of projections over one store.
 *
 * @module
 */

import type { Clock, Timers } from "../../model/clock.ts";
import type { Limits } from "../../model/limits.ts";
import type { EventStore } from "../../store/event_store.ts";
import type { StateView } from "../contract.ts";
import type {
  ProjectionRun,
  ProjectionRuns,
  RunSettings,
  RunStatus,
} from "../run.ts";

/** What runs work with. */
export interface RunParts {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly timers: Timers;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  readonly limits: Limits;
}

/** Makes what starts runs. */
export function openProjectionRuns(_parts: RunParts): ProjectionRuns {
  return {
    start: (settings) => new RefusedRun(settings),
    close: () => Promise.resolve(),
  };
}

/** Says that queries do not run in this version. */
class RefusedRun implements ProjectionRun {
  readonly status: RunStatus;
  readonly prepared = Promise.resolve();
  readonly ended = Promise.resolve();
  readonly log = [];
  onChange: (() => void) | undefined;

  constructor({ runs, definition }: RunSettings) {
    this.status = {
      phase: runs ? "faulted" : "stopped",
      reason: runs ? "This version does not run queries" : "",
      isUnprepared: false,
      definition,
      position: undefined,
      lastCheckpoint: undefined,
      progress: -1,
      checkpointStatus: "",
      coreProcessingTimeMs: 0,
      eventsProcessed: 0,
      bufferedEvents: 0,
      partitionsCached: 0,
      readsInProgress: 0,
      writesInProgress: 0,
      pendingWrites: 0,
      eventsPerSecond: 0,
      lagEvents: undefined,
      lagMs: 0,
    };
  }

  state(): Promise<StateView> {
    return Promise.resolve({ text: "", position: undefined });
  }

  result(): Promise<StateView> {
    return this.state();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  dispose(): void {}
}
