/**
 * Bounds of what a store of files keeps in memory, open or free. Those that
 * clients and operators meet stand in `lib/model/limits.ts`.
 *
 * @module
 */

const MIB = 1024 * 1024;

/** Bounds, with the unit last in each name. */
export const FILE_LIMITS = {
  /** Bytes that are written and synced together. */
  groupBytesMax: 8 * MIB,
  /** Records of the log that were read lately; what is hot is in answers. */
  recordCacheBytes: 16 * MIB,
  /** Blocks of index files that were read lately. */
  indexBlockCacheBytes: 16 * MIB,
  /** Filters of event ids of sealed segments; later ones do without. */
  idFilterBytesMax: 64 * MIB,
  /** Files of the log open for reading. */
  openFilesMax: 512,
  /** Streams whose metadata is kept decoded. */
  streamMetadataCacheMax: 65_536,
  /** Room on the device that scavenging leaves to appends. */
  scavengeReserveBytes: 16 * MIB,
} as const;
