/**
 * Opens a store: takes the directory, finds out what is there, mends what may
 * be mended, and puts the parts together.
 *
 * @module
 */

import { join } from "@std/path";
import type { Clock } from "../lib/model/clock.ts";
import { QuipuError } from "../lib/model/errors.ts";
import type { EventStore } from "../lib/model/event_store.ts";
import { LIMITS } from "../lib/model/limits.ts";
import type { Logger } from "../lib/model/logger.ts";
import type { Disk, DiskLock } from "./disk/disk.ts";
import { createFileDisk } from "./disk/file_disk.ts";
import { snapshotBytesFor } from "./index/heads_snapshot.ts";
import { StoreIndex } from "./index/store_index.ts";
import type { Catalog } from "./kv/catalog.ts";
import { openKvCatalog } from "./kv/kv_catalog.ts";
import { RecordReader } from "./log/record_reader.ts";
import { OpenFiles, type Segment, segmentPath } from "./log/segment.ts";
import { encodeSegmentHeader } from "./log/segment_header.ts";
import { createMemoryCatalog } from "./memory/memory_catalog.ts";
import { createMemoryDisk } from "./memory/memory_disk.ts";
import type { StorePlatform } from "./platform.ts";
import { loadLog } from "./recovery/load_log.ts";
import { settle } from "./recovery/settle.ts";
import { FileStore } from "./store.ts";
import { BatchEncoder } from "./write/batch_encoder.ts";
import { StreamStates } from "./write/stream_states.ts";
import { Publisher } from "./write/publisher.ts";
import { type ActiveSegment, Writer } from "./write/writer.ts";

export interface OpenStoreOptions {
  /** Directory of the store; undefined keeps everything in memory. */
  readonly directory: string | undefined;
  /** Bytes of a segment file, 1 MiB to 4 GiB − 1. */
  readonly segmentSizeBytes: number;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
  /** Bounds of what waits to be written; those of `LIMITS` by default. */
  readonly queue?: {
    readonly eventsMax: number;
    readonly bytesMax: number;
  };
}

/**
 * Opens the store of a directory, or one in memory.
 *
 * @throws {QuipuError} `directoryLocked`, `notWritable`, `foreignFormat` or
 * `damaged`; each message says what is wrong and where.
 */
export function openStore(options: OpenStoreOptions): Promise<EventStore> {
  const { directory } = options;
  return directory === undefined
    ? openStoreOn(memoryPlatform(), { ...options, directory: "memory" })
    : openStoreOn(filePlatform(), { ...options, directory });
}

function filePlatform(): StorePlatform {
  return { disk: createFileDisk(), openCatalog: openKvCatalog };
}

function memoryPlatform(): StorePlatform {
  return {
    disk: createMemoryDisk(),
    openCatalog: () => Promise.resolve(createMemoryCatalog()),
  };
}

/** Opens a store on a given disk and catalog; see `openStore`. */
export async function openStoreOn(
  platform: StorePlatform,
  options: OpenStoreOptions & { readonly directory: string },
): Promise<EventStore> {
  const { directory, logger, clock, newEventId } = options;
  const { disk } = platform;
  const startedAtUs = clock.nowUs();
  const lock = await takeDirectory(disk, directory);
  const logDirectory = join(directory, SEGMENTS_NAME);
  const files = new OpenFiles(disk, LIMITS.openFilesMax);
  let catalog: Catalog | undefined;
  try {
    await disk.makeDirectory(logDirectory);
    // A file is only as permanent as the directories that it stands in.
    await disk.syncDirectory(directory);
    const index = new StoreIndex({
      disk,
      files,
      storeDirectory: directory,
      logDirectory,
      blockCacheBytes: LIMITS.indexBlockCacheBytes,
      idFilterBytesMax: LIMITS.idFilterBytesMax,
    });
    const reader = new RecordReader({
      files,
      cacheBytes: LIMITS.recordCacheBytes,
    });
    const log = await loadLog({ disk, logDirectory, files, index, reader });
    const settled = await settle({
      platform,
      directory,
      log,
      index,
      reader,
      files,
      logger,
      clock,
      newEventId,
    });
    catalog = settled.catalog;
    const { storeId, epoch } = settled;
    const { segments } = log;

    const createSegment = async (
      startPosition: number,
      checksum: number,
    ): Promise<ActiveSegment> => {
      const name = { number: segments.length, generation: 1 };
      const segment: Segment = {
        ...name,
        path: segmentPath(logDirectory, name, "seg"),
        startPosition,
        endPosition: startPosition,
        checksum,
      };
      const file = await disk.create(segment.path);
      const header = encodeSegmentHeader({
        storeId,
        number: segment.number,
        generation: segment.generation,
        startPosition,
        previousChecksum: checksum,
        createdAtUs: clock.nowUs(),
      });
      await file.writeAt(header, 0);
      await file.sync();
      await disk.syncDirectory(logDirectory);
      index.addUnsealed(segment);
      segments.push(segment);
      return { segment, file };
    };

    const last = segments[segments.length - 1];
    const active: ActiveSegment =
      last === undefined || index.unsealedCount === 0
        ? await createSegment(log.validEnd, log.checksum)
        : {
          segment: last,
          file: disk.open(last.path, "write"),
        };

    const sealer = new Sealer(index, storeId, logger);
    if (index.unsealedCount > 1) sealer.start();
    const publisher = new Publisher({
      lists: index.lists,
      logger,
      end: log.validEnd,
      lastPosition: log.lastPosition,
    });
    const states = new StreamStates({
      index,
      metadataCacheMax: LIMITS.streamMetadataCacheMax,
      recordAt: (segment, position) =>
        (position < segment.endPosition
          ? undefined
          : writer.recordInFlight(position)) ??
          reader.read(segment, position, { withBodies: true }),
    });
    const encoder = new BatchEncoder({
      lists: index.lists,
      states,
      clock,
      newEventId,
      memtable: () => index.active,
    });
    encoder.lastCreatedAtUs = log.lastCreatedAtUs;
    const writer: Writer = new Writer({
      encoder,
      catalog,
      storeId,
      epoch,
      logger,
      active,
      publisher,
      end: log.validEnd,
      checksum: log.checksum,
      segmentSizeBytes: options.segmentSizeBytes,
      batchBytesMax: LIMITS.batchBytesMax,
      queueEventsMax: options.queue?.eventsMax ??
        LIMITS.appendQueueEventsMax,
      queueBytesMax: options.queue?.bytesMax ?? LIMITS.appendQueueBytesMax,
      roll: async (startPosition, checksum) => {
        // At most one segment waits for its index while another is written.
        await sealer.finished();
        const next = await createSegment(startPosition, checksum);
        logger.info("segment.rolled", { segment: next.segment.number });
        sealer.start();
        return next;
      },
    });
    logger.info("store.opened", {
      directory,
      verdict: settled.label,
      segments: segments.length,
      streams: index.lists.streamCount,
      endPosition: publisher.end,
      epoch,
      tookMs: Math.round((clock.nowUs() - startedAtUs) / 1000),
    });
    return new FileStore({
      segments,
      index,
      reader,
      states,
      writer,
      catalog,
      files,
      publisher,
      release: async () => {
        await sealer.close();
        lock.release();
      },
    });
  } catch (error) {
    catalog?.close();
    files.close();
    lock.release();
    throw asOpenError(error, directory);
  }
}

