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
  readonly downloads: Downloads;
  /** What only a store of files has. */
  readonly maintenance: StoreMaintenance | undefined;
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

/** Puts it together, and ends in the history what a crash ended. */
export async function openUpkeep(options: UpkeepOptions): Promise<OpenUpkeep> {
  const { store, clock, newId, logger } = options;
  const jobs = new JobBoard({ clock, newId, logger });
  const scavengeHistory = options.history && store.maintenance &&
    new ScavengeHistory({
      store,
      clock,
      newEventId: newId,
      logger,
      ...options.history,
    });
  await scavengeHistory?.endInterrupted();
  return {
    ...createUpkeep({ ...options, jobs }),
    scavengeHistory,
    async close() {
      await jobs.close();
      await scavengeHistory?.close();
    },
  };
}

/** Puts the upkeep of a store together; none of it runs yet. */
export function createUpkeep(
  { store, jobs, clock, logger, version }:
    & Pick<Upkeep, "jobs">
    & Pick<UpkeepOptions, "store" | "clock" | "logger" | "version">,
): Upkeep {
  return {
    jobs,
    downloads: new Downloads({ store, clock, logger, version }),
    maintenance: store.maintenance,
  };
}
