/**
 * What an operator of an open server has to keep its store well.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { EventStore } from "../store/event_store.ts";
import type { StoreMaintenance } from "../store/maintenance.ts";
import { Downloads } from "./downloads.ts";
import { JobBoard } from "./job_board.ts";
import { ScavengeHistory } from "./scavenge_history.ts";

export interface Upkeep {
  /** Long jobs that are under way, and the last ones that were. */
  readonly jobs: JobBoard;
  readonly maintenance: StoreMaintenance;
  readonly downloads: Downloads;
  /** Keeps what came of each scavenge; undefined: nothing does. */
  readonly scavengeHistory?: ScavengeHistory | undefined;
}

/** Upkeep that ends with the server. */
export interface OpenUpkeep extends Upkeep {
  /** Stops what is under way. The store must still be open. */
  close(): Promise<void>;
}

export interface UpkeepOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
  /** Undefined: what comes of scavenges is not kept. */
  readonly history?: {
    /** This node: `host:port`. */
    readonly nodeEndpoint: () => string;
    readonly maxAgeDays: number;
  } | undefined;
}

/**
 * Puts it together, and ends in the history what a crash ended.
 *
 * @returns Undefined if somebody else keeps the store well.
 */
export async function openUpkeep(
  options: UpkeepOptions,
): Promise<OpenUpkeep | undefined> {
  const { store, clock, newId, logger, version } = options;
  const { maintenance } = store;
  if (maintenance === undefined) return undefined;
  const jobs = new JobBoard({ clock, newId, logger });
  const scavengeHistory = options.history && new ScavengeHistory({
    store,
    clock,
    newEventId: newId,
    logger,
    ...options.history,
  });
  await scavengeHistory?.endInterrupted();
  const upkeep = createUpkeep({
    maintenance,
    jobs,
    clock,
    logger,
    version,
  });
  return {
    ...upkeep,
    scavengeHistory,
    async close() {
      await jobs.close();
      await scavengeHistory?.close();
    },
  };
}

/** Puts the upkeep of a store together; none of it runs yet. */
export function createUpkeep(
  { maintenance, jobs, clock, logger, version }:
    & Pick<Upkeep, "maintenance" | "jobs">
    & Pick<UpkeepOptions, "clock" | "logger" | "version">,
): Upkeep {
  return {
    jobs,
    maintenance,
    downloads: new Downloads({ maintenance, clock, logger, version }),
  };
}
