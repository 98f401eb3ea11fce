/**
 * What an operator of an open server has to keep its store well.
 *
 * @module
 */

import type { StoreMaintenance } from "../model/maintenance.ts";
import type { Backups } from "./backups.ts";
import type { JobBoard } from "./job_board.ts";

export interface Upkeep {
  /** Long jobs that are under way, and the last ones that were. */
  readonly jobs: JobBoard;
  readonly maintenance: StoreMaintenance;
  readonly backups: Backups;
}
