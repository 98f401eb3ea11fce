/**
 * Proofs by several threads, which go ahead of the one that asks for them, but
 * only so far: their memory is bounded.
 *
 * A thread that ends by itself ends the verification with an error: what it had
 * to prove is never taken for proven.
 *
 * @module
 */

import type { WorkerAnswer, WorkerRequest } from "./proof_messages.ts";
import type { Proof, Proofs, ProofTask } from "./proofs.ts";

/** A thread is gone, and with it what it had to prove. */
export class ThreadEndedError extends Error {
  override readonly name = "ThreadEndedError";
}

/** Tasks that may be under way or done ahead, for each thread. */
const AHEAD_PER_THREAD = 2;

/** A thread, and what it is doing. */
interface Thread {
  readonly worker: Worker;
  /** Number of its task; undefined while it has none. */
  task: number | undefined;
}

/** Who waits for the proof of a task. */
interface Waiting {
  readonly task: number;
  readonly resolve: (proof: Proof) => void;
  readonly reject: (error: unknown) => void;
}

export class ThreadProofs implements Proofs {
  readonly #tasks: readonly ProofTask[];
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
      readonly tasks: readonly ProofTask[];
      readonly threadCount: number;
      readonly signal: AbortSignal;
      /** Is called when more was read. */
      readonly onAhead: () => void;
      /** Starts a thread, if it is another one than `verify_worker.ts`. */
      readonly startWorker?: (() => Worker) | undefined;
    },
  ) {
    this.#tasks = options.tasks;
    this.#signal = options.signal;
    this.#onAhead = options.onAhead;
    this.#signal.addEventListener("abort", this.#abort);
    for (let count = 0; count < options.threadCount; count++) {
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
      return this.#proofs.get(task) ?? await this.#wait(task);
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
    const thread: Thread = { worker, task: undefined };
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

  #handOut(): void {
    if (this.#failure !== undefined) return;
    const end = Math.min(
      this.#tasks.length,
      this.#first + (1 + AHEAD_PER_THREAD) * this.#threads.length,
    );
    for (const thread of this.#threads) {
      if (this.#next >= end) return;
      const task = this.#tasks[this.#next];
      if (thread.task !== undefined || task === undefined) continue;
      const number = this.#next++;
      thread.task = number;
      const request: WorkerRequest = { number, task, stop: this.#stop };
      thread.worker.postMessage(request);
    }
  }

  #receive(thread: Thread, { number, readBytes, proof }: WorkerAnswer): void {
    const isWanted = number >= this.#first;
    if (isWanted) {
      const before = this.#readBytes.get(number) ?? 0;
      this.#readBytes.set(number, before + readBytes);
      this.aheadBytes += readBytes;
    }
    if (proof !== undefined) {
      thread.task = undefined;
      const waiting = this.#waiting;
      if (waiting?.task === number) {
        this.#waiting = undefined;
        waiting.resolve(proof);
      } else if (isWanted) this.#proofs.set(number, proof);
      this.#handOut();
      this.#tellIdle();
    }
    this.#onAhead();
  }

  #wait(task: number): Promise<Proof> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
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
    thread.task = undefined;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
    this.#tellIdle();
  }

  #isBusy(): boolean {
    return this.#threads.some(({ task }) => task !== undefined);
  }

  #tellIdle(): void {
    if (!this.#isBusy()) this.#onIdle?.();
  }
}

function startVerifyWorker(): Worker {
  // Written like this, `deno compile --include` and bundlers can follow it.
  return new Worker(new URL("./verify_worker.ts", import.meta.url), {
    type: "module",
    name: "verify",
  });
}
