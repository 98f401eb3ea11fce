/**
 * Backups and exports that clients take of an open server: each goes on only as
 * fast as its client takes it and as the server's other work allows. The log
 * says of each who began it, and how it ended.
 *
 * @module
 */

import { logAudit, type Requester } from "../model/audit.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import { BrokenOff, type PullSource } from "../model/pull_source.ts";
import { type ExportedStore, ExportReader } from "../store/export_events.ts";
import type { StoreMaintenance } from "../store/maintenance.ts";
import type { ExportSelection } from "../store/transfer.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { createPolitePause } from "./polite_pause.ts";

export interface DownloadsOptions {
  /** The selection of the export. */
  readonly store: ExportedStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
}

/** A download on its way to a client. */
export interface Download {
  /** Log position up to which it goes, of an export at most. */
  readonly end: number;
  readonly source: PullSource;
}

/** Files of a backup that a client has: name → CRC-32 in hexadecimal digits. */
export type KnownFiles = ReadonlyMap<string, string>;

/** Events of an export that are looked at before others get their turn. */
const EVENTS_PER_TURN = 256;

/** Begins downloads of what is committed at that moment. */
export class Downloads {
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /**
   * Begins a backup of everything.
   *
   * @param by `have`: what the client has of it; it checks what it gets.
   * Undefined: the client only keeps it, and every record is checked here.
   * @returns `bytes` is the length of the archive.
   */
  startBackup(
    maintenance: Pick<Required<StoreMaintenance>, "openBackup">,
    { have, requester }: {
      readonly have: KnownFiles | undefined;
      readonly requester: Requester;
    },
  ): Download & { readonly bytes: number } {
    const { clock, version } = this.#options;
    const backup = maintenance.openBackup({
      have: have ?? new Map(),
      isChecked: have === undefined,
      version,
      takenAtUs: clock.nowUs(),
    });
    const { end, bytes } = backup;
    const source = this.#source("backup", requester, {
      about: { end, bytes },
      next: () => backup.next(),
      close: () => backup.close(),
    });
    return { end, bytes, source };
  }

  /**
   * Begins an export of what is selected.
   *
   * @throws {QuipuError} `invalidRequest` or `nothingSelected` for what cannot
   * be selected.
   */
  async startExport(
    selection: ExportSelection,
    requester: Requester,
  ): Promise<Download> {
    const { store } = this.#options;
    const exporting = await ExportReader.open(store, selection);
    const { end } = exporting;
    const { streamName: stream, category } = selection;
    const source = this.#source("export", requester, {
      about: { end, stream, category },
      async next() {
        const text = await exporting.next(EVENTS_PER_TURN);
        return text === undefined ? undefined : encodeUtf8(text);
      },
      close() {},
    });
    return { end, source };
  }

  /** @param kind Begins the names of its log events. */
  #source(
    kind: "backup" | "export",
    requester: Requester,
    { about, next, close }: {
      /** Log fields about it, besides its outcome. */
      readonly about: Readonly<Record<string, string | number | undefined>>;
      readonly next: () =>
        | Uint8Array
        | undefined
        | Promise<Uint8Array | undefined>;
      readonly close: () => void;
    },
  ): PullSource {
    const { clock, logger } = this.#options;
    const startedAtUs = clock.nowUs();
    logAudit(logger, { event: `${kind}.started`, requester, fields: about });
    const by = requester.caller?.login;
    const over = new AbortController();
    const pause = createPolitePause(over.signal);
    return {
      async next() {
        try {
          // Selected events may be far apart: a client that waits may leave.
          while (!over.signal.aborted) {
            const piece = await next();
            await pause();
            if (piece?.length !== 0) return piece;
          }
          return undefined;
        } catch (cause) {
          throw new BrokenOff("The answer was broken off", { cause });
        }
      },
      end(how) {
        over.abort();
        close();
        const tookMs = Math.round((clock.nowUs() - startedAtUs) / 1000);
        const { outcome } = how;
        if (outcome !== "failed") {
          logger.info(`${kind}.ended`, { by, ...about, outcome, tookMs });
          return;
        }
        const error = how.error instanceof BrokenOff
          ? how.error.cause
          : how.error;
        const reason = error instanceof Error ? error.message : String(error);
        logger.error(`${kind}.failed`, { by, ...about, tookMs, reason });
      },
    };
  }
}
