/**
 * Makes index files of large segments in a worker, so that the main thread
 * only hands over what they are made of and writes what comes back. A worker
 * lives as long as it takes to make one file: it costs some 20 ms to start and
 * some megabytes, and an idle one would cost memory.
 *
 * @module
 */

import { MAKER_HERE } from "./index_builder.ts";
import {
  buffersOf,
  type IndexJob,
  type IndexMaker,
  IndexMakerError,
  type IndexPart,
  type OlderIndex,
} from "./index_maker.ts";
import {
  type MakerOrder,
  type MakerReport,
  PARTS_AHEAD,
} from "./worker_messages.ts";

/**
 * Records and lists from which on a worker is worth starting: making the file
 * here takes as long as starting one does.
 */
const ENTRIES_MIN = 50_000;
/** A worker that says nothing for so long is given up. */
const SILENCE_MS_MAX = 60_000;

interface WorkerMakerOptions {
  /** Records and lists of a segment from which on a worker makes its file. */
  readonly entriesMin?: number;
  /** Starts the worker; by default the one of this program. */
  readonly startWorker?: () => Worker;
  readonly silenceMsMax?: number;
}

/** Makes index files: those of small segments here, others in workers. */
export function createWorkerIndexMaker(
  {
    entriesMin = ENTRIES_MIN,
    startWorker = startIndexWorker,
    silenceMsMax = SILENCE_MS_MAX,
  }: WorkerMakerOptions = {},
): IndexMaker {
  return {
    make(job: IndexJob): Promise<void> {
      const { head, olderIndexes } = job;
      return olderIndexes === undefined ||
          head.recordCount + head.listCount < entriesMin
        ? MAKER_HERE.make(job)
        : makeInWorker(job, { olderIndexes, startWorker, silenceMsMax });
    },
  };
}

function startIndexWorker(): Worker {
  // Written like this, `deno compile --include` and bundlers can follow it.
  return new Worker(new URL("./index_worker.ts", import.meta.url), {
    type: "module",
    name: "index",
  });
}

async function makeInWorker(
  job: IndexJob,
  { olderIndexes, startWorker, silenceMsMax }: {
    readonly olderIndexes: readonly OlderIndex[];
    readonly startWorker: () => Worker;
    readonly silenceMsMax: number;
  },
): Promise<void> {
  let worker: Worker;
  try {
    worker = startWorker();
  } catch (error) {
    throw makerError(error);
  }
  using session = new WorkerSession(worker, job, silenceMsMax);
  try {
    session.begin(olderIndexes);
    await session.made;
  } finally {
    await session.untilWritten();
  }
}

/** A worker at work, from its first order to its last report. */
class WorkerSession implements Disposable {
  readonly #worker: Worker;
  readonly #job: IndexJob;
  readonly #parts: Iterator<IndexPart>;
  readonly #outcome = Promise.withResolvers<void>();
  readonly #silenceMsMax: number;
  #writing: Promise<void> = Promise.resolve();
  /** Pieces that wait to be written: meanwhile the worker may be silent. */
  #unwrittenCount = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #isEndSent = false;

  constructor(worker: Worker, job: IndexJob, silenceMsMax: number) {
    this.#worker = worker;
    this.#job = job;
    this.#parts = job.parts[Symbol.iterator]();
    this.#silenceMsMax = silenceMsMax;
    worker.onmessage = ({ data }: MessageEvent<MakerReport>) =>
      this.#hear(data);
    worker.onmessageerror = () => this.#fail(makerError("unreadable message"));
    worker.onerror = (event) => {
      // It would end the program otherwise.
      event.preventDefault();
      this.#fail(makerError(event.message));
    };
  }

  /** Settles once the worker is done, or cannot go on. */
  get made(): Promise<void> {
    return this.#outcome.promise;
  }

  begin(olderIndexes: readonly OlderIndex[]): void {
    this.#listen();
    this.#send({ type: "begin", head: this.#job.head, olderIndexes });
    for (let count = 0; count < PARTS_AHEAD; count++) this.#sendPart();
  }

  /** Settles when no write is under way; those to come are left out. */
  async untilWritten(): Promise<void> {
    this.#isOver = true;
    await this.#writing;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#worker.terminate();
  }

  #hear(report: MakerReport): void {
    if (this.#isOver) return;
    this.#listen();
    switch (report.type) {
      case "taken":
        if (report.offsets !== undefined) this.#job.placed(report.offsets);
        return this.#sendPart();
      case "piece":
        this.#unwrittenCount++;
        this.#writing = this.#writing.then(() => this.#write(report));
        return;
      case "made":
        this.#writing = this.#writing.then(() => this.#outcome.resolve());
        return;
      case "failed":
        return this.#fail(makerError(report.reason));
    }
  }

  async #write(
    { memory, byteLength, offset }: MakerReport & { type: "piece" },
  ): Promise<void> {
    if (this.#isOver) return;
    try {
      const bytes = new Uint8Array(memory, 0, byteLength);
      await this.#job.file.writeAt(bytes, offset);
      this.#unwrittenCount--;
      if (!this.#isOver) this.#send({ type: "written", memory }, [memory]);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends the next part, or that there are no more. */
  #sendPart(): void {
    if (this.#isEndSent) return;
    try {
      const { done, value } = this.#parts.next();
      if (done) {
        this.#isEndSent = true;
        this.#send({ type: "end" });
        return;
      }
      const part = withOwnMemory(value);
      this.#send({ type: "part", part }, buffersOf(part));
    } catch (error) {
      this.#fail(error);
    }
  }

  #send(order: MakerOrder, transfer: Transferable[] = []): void {
    this.#worker.postMessage(order, transfer);
  }

  /** Waits for the next report, but not for ever. */
  #listen(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#unwrittenCount > 0) this.#listen();
      else this.#fail(makerError("it does not answer"));
    }, this.#silenceMsMax);
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#outcome.reject(error);
  }
}

/** Ids are views of what the memtable goes on using. */
function withOwnMemory(part: IndexPart): IndexPart {
  return part.type === "ids"
    ? {
      type: "ids",
      hashes: part.hashes.slice(),
      offsets: part.offsets.slice(),
    }
    : part;
}

function makerError(cause: unknown): IndexMakerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new IndexMakerError(
    `Cannot make an index file in a worker: ${reason}`,
    { cause },
  );
}