/** Takes the lock and refuses a directory that holds something else. */
async function takeDirectory(disk: Disk, directory: string): Promise<DiskLock> {
  try {
    await disk.makeDirectory(directory);
    const names = await disk.list(directory);
    const foreign = names.filter((name) => !TOLERATED_NAME.test(name));
    const isOurs = foreign.length === 0 ||
      OWN_NAMES.some((name) => names.includes(name));
    if (!isOurs) {
      throw new QuipuError(
        "foreignFormat",
        `Cannot open "${directory}": it holds "${foreign[0]}" and no store ` +
          `of this program`,
      );
    }
    const lock = await disk.lock(
      join(directory, "lock"),
      `process ${Deno.pid}`,
    );
    if ("heldBy" in lock) {
      throw new QuipuError(
        "directoryLocked",
        `Cannot open "${directory}": it is in use by ` +
          (lock.heldBy === "" ? "another process" : lock.heldBy),
      );
    }
    return lock;
  } catch (error) {
    throw asOpenError(error, directory);
  }
}

const SEGMENTS_NAME = "segments";
const OWN_NAMES = ["lock", "catalog.kv", SEGMENTS_NAME];

/** What may lie in a new store's directory: logs, and what mounting leaves. */
const TOLERATED_NAME = /^(log|.*\.log|lost\+found|\..*)$/;

/** Names the directory in what the operating system says about it. */
function asOpenError(error: unknown, directory: string): Error {
  if (error instanceof QuipuError) return error;
  return new QuipuError(
    "notWritable",
    `Cannot open "${directory}": ${reasonOf(error)}`,
    { cause: error },
  );
}

/**
 * Writes index files of sealed segments in the background, one at a time, and
 * now and then a snapshot of the heads.
 */
class Sealer {
  readonly #index: StoreIndex;
  readonly #storeId: string;
  readonly #logger: Logger;
  #work: Promise<void> = Promise.resolve();
  /** Bytes of log that were sealed since the last snapshot. */
  #sealedBytes = 0;

  constructor(index: StoreIndex, storeId: string, logger: Logger) {
    this.#index = index;
    this.#storeId = storeId;
    this.#logger = logger;
  }

  start(): void {
    this.#work = this.#work.then(() => this.#seal());
  }

  finished(): Promise<void> {
    return this.#work;
  }

  async close(): Promise<void> {
    await this.#work;
    if (this.#sealedBytes > 0) await this.#snapshot();
  }

  async #seal(): Promise<void> {
    try {
      const segment = await this.#index.sealOldest(
        this.#storeId,
        createPause(),
      );
      if (segment === undefined) return;
      this.#logger.info("segment.sealed", { segment: segment.number });
      this.#sealedBytes += segment.endPosition - segment.startPosition;
      const snapshotBytes = snapshotBytesFor(this.#index.lists.size);
      if (this.#sealedBytes > SNAPSHOT_SHARE * snapshotBytes) {
        await this.#snapshot();
      }
    } catch (error) {
      // The segment is served from memory; its file is made at the next start.
      this.#logger.error("segment.seal_failed", { reason: reasonOf(error) });
    }
  }

  async #snapshot(): Promise<void> {
    try {
      await this.#index.writeSnapshot(this.#storeId, createPause());
      this.#sealedBytes = 0;
    } catch (error) {
      this.#logger.warn("heads.snapshot_failed", { reason: reasonOf(error) });
    }
  }
}

/** The log grows by so many times the size of a snapshot between two of them. */
const SNAPSHOT_SHARE = 4;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Milliseconds that background work goes on before it lets others work. */
const WORK_MS = 2;

/** Makes a function that now and then lets what is waiting run. */
function createPause(): () => Promise<void> {
  let resumedAtMs = performance.now();
  return async () => {
    if (performance.now() - resumedAtMs < WORK_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    resumedAtMs = performance.now();
  };
}
