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
import { Uploads } from "./uploads.ts";
import { JobBoard } from "./job_board.ts";
import {
  ScavengeHistory,
  type ScavengeHistoryOptions,
} from "./scavenge_history.ts";

export interface UpkeepOptions {
  readonly store: EventStore;
  readonly jobs: JobBoard;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
  readonly scavengeHistory?: ScavengeHistory | undefined;
}

/** The upkeep of a store; none of it runs yet. */
export class Upkeep {
  /** What only a store of files has. */
  readonly maintenance: StoreMaintenance | undefined;
  /** Long jobs that are under way, and the last ones that were. */
  readonly jobs: JobBoard;
  readonly downloads: Downloads;
  readonly uploads: Uploads;
  /** Keeps what came of each scavenge; undefined: nothing does. */
  readonly scavengeHistory: ScavengeHistory | undefined;

  constructor(options: UpkeepOptions) {
    this.maintenance = options.store.maintenance;
    this.jobs = options.jobs;
    this.downloads = new Downloads(options);
    this.uploads = new Uploads(options);
    this.scavengeHistory = options.scavengeHistory;
  }

  /** Stops what is under way. The store must still be open. */
  async close(): Promise<void> {
    await this.jobs.close();
    await this.scavengeHistory?.close();
  }
}

/** Puts it together, and ends in the history what a crash ended. */
export async function openUpkeep(
  { newEventId, history, ...shared }: {
    readonly store: EventStore;
    readonly clock: Clock;
    readonly newEventId: () => string;
    readonly logger: Logger;
    /** Of the program. */
    readonly version: string;
    /** Undefined: what comes of scavenges is not kept. */
    readonly history:
      | Pick<ScavengeHistoryOptions, "nodeEndpoint" | "maxAgeDays">
      | undefined;
  },
): Promise<Upkeep> {
  const jobs = new JobBoard({ ...shared, newId: newEventId });
  const scavengeHistory = history && shared.store.maintenance &&
    new ScavengeHistory({ newEventId, ...shared, ...history });
  await scavengeHistory?.endInterrupted();
  return new Upkeep({ jobs, scavengeHistory, ...shared });
}
