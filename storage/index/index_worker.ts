/**
 * The worker that makes the index file of a sealed segment, one in its life:
 * it reads older index files, and leaves the file under its temporary name.
 * See `worker_index_maker.ts`.
 *
 * @module
 */

import { createFileDisk } from "../disk/file_disk.ts";
import { writeTemporaryIndex } from "./index_writer.ts";
import { OlderFiles } from "./older_files.ts";
import { readCopy } from "./sealed_copy.ts";
import type { MakerOrder, MakerReport } from "./worker_index_maker.ts";

/** The other thread, as a worker sees it. */
interface MainThread {
  onmessage: ((message: MessageEvent<MakerOrder>) => void) | null;
  postMessage(report: MakerReport, transfer?: Transferable[]): void;
}

const main: MainThread = globalThis as unknown as MainThread;
const NO_PAUSE: Promise<void> = Promise.resolve();
/** Milliseconds between two signs of life. */
const SIGN_OF_LIFE_MS = 5_000;

async function make(order: MakerOrder): Promise<Uint32Array<ArrayBuffer>> {
  const { storeId, segment, path } = order;
  const content = readCopy(order);
  using older = new OlderFiles(order.olderIndexes, content.lists);
  let toldAtMs = performance.now();
  return await writeTemporaryIndex(
    { disk: createFileDisk(), path },
    { ...content, storeId, segment, older },
    () => {
      if (performance.now() - toldAtMs >= SIGN_OF_LIFE_MS) {
        toldAtMs = performance.now();
        main.postMessage({ type: "working" });
      }
      return NO_PAUSE;
    },
  );
}

main.onmessage = async ({ data }) => {
  try {
    const offsets = await make(data);
    main.postMessage({ type: "made", offsets }, [offsets.buffer]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    main.postMessage({ type: "failed", reason });
  }
};
