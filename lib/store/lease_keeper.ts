/**
 * Keeps leases: what runs under one runs on one server at a time. One timer
 * renews all that are held.
 *
 * @module
 */

import type { Lease, Leases } from "./leases.ts";
import type { Timers } from "../model/clock.ts";

/** How long a lease lasts that is not renewed, and how often it is. */
const HOLD_MS = 10_000;
const RENEW_MS = 3_000;

/** Holds leases until they are released or lost. */
export class LeaseKeeper {
  readonly #leases: Leases;
  readonly #timers: Timers;
  readonly #held = new Map<Lease, () => void>();
  #cancelTimer: (() => void) | undefined;
  #isRenewing = false;

  constructor(leases: Leases, timers: Timers) {
    this.#leases = leases;
    this.#timers = timers;
  }

  /**
   * Takes a name.
   *
   * @param onLost Called once, if the lease is lost before it is released.
   * @returns Undefined: somebody else holds it.
   */
  async acquire(name: string, onLost: () => void): Promise<Lease | undefined> {
    const lease = await this.#leases.acquire(name, HOLD_MS);
    if (lease === undefined) return undefined;
    this.#held.set(lease, onLost);
    this.#arm();
    return lease;
  }

  /** Gives a name back. What was done under it must have ended. */
  async release(lease: Lease): Promise<void> {
    this.#held.delete(lease);
    if (this.#held.size === 0) this.#disarm();
    await this.#leases.release(lease);
  }

  #arm(): void {
    this.#cancelTimer ??= this.#timers.setTimer(RENEW_MS, () => {
      this.#cancelTimer = undefined;
      void this.#renewAll();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  async #renewAll(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    for (const [lease, onLost] of [...this.#held]) {
      // A store that fails says nothing of who holds it: asked again.
      const isHeld = await this.#leases.renew(lease, HOLD_MS).catch(() => true);
      if (!isHeld && this.#held.delete(lease)) onLost();
    }
    this.#isRenewing = false;
    if (this.#held.size > 0) this.#arm();
  }
}
