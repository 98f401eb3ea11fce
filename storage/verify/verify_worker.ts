/**
 * The program of a thread that proves parts of a store: one task after the
 * other, as it is asked.
 *
 * @module
 */

import { createFileDisk } from "../disk/file_disk.ts";
import type { WorkerAnswer, WorkerRequest } from "./proof_messages.ts";
import { type Proof, Prover } from "./proofs.ts";

/** What is there of a thread's global scope. */
interface WorkerScope {
  onmessage?: (event: { readonly data: WorkerRequest }) => void;
  postMessage(message: WorkerAnswer, transfer: readonly ArrayBuffer[]): void;
}

/** Bytes between two answers. */
const BYTES_PER_ANSWER = 4 * 1024 * 1024;

serve(globalThis as unknown as WorkerScope);

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
