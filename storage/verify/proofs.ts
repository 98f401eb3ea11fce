/**
 * Proofs that parts of a store are whole: who gives them, and in which order
 * they are asked for.
 *
 * A proof says that nothing is wrong. Whoever goes through the log asks for
 * them in the order of the tasks; what is not proven it looks at itself.
 *
 * @module
 */

import type { JobControl } from "../../lib/model/maintenance.ts";
import type { Disk } from "../disk/disk.ts";
import type { DigestSums } from "./entry_digest.ts";
import { digestIndex, readFooter } from "./index_digest.ts";
import type { Piece, PieceFacts } from "./piece.ts";
import { provePiece } from "./piece_check.ts";
import { startPieceProgram } from "./piece_program.ts";

/** What is to be proven: a piece of the log, or an index file. */
export interface ProofTask {
  readonly piece?: Piece;
  /** Path of the index file. */
  readonly index?: string;
}

/** What was proven; nothing when that was not possible. */
export interface Proof {
  readonly piece?: PieceFacts | undefined;
  readonly index?: DigestSums | undefined;
}

export interface Proofs {
  /** Bytes that were read for proofs that were not yet asked for. */
  readonly aheadBytes: number;
  /**
   * The proof of a task; a later one than that which was asked for before.
   *
   * @throws {Error} When nobody can prove anything any more; the reason of the
   * signal when it was aborted.
   */
  take(task: number): Promise<Proof>;
  close(): Promise<void>;
}

/** Who is told while something is being proven. */
export interface ProofControl {
  /** Is told of bytes that were read; throws to end it. */
  readonly onBytes: (count: number) => void;
  /** Lets others go first. */
  readonly pause: () => Promise<void> | undefined;
}

/** Lists that the first piece is expected to have entries of. */
const LIST_COUNT_FIRST = 1024;

/** Proves one thing after the other. */
export class Prover {
  readonly #disk: Disk;
  readonly #program = startPieceProgram();
  /** Settles when nothing is being proven. */
  #work: Promise<unknown> = Promise.resolve();
  /** Lists that the last piece had entries of: so many may come again. */
  #listCount = LIST_COUNT_FIRST;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * Proves what the task says, after what it was asked for before: the program
   * has one proof at a time. A thread may get its next task while the one before
   * lets others go first.
   *
   * @throws {Error} What the disk throws, and `control`.
   */
  prove(task: ProofTask, control: ProofControl): Promise<Proof> {
    const proof = this.#work.then(() => this.#prove(task, control));
    this.#work = proof.catch(() => {});
    return proof;
  }

  async #prove(task: ProofTask, control: ProofControl): Promise<Proof> {
    const { piece, index } = task;
    if (piece !== undefined) return await this.#provePiece(piece, control);
    return index === undefined ? {} : await this.#proveIndex(index, control);
  }

  async #provePiece(piece: Piece, control: ProofControl): Promise<Proof> {
    const file = this.#disk.open(piece.path, "read");
    try {
      const facts = await provePiece(piece, file, {
        program: this.#program,
        listCount: this.#listCount,
        onChunk: (count) => {
          control.onBytes(count);
          return control.pause();
        },
      });
      this.#listCount = facts?.listCount ?? this.#listCount;
      return { piece: facts };
    } finally {
      file.close();
    }
  }

  async #proveIndex(path: string, control: ProofControl): Promise<Proof> {
    const file = this.#disk.open(path, "read");
    try {
      const footer = readFooter(file);
      const digest = footer && await digestIndex(file, footer, {
        program: this.#program,
        ...control,
      });
      const { one, two, count } = digest ?? {};
      const isRead = one !== undefined && two !== undefined &&
        count !== undefined;
      return isRead ? { index: { one, two, count } } : {};
    } finally {
      file.close();
    }
  }
}

/** Proofs by the thread that asks for them, when it asks. */
export class OwnProofs implements Proofs {
  aheadBytes = 0;
  readonly #prover: Prover;
  readonly #tasks: readonly ProofTask[];
  readonly #control: JobControl;
  readonly #onAhead: () => void;

  constructor(
    options: {
      readonly disk: Disk;
      readonly tasks: readonly ProofTask[];
      readonly control: JobControl;
      /** Is called when more was read. */
      readonly onAhead: () => void;
    },
  ) {
    this.#prover = new Prover(options.disk);
    this.#tasks = options.tasks;
    this.#control = options.control;
    this.#onAhead = options.onAhead;
  }

  async take(task: number): Promise<Proof> {
    const { piece } = this.#tasks[task] ?? {};
    // An index file is read by whoever asks: nothing would be gained.
    if (piece === undefined) return {};
    const { signal } = this.#control;
    try {
      return await this.#prover.prove({ piece }, {
        onBytes: (count) => {
          signal.throwIfAborted();
          this.aheadBytes += count;
          this.#onAhead();
        },
        pause: () => this.#control.pause?.(),
      });
    } catch {
      // Whatever it is, the records are looked at one by one now.
      signal.throwIfAborted();
      return {};
    } finally {
      this.aheadBytes = 0;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
