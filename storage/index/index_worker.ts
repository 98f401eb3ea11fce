/**
 * The worker that makes an index file, one in its life: see
 * `worker_messages.ts`. It reads older index files; what it makes, the main
 * thread writes.
 *
 * @module
 */

import { IndexBuilder } from "./index_builder.ts";
import { givePartBack, type IndexPart } from "./index_maker.ts";
import { OlderFiles } from "./older_files.ts";
import {
  type MakerOrder,
  type MakerReport,
  PIECES,
} from "./worker_messages.ts";

/** The other thread, as a worker sees it. */
interface MainThread {
  onmessage: ((message: MessageEvent<MakerOrder>) => void) | null;
  postMessage(report: MakerReport, transfer?: Transferable[]): void;
}

const main: MainThread = globalThis as unknown as MainThread;

/** The file, as far as the builder knows: pieces go to the main thread. */
class PieceSender {
  /** Memory of pieces that were written. */
  readonly #memory: ArrayBuffer[] = [];
  #wake: (() => void) | undefined;
  #underWay = 0;

  async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    if (this.#underWay === PIECES) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#underWay++;
    const { byteLength } = bytes;
    const memory = this.#memoryFor(byteLength);
    new Uint8Array(memory).set(bytes);
    main.postMessage({ type: "piece", memory, byteLength, offset }, [memory]);
  }

  written(memory: ArrayBuffer): void {
    this.#underWay--;
    this.#memory.push(memory);
    this.#wake?.();
    this.#wake = undefined;
  }

  #memoryFor(byteLength: number): ArrayBuffer {
    const memory = this.#memory.pop();
    return memory !== undefined && memory.byteLength >= byteLength
      ? memory
      : new ArrayBuffer(byteLength);
  }
}

const sender = new PieceSender();
let builder: IndexBuilder | undefined;
let older: OlderFiles | undefined;
/** What is under way, and what waits for it. */
let work: Promise<void> = Promise.resolve();

function take(order: MakerOrder): void {
  switch (order.type) {
    case "begin": {
      older = new OlderFiles(order.olderIndexes);
      builder = new IndexBuilder({
        head: order.head,
        older,
        file: sender,
        pause: () => NO_PAUSE,
        release: givePartBack,
      });
      return;
    }
    case "part":
      return goOn(() => add(order.part));
    case "written":
      return sender.written(order.memory);
    case "end":
      return goOn(finish);
  }
}

/** Works after what is under way; what fails is told, and ends it all. */
function goOn(step: () => Promise<void>): void {
  work = work.then(step).catch(fail);
}

async function add(part: IndexPart): Promise<void> {
  const offsets = await builder?.add(part);
  main.postMessage(
    { type: "taken", offsets },
    offsets === undefined ? [] : [offsets.buffer],
  );
}

async function finish(): Promise<void> {
  await builder?.finish();
  older?.close();
  main.postMessage({ type: "made" });
}

function fail(error: unknown): Promise<void> {
  older?.close();
  const reason = error instanceof Error ? error.message : String(error);
  main.postMessage({ type: "failed", reason });
  // Nothing that waits is begun: the main thread ends this worker.
  return new Promise(() => {});
}

const NO_PAUSE: Promise<void> = Promise.resolve();

main.onmessage = ({ data }) => {
  try {
    take(data);
  } catch (error) {
    work = fail(error);
  }
};
