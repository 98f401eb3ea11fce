/**
 * Exports that clients take of an open server: few at a time, and each goes on
 * only as fast as its client takes it and as the server's other work allows.
 *
 * @module
 */

import type { Requester } from "../model/audit.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { StoreMaintenance } from "../store/maintenance.ts";
import type { ExportSelection } from "../store/transfer.ts";
import { DownloadSlots } from "./download_slots.ts";
import { pacedStream } from "./paced_stream.ts";
import { createPolitePause } from "./polite_pause.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** An export on its way to a client. */
export interface ExportDownload {
  /** Log position up to which it goes at most. */
  readonly end: number;
  /** Read whole, cancelled or not read on: then it is to be cancelled. */
  readonly stream: ReadableStream<Uint8Array>;
}

export interface ExportsOptions {
  readonly maintenance: Pick<StoreMaintenance, "openExport">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many there may be at a time. */
  readonly exportsMax: number;
  /** Time for a client to take a piece, in milliseconds. */
  readonly stallMs: number;
}

export class Exports {
  readonly #options: ExportsOptions;
  readonly #slots: DownloadSlots;

  constructor(options: ExportsOptions) {
    const { exportsMax: countMax, clock, logger } = options;
    this.#options = options;
    this.#slots = new DownloadSlots({
      kind: "export",
      countMax,
      clock,
      logger,
    });
  }

  /** Breaks off those that are under way, and begins none any more. */
  close(): void {
    this.#slots.close();
  }

  /**
   * Begins an export of what is selected of everything that is committed now.
   *
   * @returns Undefined when there are too many already.
   * @throws {QuipuError} `invalidRequest` or `nothingSelected` for what cannot
   * be selected.
   */
  start(
    selection: ExportSelection,
    requester: Requester,
  ): ExportDownload | undefined {
    const { maintenance, stallMs } = this.#options;
    if (!this.#slots.hasFree()) return undefined;
    const exporting = maintenance.openExport(selection);
    const { end } = exporting;
    const { streamName: stream, category } = selection;
    const free = this.#slots.take(requester, { end, stream, category });
    const pause = createPolitePause();
    let isOver = false;
    const body = pacedStream({
      source: {
        async next() {
          // What is selected may be far apart: whoever waits for it may leave.
          while (!isOver) {
            const text = await exporting.next();
            if (text === undefined) return undefined;
            if (text !== "") return encodeUtf8(text);
            await pause();
          }
          return undefined;
        },
        pace: pause,
      },
      stallMs,
      stopping: this.#slots.stopping,
      onEnd(how) {
        isOver = true;
        free(how);
      },
    });
    return { end, stream: body };
  }
}
