/**
 * The platform of a store. Tests replace it, with faults or in memory.
 *
 * @module
 */

import type { Disk } from "../disk/disk.ts";
import type { Catalog } from "./catalog.ts";

export interface StorePlatform {
  readonly disk: Disk;
  /** Opens the catalog in a file, made if it is not there. */
  openCatalog(path: string): Promise<Catalog>;
  /** Set when nothing of it outlives the process, and no catalog has a file. */
  readonly isVolatile?: true;
}
