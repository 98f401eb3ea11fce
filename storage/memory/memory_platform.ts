/**
 * What a store in memory stands on.
 *
 * @module
 */

import type { StorePlatform } from "../commit/platform.ts";
import { createMemoryCatalog } from "./memory_catalog.ts";
import { createMemoryDisk } from "./memory_disk.ts";

/** Makes an empty platform. */
export function createMemoryPlatform(): StorePlatform {
  return {
    isVolatile: true,
    disk: createMemoryDisk(),
    openCatalog: () => Promise.resolve(createMemoryCatalog()),
  };
}
