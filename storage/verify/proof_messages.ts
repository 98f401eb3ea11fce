/**
 * What the thread that verifies a store and those that prove parts of it tell
 * each other.
 *
 * @module
 */

import type { Proof, ProofTask } from "./proofs.ts";

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
