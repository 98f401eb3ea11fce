/**
 * Events of an export that a client sends to an open server: they keep their
 * numbers, ids and, unless the store holds later events, their times.
 *
 * @module
 */

import { logAudit, type Requester } from "../model/audit.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { EventStore } from "../store/event_store.ts";
import { importEvents } from "../store/import_events.ts";
import type { ImportingStore } from "../store/import_run.ts";
import type { ImportReport } from "../store/transfer.ts";

export interface UploadsOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Bytes that are imported before other requests get their turn. */
const TURN_BYTES = 64 * 1024;

/** Imports what clients send. */
export class Uploads {
  readonly #options: UploadsOptions;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Whether the store takes events that have numbers. */
  get isPossible(): boolean {
    return this.#importing() !== undefined;
  }

  /**
   * Imports the lines of a request; answered once they are permanent. Lines
   * that were imported before change nothing.
   *
   * @param withSystem Whether events of streams of the system are imported.
   * @throws {QuipuError} As `importEvents` does: what stands before a line that
   * is refused stays imported.
   */
  async importLines(
    bytes: Uint8Array,
    { withSystem, requester, signal }: {
      readonly withSystem: boolean;
      readonly requester: Requester;
      readonly signal: AbortSignal;
    },
  ): Promise<ImportReport> {
    const { clock, logger } = this.#options;
    const store = this.#importing();
    if (store === undefined) throw new Error("The store imports nothing");
    const report = await importEvents({ store }, {
      bytes: piecesOf(bytes),
      length: bytes.length,
      withSystem,
      clock,
      control: { signal, report() {}, pause: letOthersWork },
    });
    const { importedCount, userCount, rightsCount, settingsCount } = report;
    if (importedCount > 0) {
      logAudit(logger, {
        event: "store.imported",
        requester,
        fields: { importedCount, userCount, rightsCount, settingsCount },
      });
    }
    return report;
  }

  #importing(): ImportingStore | undefined {
    const { store } = this.#options;
    return canImport(store) ? store : undefined;
  }
}

function canImport(store: EventStore): store is EventStore & ImportingStore {
  return store.importRun !== undefined;
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    yield bytes.subarray(at, at + TURN_BYTES);
  }
}

function letOthersWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
