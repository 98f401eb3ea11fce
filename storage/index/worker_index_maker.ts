/**
 * Makes index files of large segments in a worker, which gets a copy of what
 * the file is made of, and writes it. A worker lives as long as it takes to make one file: it costs some 20 ms to
 * start and some megabytes, and an idle one would cost memory.
 *
 * @module
 */

import { type Logger, SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { Segment } from "../log/segment.ts";
import { listIdsOf } from "./index_builder.ts";
import {
  type IndexContent,
  type IndexFileTarget,
  nameIndexFile,
  type SliceOffsets,
  writeIndexFile,
} from "./index_writer.ts";
import type { ListDirectory } from "./list_directory.ts";
import type { OlderIndex } from "./older_files.ts";
import { buffersOf, copySealed, type SealedCopy } from "./sealed_copy.ts";

/**
 * Records and lists from which on a worker is worth starting: making the file
 * here takes as long as starting one does.
 */
const ENTRIES_MIN = 50_000;
/** A worker that says nothing for so long is given up. */
const SILENCE_MS_MAX = 60_000;

/** A message to a worker. */
export interface MakerOrder extends SealedCopy {
  readonly storeId: string;
  readonly segment: Segment;
  /** Path of the index file when it is complete. */
  readonly path: string;
  readonly olderIndexes: readonly OlderIndex[];
}

/** A message from a worker. */
export type MakerReport =
  | { readonly type: "working" }
  | {
    readonly type: "made";
    /** Where the slice of each list is, in the order of `listIdsOf()`. */
    readonly offsets: Uint32Array<ArrayBuffer>;
  }
  | { readonly type: "failed"; readonly reason: string };

/** The paths and sizes that a worker needs besides the sources of the index. */
export interface SealJob extends IndexFileTarget {
  readonly content: IndexContent & { readonly lists: ListDirectory };
  /** The index files that `content.older` finds slices in. */
  readonly olderIndexes: readonly OlderIndex[];
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

/** Makes the index file of a segment that is sealed. */
export type IndexMaker = (job: SealJob) => Promise<SliceOffsets>;

interface WorkerMakerOptions {
  /** Records and lists of a segment from which on a worker makes its file. */
  readonly entriesMin?: number;
  /** Starts the worker; by default the one of this program. */
  readonly startWorker?: () => Worker;
  readonly silenceMsMax?: number;
  /** Is told why a worker failed, once: this thread makes the file then. */
  readonly logger?: Logger;
}

/** Makes an index file in this thread. */
export async function makeIndexHere(job: SealJob): Promise<SliceOffsets> {
  return await writeIndexFile(job, job.content, job.pause);
}

/** Makes index files: those of small segments here, others in workers. */
export function createWorkerIndexMaker(
  {
    entriesMin = ENTRIES_MIN,
    startWorker = startIndexWorker,
    silenceMsMax = SILENCE_MS_MAX,
    logger = SILENT_LOGGER,
  }: WorkerMakerOptions = {},
): IndexMaker {
  let isTold = false;
  return async (job) => {
    const { memtable } = job.content;
    const listIds = listIdsOf(memtable);
    if (memtable.recordCount + listIds.length < entriesMin) {
      return await makeIndexHere(job);
    }
    let offsets: Uint32Array;
    try {
      const { storeId, segment } = job.content;
      const copy = await copySealed(job.content, job.pause);
      const { path, olderIndexes } = job;
      offsets = await askWorker(
        startWorker(),
        { ...copy, storeId, segment, path, olderIndexes },
        silenceMsMax,
      );
      if (offsets.length !== listIds.length) throw new Error("It lost lists");
    } catch (error) {
      // Whatever it is, a full device too, shows here or is over.
      const reason = error instanceof Error ? error.message : String(error);
      if (!isTold) logger.warn("segment.index_made_here", { reason });
      isTold = true;
      return await makeIndexHere(job);
    }
    await nameIndexFile(job);
    return { listIds, offsets };
  };
}

function startIndexWorker(): Worker {
  // Written like this, `deno compile --include` and bundlers can follow it.
  return new Worker(new URL("./index_worker.ts", import.meta.url), {
    type: "module",
    name: "index",
  });
}

/**
 * Has a worker make a file, and ends it.
 *
 * @throws {Error} When it cannot, or says nothing for too long.
 */
async function askWorker(
  worker: Worker,
  order: MakerOrder,
  silenceMsMax: number,
): Promise<Uint32Array> {
  const made = Promise.withResolvers<Uint32Array>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => made.reject(new Error("It does not answer")),
      silenceMsMax,
    );
  };
  worker.onmessage = ({ data }: MessageEvent<MakerReport>) => {
    if (data.type === "working") listen();
    else if (data.type === "made") made.resolve(data.offsets);
    else made.reject(new Error(data.reason));
  };
  worker.onmessageerror = () => made.reject(new Error("Unreadable message"));
  worker.onerror = (event) => {
    // It would end the program otherwise.
    event.preventDefault();
    made.reject(new Error(event.message));
  };
  try {
    listen();
    worker.postMessage(order, buffersOf(order));
    return await made.promise;
  } finally {
    clearTimeout(timer);
    worker.terminate();
  }
}
