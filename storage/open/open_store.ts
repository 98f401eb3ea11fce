/**
 * Opens a store: takes the directory, finds out what is there, mends what may
 * be mended, and puts the parts together.
 *
 * @module
 */

import { join } from "@std/path";
import type { Clock } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { FILE_LIMITS } from "../disk/limits.ts";
import type { JobControl } from "../../lib/store/maintenance.ts";
import type { Logger } from "../../lib/model/logger.ts";
import {
  NO_OBSERVER,
  type StoreObserver,
} from "../../lib/store/store_observer.ts";
import type { DiskLock } from "../disk/disk.ts";
import { Sealer } from "../index/sealer.ts";
import type { IndexMaker } from "../index/worker_index_maker.ts";
import { StoreIndex } from "../index/store_index.ts";
import { KnownDamage } from "./known_damage.ts";
import { RecordReader } from "../log/record_reader.ts";
import { OpenFiles } from "../log/segment.ts";
import { SegmentPins } from "../log/segment_pins.ts";
import {
  asOpenError,
  SEGMENTS_NAME,
  takeDirectory,
  takeForReading,
} from "../disk/store_directory.ts";
import type { StorePlatform } from "../commit/platform.ts";
import { loadLog, type LoadOptions } from "./load_log.ts";
import { tellLosses } from "./losses.ts";
import { rebuildIndex } from "../index/rebuild_index.ts";
import { salvage } from "./salvage_log.ts";
import { reconcile } from "./reconcile.ts";
import { FileStore } from "./file_store.ts";
import {
  type NameLimits,
  STORED_NAMES,
} from "../../lib/store/append_refusal.ts";
import { activeEndOf } from "../write/active_end.ts";
import { Ballast } from "../write/ballast.ts";
import type { CommitPoint } from "../write/commit_group.ts";
import { RequestEncoder } from "../write/request_encoder.ts";
import { NameRoom } from "../write/name_room.ts";
import { Publisher } from "../write/publisher.ts";
import { StreamStates } from "../write/stream_states.ts";
import { type ActiveSegment, WriteAccess } from "../write/write_access.ts";
import { Writer } from "../write/writer.ts";

export interface OpenFileStoreOptions {
  /** Directory of the store. */
  readonly directory: string;
  /** Bytes of a segment file, 1 MiB to 4 GiB − 1. */
  readonly segmentSizeBytes: number;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
  /** Is told of each commit group; nobody by default. */
  readonly observer?: StoreObserver;
  /** Bounds of what waits to be written; those of `LIMITS` by default. */
  readonly queue?: {
    readonly eventsMax: number;
    readonly bytesMax: number;
  };
  /** Bounds of new names; by default those of files alone. */
  readonly names?: NameLimits;
  /** Bytes kept free for a full device, 0 for none; none by default. */
  readonly ballastBytes?: number;
  /** Serves what is whole and writes nothing, even if the store is damaged. */
  readonly isReadOnly?: boolean;
  /** Opens a directory that is marked as being restored to. */
  readonly isRestoring?: boolean;
  /** Is told of each segment, and may stop the opening between two. */
  readonly opening?: JobControl;
  /**
   * Bytes of the active segment from which on a clean stop writes down what it
   * holds, to spare the next start the scan; 4 MiB by default.
   */
  readonly activeBytesMin?: number;
  /** Makes index files of full segments; by default this thread does. */
  readonly indexMaker?: IndexMaker;
  /** Time until writing is first tried again; `LIMITS.writeRetryMs` by default. */
  readonly retryMs?: number;
}

/**
 * Opens a store on a given disk and catalog.
 *
 * @throws {QuipuError} `directoryLocked`, `notWritable`, `foreignFormat` or
 * `damaged`; each message says what is wrong and where.
 */
export async function openFileStore(
  platform: StorePlatform,
  options: OpenFileStoreOptions,
): Promise<FileStore> {
  const { directory } = options;
  const { disk } = platform;
  const lock = options.isReadOnly
    ? await takeForReading(disk, directory)
    : await takeDirectory(disk, directory, options.isRestoring);
  const files = new OpenFiles(disk, FILE_LIMITS.openFilesMax);
  const open = (trustsHeads: boolean): Promise<FileStore> =>
    openParts(platform, { ...options, files, lock, trustsHeads });
  try {
    return await open(true).catch((error) => {
      const isDamage = error instanceof QuipuError &&
        error.code === "corruptRecord";
      if (!isDamage) throw error;
      // Index files that were not looked at, because of the heads, and then
      // were needed: looked at one by one, the damaged ones are made again.
      files.close();
      return open(false);
    });
  } catch (error) {
    files.close();
    lock.release();
    options.opening?.signal.throwIfAborted();
    throw asOpenError(error, directory);
  }
}

