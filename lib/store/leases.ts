/**
 * Leases: the right to do a job that only one process may do at a time, such
 * as running a group of subscribers or a projection.
 *
 * @module
 */

/** The right to a name. Plain data: it may be kept and compared. */
export interface Lease {
  readonly name: string;
  /**
   * Fencing token: greater than that of every lease of this name that was
   * granted before, also by an earlier process.
   */
  readonly token: number;
}

/** Grants leases. A name is any text; it needs no stream. */
export interface Leases {
  /**
   * Takes a name for `holdMs` milliseconds.
   *
   * @returns Undefined while somebody else, perhaps in this process, holds it.
   */
  acquire(name: string, holdMs: number): Promise<Lease | undefined>;

  /**
   * Holds on for `holdMs` milliseconds from now.
   *
   * @returns False if the lease is lost: it was released, or it ran out and
   * somebody else took the name. What was done under it must stop.
   */
  renew(lease: Lease, holdMs: number): Promise<boolean>;

  /**
   * Gives the name back. Appends under the lease must have been answered.
   * Nothing happens if the lease is lost already.
   */
  release(lease: Lease): Promise<void>;
}

/**
 * Leases of a store that one process has for itself: they are granted at once
 * and last until they are released, as nobody could take them over.
 */
export class LocalLeases implements Leases {
  readonly #tokens = new Map<string, number>();
  #lastToken: number;

  /** @param startedAtUs A time later than all earlier processes', microseconds. */
  constructor(startedAtUs: number) {
    this.#lastToken = startedAtUs;
  }

  acquire(name: string): Promise<Lease | undefined> {
    if (this.#tokens.has(name)) return Promise.resolve(undefined);
    const token = ++this.#lastToken;
    this.#tokens.set(name, token);
    return Promise.resolve({ name, token });
  }

  renew(lease: Lease): Promise<boolean> {
    return Promise.resolve(this.isHeld(lease));
  }

  release(lease: Lease): Promise<void> {
    if (this.isHeld(lease)) this.#tokens.delete(lease.name);
    return Promise.resolve();
  }

  /** Whether a lease is not lost. */
  isHeld({ name, token }: Lease): boolean {
    return this.#tokens.get(name) === token;
  }
}
