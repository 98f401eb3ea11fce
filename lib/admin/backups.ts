/**
 * Backups that clients take of an open server: few at a time, and each goes on
 * only as fast as its client takes it and as the server's other work allows.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { OpenBackup, StoreMaintenance } from "../model/maintenance.ts";
import { createPolitePause } from "./polite_pause.ts";

/** A backup on its way to a client. */
export interface BackupDownload {
  /** Log position up to which it goes. */
  readonly end: number;
  /** Bytes of the archive. */
  readonly bytes: number;
  /** Read whole, cancelled or not read on: then it is to be cancelled. */
  readonly stream: ReadableStream<Uint8Array>;
}

export interface BackupsOptions {
  readonly maintenance: Pick<StoreMaintenance, "openBackup">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
  /** How many there may be at a time. */
  readonly backupsMax: number;
}

export class Backups {
  readonly #options: BackupsOptions;
  #openCount = 0;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /**
   * Begins a backup of everything that is committed now.
   *
   * @param have What the client has of it: name → CRC-32 in hexadecimal digits.
   * @returns Undefined when there are too many already.
   */
  start(
    have: ReadonlyMap<string, string>,
    by: string | undefined,
  ): BackupDownload | undefined {
    const { maintenance, clock, logger, version, backupsMax } = this.#options;
    if (this.#openCount >= backupsMax) return undefined;
    const startedAtUs = clock.nowUs();
    const backup = maintenance.openBackup({
      have,
      version,
      takenAtUs: startedAtUs,
    });
    this.#openCount++;
    logger.info("backup.started", { by, end: backup.end, bytes: backup.bytes });
    let isOpen = true;
    const end = (outcome: string) => {
      if (!isOpen) return;
      isOpen = false;
      this.#openCount--;
      backup.close();
      logger.info("backup.ended", {
        by,
        end: backup.end,
        outcome,
        tookMs: Math.round((clock.nowUs() - startedAtUs) / 1000),
      });
    };
    return {
      end: backup.end,
      bytes: backup.bytes,
      stream: streamOf(backup, end),
    };
  }
}

function streamOf(
  backup: OpenBackup,
  end: (outcome: "done" | "cancelled" | "failed") => void,
): ReadableStream<Uint8Array> {
  const pause = createPolitePause();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        await pause();
        const piece = backup.next();
        if (piece === undefined) {
          end("done");
          controller.close();
        } else controller.enqueue(piece);
      } catch (error) {
        end("failed");
        throw error;
      }
    },
    cancel() {
      end("cancelled");
    },
  }, { highWaterMark: 0 });
}
