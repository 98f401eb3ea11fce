/**
 * What an open store knows of its own damage: what the last verification
 * found, and which records reads could not read since. It is kept in memory:
 * after a restart, verification tells again.
 *
 * @module
 */

import type { DamageStatus } from "../../lib/store/event_store.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { VerifyReport } from "../../lib/store/maintenance.ts";

export class KnownDamage {
  readonly #logger: Logger;
  #damageCount = 0;
  #brokenCount = 0;
  /** Positions of records that could not be read, as far as there is room. */
  #unreadable = new Set<number>();
  /** Those that were met while verifications went on. */
  readonly #metMeanwhile = new Set<Set<number>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Undefined: none is known. */
  get status(): DamageStatus | undefined {
    const damageCount = this.#damageCount;
    const brokenCount = this.#brokenCount;
    const unreadableCount = this.#unreadable.size;
    return damageCount + brokenCount + unreadableCount === 0
      ? undefined
      : { damageCount, brokenCount, unreadableCount };
  }

  /** Opening found so much. */
  found(damageCount: number): void {
    this.#damageCount = damageCount;
  }

  /** A read met a committed record that is not whole. */
  met(position: number, message: string): void {
    for (const met of this.#metMeanwhile) addBounded(met, position);
    if (addBounded(this.#unreadable, position)) {
      this.#logger.error("store.damage_met", { position, reason: message });
    }
  }

  /**
   * Verifies, and from then on knows what came of it. A verification that does
   * not end says nothing.
   */
  async learn(verify: () => Promise<VerifyReport>): Promise<VerifyReport> {
    const met = new Set<number>();
    this.#metMeanwhile.add(met);
    try {
      const report = await verify();
      this.#damageCount = report.damageCount;
      this.#brokenCount = report.brokenCount;
      // Damage that it found itself is in its counts.
      for (const { position } of report.findings) {
        if (position !== undefined) met.delete(position);
      }
      this.#unreadable = met;
      return report;
    } finally {
      this.#metMeanwhile.delete(met);
    }
  }
}

/** @returns Whether it was added. */
function addBounded(positions: Set<number>, position: number): boolean {
  if (positions.size >= LIMITS.findingsMax || positions.has(position)) {
    return false;
  }
  positions.add(position);
  return true;
}
