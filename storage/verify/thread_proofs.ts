/**
 * Proofs by several threads, which go ahead of the one that asks for them, but
 * only so far: their memory is bounded. That one proves, too, while it waits.
 *
 * A thread that ends by itself ends the verification with an error: what it had
 * to prove is never taken for proven.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { JobControl } from "../../lib/model/maintenance.ts";
import type { Disk } from "../disk/disk.ts";
import type { WorkerAnswer, WorkerRequest } from "./proof_messages.ts";
import { type Proof, type Proofs, type ProofTask, Prover } from "./proofs.ts";

/** A thread is gone, and with it what it had to prove. */
export class ThreadEndedError extends Error {
  override readonly name = "ThreadEndedError";
}

/** Tasks that may be under way or done ahead, for each thread. */
const AHEAD_PER_THREAD = 3;
/** Tasks that a thread has: one to do, and one to begin with at once. */
const TASKS_PER_THREAD = 2;
/** Bytes after which this thread listens to the others. */
const BYTES_PER_TURN = 4 * 1024 * 1024;

/** A thread, and what it is doing. */
interface Thread {
  readonly worker: Worker;
  /** How many tasks it has. */
  taskCount: number;
}

/** Who waits for the proof of a task. */
interface Waiting {
  readonly task: number;
  readonly resolve: (proof: Proof) => void;
  readonly reject: (error: unknown) => void;
}

export class ThreadProofs implements Proofs {
  readonly #tasks: readonly ProofTask[];
  readonly #prover: Prover;
  readonly #control: JobControl;
  readonly #signal: AbortSignal;
  readonly #onAhead: () => void;
  readonly #threads: Thread[] = [];
  readonly #stop = new SharedArrayBuffer(4);
  readonly #proofs = new Map<number, Proof>();
  /** Bytes that were read by tasks that were not asked for yet. */
  readonly #readBytes = new Map<number, number>();
  /** The next task that a thread gets. */
  #next = 0;
  /** The first task that was not asked for yet. */
  #first = 0;
  #waiting: Waiting | undefined;
  #failure: Error | undefined;
  #onIdle: (() => void) | undefined;
  aheadBytes = 0;

  constructor(
    options: {
      readonly disk: Disk;
      readonly tasks: readonly ProofTask[];
      /** How many threads prove, with this one; 2 or more. */
      readonly threadCount: number;
      readonly control: JobControl;
      /** Is called when more was read. */
      readonly onAhead: () => void;
      /** Starts a thread, if it is another one than `verify_worker.ts`. */
      readonly startWorker?: (() => Worker) | undefined;
    },
  ) {
    this.#tasks = options.tasks;
    this.#prover = new Prover(options.disk);
    this.#control = options.control;
    this.#signal = options.control.signal;
    this.#onAhead = options.onAhead;
    this.#signal.addEventListener("abort", this.#abort);
    for (let count = 1; count < options.threadCount; count++) {
      this.#addThread((options.startWorker ?? startVerifyWorker)());
    }
    this.#handOut();
  }

