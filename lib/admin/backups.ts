/**
 * Backups that clients take of an open server: few at a time, and each goes on
 * only as fast as its client takes it and as the server's other work allows.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { StoreMaintenance } from "../model/maintenance.ts";
import { DownloadSlots } from "./download_slots.ts";
import { pacedStream } from "./paced_stream.ts";

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
  /** Time for a client to take a piece, in milliseconds. */
  readonly stallMs: number;
}

/** What a client has of a backup: name → CRC-32 in hexadecimal digits. */
export type KnownFiles = ReadonlyMap<string, string>;

export class Backups {
  readonly #options: BackupsOptions;
  readonly #slots: DownloadSlots;

  constructor(options: BackupsOptions) {
    const { backupsMax: countMax, clock, logger } = options;
    this.#options = options;
    this.#slots = new DownloadSlots({
      kind: "backup",
      countMax,
      clock,
      logger,
    });
  }

  /**
   * Begins a backup of everything that is committed now.
   *
   * @param have What the client has of it; it checks what it gets. Undefined:
   * whoever gets it only keeps it, and every record is checked here.
   * @returns Undefined when there are too many already.
   */
  start(
    have: KnownFiles | undefined,
    by: string | undefined,
  ): BackupDownload | undefined {
    const { maintenance, clock, version, stallMs } = this.#options;
    if (this.#slots.areTaken) return undefined;
    const backup = maintenance.openBackup({
      have: have ?? new Map(),
      isChecked: have === undefined,
      version,
      takenAtUs: clock.nowUs(),
    });
    const { end, bytes } = backup;
    const free = this.#slots.take({ by, end, bytes });
    const stream = pacedStream({
      source: { next: () => backup.next(), pace: createPace() },
      stallMs,
      onEnd(how) {
        backup.close();
        free(how);
      },
    });
    return { end, bytes, stream };
  }
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
