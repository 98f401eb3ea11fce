/**
 * What is logged of one group. What may happen many times a second is said
 * once a minute.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";
import type { LogFields, Logger } from "../model/logger.ts";
import type { GroupId } from "../model/subscription_group.ts";

/** Time in which a group says the same only once. */
const QUIET_MS = 60_000;

/** Logs for a group. */
export class GroupLog {
  readonly #logger: Logger;
  readonly #timers: Timers;
  readonly #names: LogFields;
  readonly #saidAtMs = new Map<string, number>();

  constructor(
    { streamName, groupName }: GroupId,
    parts: { readonly logger: Logger; readonly timers: Timers },
  ) {
    this.#names = { stream: streamName, group: groupName };
    this.#logger = parts.logger;
    this.#timers = parts.timers;
  }

  /** Says something each time. */
  info(event: string, fields: LogFields): void {
    this.#logger.info(event, { ...this.#names, ...fields });
  }

  /** Says something that need not be repeated. */
  infoOnce(event: string): void {
    if (this.#isNews(event)) this.#logger.info(event, this.#names);
  }

  /** Says what failed, and will be tried again. */
  failure(event: string, error: unknown): void {
    if (!this.#isNews(event)) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#logger.warn(event, { ...this.#names, reason });
  }

  #isNews(event: string): boolean {
    const nowMs = this.#timers.nowMs();
    const saidAtMs = this.#saidAtMs.get(event) ?? -Infinity;
    if (nowMs - saidAtMs < QUIET_MS) return false;
    this.#saidAtMs.set(event, nowMs);
    return true;
  }
}
