/**
 * Runs scavenges of one open store: one at a time, and none beyond its end.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type {
  JobControl,
  ScavengeReport,
  ScavengeRequest,
} from "../../../lib/store/maintenance.ts";
import { scavenge } from "./scavenger.ts";
import type { ScavengerParts } from "./scavenger_parts.ts";

export class ScavengeRunner {
  readonly #parts: ScavengerParts;
  readonly #closing = new AbortController();
  #running: Promise<ScavengeReport> | undefined;

  constructor(parts: ScavengerParts) {
    this.#parts = parts;
  }

  /** Scavenges; see the port. */
  async run(
    request: ScavengeRequest,
    control: JobControl,
  ): Promise<ScavengeReport> {
    this.#closing.signal.throwIfAborted();
    if (this.#running !== undefined) {
      throw new QuipuError(
        "invalidRequest",
        "Cannot scavenge: that is being done already",
      );
    }
    // What it is told and how it is done are the same objects for all of it.
    const signal = AbortSignal.any([control.signal, this.#closing.signal]);
    this.#running = scavenge(this.#parts, request, {
      signal,
      report: (progress) => control.report(progress),
      ...(control.pause && { pause: () => control.pause?.() ?? NOTHING }),
    });
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Stops what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(
      new QuipuError("storeClosed", "The server is shutting down"),
    );
    await this.#running?.catch(() => {});
  }
}

const NOTHING = Promise.resolve();