async function openParts(
  platform: StorePlatform,
  options: OpenFileStoreOptions & {
    readonly files: OpenFiles;
    readonly lock: DiskLock;
    /** Whether the heads may spare a look at index files. */
    readonly trustsHeads: boolean;
  },
): Promise<FileStore> {
  const { directory, files, lock, logger, clock, newEventId } = options;
  const { disk } = platform;
  const names = options.names ?? STORED_NAMES;
  const startedAtUs = clock.nowUs();
  const logDirectory = join(directory, SEGMENTS_NAME);
  const isReadOnly = options.isReadOnly ?? false;
  if (!isReadOnly) {
    await disk.makeDirectory(logDirectory);
    // A file is only as permanent as the directories that it stands in.
    await disk.syncDirectory(directory);
  }
  let sealer: Sealer | undefined = undefined;
  const index = new StoreIndex({
    disk,
    files,
    storeDirectory: directory,
    logDirectory,
    blockCacheBytes: FILE_LIMITS.indexBlockCacheBytes,
    idFilterBytesMax: FILE_LIMITS.idFilterBytesMax,
    onDamage: (segmentNumber) => {
      if (!isReadOnly) sealer?.rebuild(segmentNumber);
    },
    indexMaker: options.indexMaker,
  });
  const damage = new KnownDamage(logger);
  const reader = new RecordReader({
    files,
    cacheBytes: FILE_LIMITS.recordCacheBytes,
    onDamage: (position, message) => damage.met(position, message),
  });
  const loading: LoadOptions = {
    disk,
    logDirectory,
    files,
    index,
    reader,
    logger,
    trustsHeads: options.trustsHeads,
    opening: options.opening,
  };
  const salvaged = isReadOnly
    ? await salvage(platform, directory, loading)
    : undefined;
  const log = salvaged?.log ?? await loadLog(loading);
  log.contradictions.tell(logger);
  damage.found(
    (salvaged?.log.damages.length ?? 0) + log.contradictions.count,
  );
  const point = {
    end: log.validEnd,
    checksum: log.checksum,
    lastCreatedAtUs: log.lastCreatedAtUs,
  };
  const storeId = () => access.reconciled?.storeId ?? log.storeId ?? "";
  sealer = new Sealer({
    index,
    activeBytesMin: options.activeBytesMin ?? ACTIVE_BYTES_MIN,
    storeId,
    logger,
    rebuildIndex: (segmentNumber, pause) =>
      rebuildIndex({
        files,
        disk,
        logDirectory,
        index,
        reader,
        storeId: storeId(),
        segmentNumber,
        pause,
      }),
  });
  const ballast = new Ballast({
    disk,
    directory,
    sizeBytes: options.ballastBytes ?? 0,
  });
  const access: WriteAccess = new WriteAccess({
    disk,
    logDirectory,
    files,
    index,
    segments: log.segments,
    sealer,
    ballast,
    clock,
    logger,
    observer: options.observer ?? NO_OBSERVER,
    reconcile: () =>
      reconcile({
        platform,
        directory,
        logDirectory,
        log,
        index,
        reader,
        files,
        logger,
        clock,
        newEventId,
      }),
  });
  const opened = salvaged ?? await openForWriting(access, point);
  const publisher = new Publisher({
    lists: index.lists,
    logger,
    end: log.validEnd,
    lastPosition: log.lastPosition,
  });
  const states = new StreamStates({
    index,
    metadataCacheMax: FILE_LIMITS.streamMetadataCacheMax,
    recordAt: (segment, position) =>
      (position < segment.endPosition
        ? undefined
        : writer.recordInFlight(position)) ??
        reader.read(segment, position, { withBodies: true }),
  });
  const encoder = new RequestEncoder({
    lists: index.lists,
    states,
    clock,
    lastCreatedAtUs: log.lastCreatedAtUs,
    newEventId,
    memtable: () => index.active,
    nameRoom: new NameRoom({
      lists: index.lists,
      logger,
      bytesMax: names.namesBytesMax,
    }),
  });
  const writer: Writer = new Writer({
    active: opened.active,
    failure: opened.failure,
    isReadOnly,
    encoder,
    access,
    logger,
    publisher,
    point,
    segmentSizeBytes: options.segmentSizeBytes,
    groupBytesMax: FILE_LIMITS.groupBytesMax,
    queueEventsMax: options.queue?.eventsMax ?? LIMITS.appendQueueEventsMax,
    queueBytesMax: options.queue?.bytesMax ?? LIMITS.appendQueueBytesMax,
    retryMs: options.retryMs ?? LIMITS.writeRetryMs,
    rollBack: () => {
      index.rollBack();
      states.forgetAllMetadata();
    },
  });
  logger.info("store.opened", {
    directory,
    verdict: access.reconciled?.label ?? "READ_ONLY",
    segments: log.segments.length,
    streams: index.lists.streamCount,
    endPosition: publisher.end,
    epoch: access.reconciled?.epoch,
    tookMs: Math.round((clock.nowUs() - startedAtUs) / 1000),
  });
  await tellLosses(disk, directory, logger);
  const making = opened.failure === undefined
    ? ballast.makeOrWarn(logger)
    : undefined;
  const openedSealer = sealer;
  const activeEnd = () =>
    activeEndOf(log.segments.at(-1), publisher.lastPosition, reader);
  openedSealer.finishOpening();
  const pins = new SegmentPins();
  return new FileStore({
    platform,
    directory,
    logDirectory,
    pins,
    sealer,
    clock,
    logger,
    isReadOnly,
    catalog: () => access.reconciled?.catalog,
    segments: log.segments,
    index,
    reader,
    states,
    writer,
    files,
    publisher,
    names,
    damage,
    storeId,
    release: async () => {
      await making;
      await openedSealer.close(
        writer.failure === undefined ? activeEnd : undefined,
      );
      access.close();
      lock.release();
    },
  });
}

/**
 * Gains what writing needs. A device that does not take writes, full or
 * failing, must not keep readers out: then the store opens all the same.
 *
 * @throws {QuipuError} When it is the store itself that may not be opened.
 */
async function openForWriting(
  access: WriteAccess,
  point: CommitPoint,
): Promise<{ active: ActiveSegment | undefined; failure: unknown }> {
  try {
    return { active: await access.open(point), failure: undefined };
  } catch (error) {
    if (error instanceof QuipuError) {
      access.close();
      throw error;
    }
    return { active: undefined, failure: error };
  }
}

const ACTIVE_BYTES_MIN = 4 * 1024 * 1024;
