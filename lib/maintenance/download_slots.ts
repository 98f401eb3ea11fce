/**
 * How many long answers of a kind there may be at a time, and what the log
 * says of each.
 *
 * @module
 */

import { logAudit, type Requester } from "../model/audit.ts";
import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { StreamEnd } from "./paced_stream.ts";

export interface DownloadSlotsOptions {
  /** Begins the names of its log events: `backup`, `export`. */
  readonly kind: string;
  readonly countMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class DownloadSlots {
  readonly #options: DownloadSlotsOptions;
  readonly #stopping = new AbortController();
  #openCount = 0;

  constructor(options: DownloadSlotsOptions) {
    this.#options = options;
  }

  /**
   * Whether one is free.
   *
   * @throws {QuipuError} `storeClosed` once they are closed.
   */
  hasFree(): boolean {
    if (this.#stopping.signal.aborted) {
      throw new QuipuError("storeClosed", "The server is stopping");
    }
    return this.#openCount < this.#options.countMax;
  }

  /** Aborted when those who hold one must give it back. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Breaks off what is under way, and gives none away any more. */
  close(): void {
    this.#stopping.abort();
  }

  /**
   * Takes one.
   *
   * @param requester Who gets it.
   * @param about What the log says of it, besides how it ended.
   * @returns What gives it back.
   */
  take(
    requester: Requester,
    about: Readonly<Record<string, string | number | undefined>>,
  ): (end: StreamEnd) => void {
    const { kind, clock, logger } = this.#options;
    const startedAtUs = clock.nowUs();
    this.#openCount++;
    logAudit(logger, { event: `${kind}.started`, requester, fields: about });
    const by = requester.caller?.login;
    return (end) => {
      this.#openCount--;
      const tookMs = Math.round((clock.nowUs() - startedAtUs) / 1000);
      const { outcome } = end;
      if (outcome === "failed") {
        const { error } = end;
        logger.error(`${kind}.failed`, {
          by,
          ...about,
          tookMs,
          reason: error instanceof Error ? error.message : String(error),
        });
      } else logger.info(`${kind}.ended`, { by, ...about, outcome, tookMs });
    };
  }
}
