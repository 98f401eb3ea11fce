/**
 * Backups that clients take of an open server: few at a time, and each goes on
 * only as fast as its client takes it and as the server's other work allows.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { OpenBackup, StoreMaintenance } from "../model/maintenance.ts";

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
  const pace = createPace();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const piece = backup.next();
        await pace(piece?.length ?? 0);
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

/** Bytes that are sent between two looks at how busy the server is. */
const PACE_BYTES = 1024 * 1024;
/** A timer of 0 milliseconds that takes longer says that others work. */
const IDLE_MS = 2;
/** Then a rest is so many times as long as they worked, within bounds. */
const REST_SHARE = 3;
/** Sending that many bytes takes more than a millisecond of the processor. */
const REST_MS_MIN = 14;
const REST_MS_MAX = 50;

/**
 * As fast as the client takes it while nobody else works; less than a tenth of
 * the time while the server is busy. Making the pieces is the smaller part of
 * the work, so it is bytes that count, not the time that they took here.
 */
function createPace(): (bytes: number) => Promise<void> {
  let sentBytes = 0;
  return async (bytes) => {
    sentBytes += bytes;
    if (sentBytes < PACE_BYTES) return;
    sentBytes = 0;
    const pausedAtMs = performance.now();
    await rest(0);
    const othersMs = performance.now() - pausedAtMs;
    if (othersMs < IDLE_MS) return;
    const restMs = Math.max(REST_MS_MIN, othersMs * REST_SHARE);
    await rest(Math.min(REST_MS_MAX, restMs));
  };
}

function rest(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
