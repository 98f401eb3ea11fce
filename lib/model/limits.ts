/**
 * Every bound of the server in one table: what is queued, cached, read,
 * buffered or waited for. `lib/config` makes options of those that an operator
 * may change.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds, with the unit last in each name. */
export const LIMITS = {
  // What a request may bring.
  /** Data plus metadata of one event (spec: streams §2.6). */
  eventBytesMax: 4 * MIB,
  requestBytesMax: 16 * MIB,
  batchEventsMax: 100_000,
  jsonDepthMax: 200,
  xmlDepthMax: 200,
  /** UTF-8 bytes of a stream's name. */
  streamNameBytesMax: 4 * KIB,
  /** UTF-8 bytes of an event type. */
  eventTypeBytesMax: 1 * KIB,
  /** Time to send a whole body. */
  bodyReadMs: 15_000,

  // What an answer may hold.
  /** Entries of one page (spec: streams §5.1). */
  pageEventsMax: 4096,
  /** Event bytes that one page holds in memory before it is streamed. */
  pageBytesMax: 4 * MIB,
  /** Records that a filtered page of the whole log looks at. */
  filterScanMax: 10_000,

  // What may wait.
  appendQueueEventsMax: 200_000,
  appendQueueBytesMax: 128 * MIB,
  batchBytesMax: 8 * MIB,
  shutdownMs: 10_000,
  longPollMsMax: 60_000,
  longPollsMax: 20_000,

  // What is kept in memory.
  logBlockCacheBytes: 32 * MIB,
  indexBlockCacheBytes: 16 * MIB,
  streamMetadataCacheMax: 65_536,
} as const;