  async take(task: number): Promise<Proof> {
    this.#signal.throwIfAborted();
    for (; this.#first < task; this.#first++) this.#forget(this.#first);
    this.#next = Math.max(this.#next, task);
    this.#handOut();
    try {
      for (;;) {
        const proof = this.#proofs.get(task);
        if (proof !== undefined) return proof;
        if (this.#failure !== undefined) throw this.#failure;
        this.#signal.throwIfAborted();
        if (this.#next < this.#end()) await this.#proveHere();
        else return await this.#wait(task);
      }
    } finally {
      this.#forget(task);
      this.#first = task + 1;
      this.#handOut();
    }
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#abort);
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#next = this.#tasks.length;
    // A busy thread cannot be ended from outside: it stops by itself.
    if (this.#isBusy()) {
      await new Promise<void>((resolve) => this.#onIdle = resolve);
    }
    for (const { worker } of this.#threads) worker.terminate();
  }

  #addThread(worker: Worker): void {
    const thread: Thread = { worker, taskCount: 0 };
    this.#threads.push(thread);
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
      this.#receive(thread, data);
    };
    worker.onmessageerror = () => this.#fail(thread, "it cannot be understood");
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(thread, event.message);
    };
  }

  /** The first task that is not to be begun yet. */
  #end(): number {
    const ahead = AHEAD_PER_THREAD * (this.#threads.length + 1);
    return Math.min(this.#tasks.length, this.#first + ahead);
  }

  /** Gives tasks to threads that wait for some. */
  #handOut(): void {
    if (this.#failure !== undefined) return;
    for (let round = 0; round < TASKS_PER_THREAD; round++) {
      for (const thread of this.#threads) {
        if (this.#next >= this.#end()) return;
        const task = this.#tasks[this.#next];
        if (thread.taskCount > round || task === undefined) continue;
        const number = this.#next++;
        thread.taskCount++;
        const request: WorkerRequest = { number, task, stop: this.#stop };
        thread.worker.postMessage(request);
      }
    }
  }

  /** Proves the next task that nobody has. */
  async #proveHere(): Promise<void> {
    const number = this.#next++;
    const task = this.#tasks[number] ?? {};
    let proof: Proof = {};
    let unheardBytes = 0;
    try {
      proof = await this.#prover.prove(task, {
        onBytes: (count) => {
          this.#signal.throwIfAborted();
          this.#count(number, count);
          unheardBytes += count;
        },
        pause: async () => {
          await this.#control.pause?.();
          if (unheardBytes < BYTES_PER_TURN) return;
          unheardBytes = 0;
          await nextTurn();
        },
      });
    } catch {
      // What cannot be read is told by who looks at it without a proof.
      this.#signal.throwIfAborted();
    }
    this.#proofs.set(number, proof);
    await nextTurn();
  }

  #receive(thread: Thread, { number, readBytes, proof }: WorkerAnswer): void {
    const isWanted = number >= this.#first;
    if (isWanted) this.#count(number, readBytes);
    if (proof !== undefined) {
      thread.taskCount--;
      const waiting = this.#waiting;
      if (waiting?.task === number) {
        this.#waiting = undefined;
        waiting.resolve(proof);
      } else if (isWanted) this.#proofs.set(number, proof);
      this.#handOut();
      this.#tellIdle();
    }
  }

  #count(number: number, byteCount: number): void {
    const before = this.#readBytes.get(number) ?? 0;
    this.#readBytes.set(number, before + byteCount);
    this.aheadBytes += byteCount;
    this.#onAhead();
  }

  #wait(task: number): Promise<Proof> {
    return new Promise((resolve, reject) => {
      this.#waiting = { task, resolve, reject };
    });
  }

  #forget(task: number): void {
    this.#proofs.delete(task);
    this.aheadBytes -= this.#readBytes.get(task) ?? 0;
    this.#readBytes.delete(task);
  }

  readonly #abort = (): void => {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#waiting?.reject(this.#signal.reason);
    this.#waiting = undefined;
  };

  #fail(thread: Thread, reason: string): void {
    this.#failure ??= new ThreadEndedError(
      `A thread of the verification ended by itself: ${reason}`,
    );
    thread.taskCount = 0;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
    this.#tellIdle();
  }

  #isBusy(): boolean {
    return this.#threads.some(({ taskCount }) => taskCount > 0);
  }

  #tellIdle(): void {
    if (!this.#isBusy()) this.#onIdle?.();
  }
}

/** One turn of the event loop: what the other threads say is heard. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function startVerifyWorker(): Worker {
  // Written like this, `deno compile --include` and bundlers can follow it.
  return new Worker(new URL("./verify_worker.ts", import.meta.url), {
    type: "module",
    name: "verify",
  });
}
