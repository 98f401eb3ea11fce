/**
 * Maintenance of an open server's store: scavenges, verifications, backups,
 * exports and imports.
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

export interface MaintenanceServiceOptions {
  readonly store: EventStore;
  readonly jobs: JobBoard;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
  readonly scavengeHistory?: ScavengeHistory | undefined;
}

/** Maintenance of a store; no job runs yet. */
export class MaintenanceService {
  /** The operations that only a store of files has. */
  readonly store: StoreMaintenance | undefined;
  /** Long jobs: those under way, and the last ones. */
  readonly jobs: JobBoard;
  readonly downloads: Downloads;
  readonly uploads: Uploads;
  /** Keeps the result of each scavenge; undefined: nothing does. */
  readonly scavengeHistory: ScavengeHistory | undefined;

  constructor(options: MaintenanceServiceOptions) {
    this.store = options.store.maintenance;
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

/** Opens it, and ends in the history the scavenges that a crash interrupted. */
export async function openMaintenance(
  { newEventId, history, ...shared }: {
    readonly store: EventStore;
    readonly clock: Clock;
    readonly newEventId: () => string;
    readonly logger: Logger;
    /** Of the program. */
    readonly version: string;
    /** Undefined: results of scavenges are not kept. */
    readonly history:
      | Pick<ScavengeHistoryOptions, "nodeEndpoint" | "maxAgeDays">
      | undefined;
  },
): Promise<MaintenanceService> {
  const jobs = new JobBoard({ ...shared, newId: newEventId });
  const scavengeHistory = history && shared.store.maintenance &&
    new ScavengeHistory({ newEventId, ...shared, ...history });
  // What is not ended may be under way on another server of the store.
  const isAlone = shared.store.members === undefined;
  if (isAlone) await scavengeHistory?.endInterrupted();
  return new MaintenanceService({ jobs, scavengeHistory, ...shared });
}
