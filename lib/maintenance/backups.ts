/**
 * Backups that clients take of an open server: few at a time, and each goes on
 * only as fast as its client takes it and as the server's other work allows.
 *
 * @module
 */

import type { Requester } from "../model/audit.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { StoreMaintenance } from "../store/maintenance.ts";
import { DownloadSlots } from "./download_slots.ts";
import { pacedStream } from "./paced_stream.ts";
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

  /** Breaks off those that are under way, and begins none any more. */
  close(): void {
    this.#slots.close();
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
    requester: Requester,
  ): BackupDownload | undefined {
    const { maintenance, clock, version, stallMs } = this.#options;
    if (!this.#slots.hasFree()) return undefined;
    const backup = maintenance.openBackup({
      have: have ?? new Map(),
      isChecked: have === undefined,
      version,
      takenAtUs: clock.nowUs(),
    });
    const { end, bytes } = backup;
    const free = this.#slots.take(requester, { end, bytes });
    const stream = pacedStream({
      source: { next: () => backup.next(), pace: createPolitePause() },
      stallMs,
      stopping: this.#slots.stopping,
      onEnd(how) {
        backup.close();
        free(how);
      },
    });
    return { end, bytes, stream };
  }
}
