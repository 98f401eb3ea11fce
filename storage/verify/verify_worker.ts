/**
 * A thread that proves parts of a store.
 *
 * The module is the program of the thread, and imported by who starts it, so
 * that a compiled program has it in it; it does its work only in a thread of
 * that name.
 *
 * @module
 */

import { createFileDisk } from "../disk/file_disk.ts";
import { type Proof, type ProofTask, Prover } from "./proofs.ts";

/** Name of such a thread. */
export const VERIFY_WORKER_NAME = "quipu-verify";

/** Program of such a thread. */
export const VERIFY_WORKER_URL = import.meta.url;

/** What a thread is asked: a task, and when to leave it. */
export interface WorkerRequest {
  readonly number: number;
  readonly task: ProofTask;
  /** An `Int32Array` of one number: 0 as long as the task is to go on. */
  readonly stop: SharedArrayBuffer;
}

/** What it answers: now and then what it has read, and in the end the proof. */
export interface WorkerAnswer {
  readonly number: number;
  readonly readBytes: number;
  readonly proof?: Proof;
}

/** What is there of a thread's global scope. */
interface WorkerScope {
  readonly name?: unknown;
  onmessage?: (event: { readonly data: WorkerRequest }) => void;
  postMessage(message: WorkerAnswer, transfer: readonly ArrayBuffer[]): void;
}

/** Bytes between two answers. */
const BYTES_PER_ANSWER = 4 * 1024 * 1024;

const SCOPE = globalThis as unknown as WorkerScope;
if (SCOPE.name === VERIFY_WORKER_NAME) serve(SCOPE);

function serve(scope: WorkerScope): void {
  const prover = new Prover(createFileDisk());
  scope.onmessage = async ({ data: { number, task, stop } }) => {
    const flag = new Int32Array(stop);
    let readBytes = 0;
    let proof: Proof = {};
    try {
      proof = await prover.prove(task, {
        onBytes: (count) => {
          if (Atomics.load(flag, 0) !== 0) throw new Error("Stopped");
          readBytes += count;
          if (readBytes < BYTES_PER_ANSWER) return;
          scope.postMessage({ number, readBytes }, []);
          readBytes = 0;
        },
        pause: () => undefined,
      });
    } catch {
      // What cannot be read is told by who looks at it without a proof.
    }
    const lists = proof.piece?.lists.buffer;
    scope.postMessage(
      { number, readBytes, proof },
      lists === undefined ? [] : [lists],
    );
  };
}
