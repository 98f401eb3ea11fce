/**
 * Places for what is held: long polls and live feeds. They are counted in all,
 * by address and by user. A quarter of those in all, and of those of an
 * address, is kept for callers that are logged in: anonymous clients, which
 * cost nothing to be, must not keep everybody else out.
 *
 * @module
 */

/** How many places there are. */
export interface PlaceLimits {
  readonly inAll: number;
  readonly ofAddress: number;
  readonly ofUser: number;
}

/** Who wants a place. */
export interface PlaceHolder {
  /** What the client's address counts as. */
  readonly address: string;
  /** Its login; undefined for an anonymous client. */
  readonly user: string | undefined;
}

/** Why there is no place. */
export interface NoPlace {
  readonly where: keyof PlaceLimits;
  /** How many such a client may have there. */
  readonly limit: number;
}

/** Counts the places that are taken. */
export class HeldPlaces {
  readonly #limits: PlaceLimits;
  readonly #byAddress = new Map<string, number>();
  readonly #byUser = new Map<string, number>();
  #count = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /** How many are taken. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes a place.
   *
   * @returns A function that gives it up, and may be called again; or why there
   * is none.
   */
  take({ address, user }: PlaceHolder): (() => void) | NoPlace {
    const limits = this.#limits;
    const share = user === undefined ? anonymousShare : wholeShare;
    const ofAddress = this.#byAddress.get(address) ?? 0;
    const ofUser = user === undefined ? 0 : this.#byUser.get(user) ?? 0;
    const inAllMax = share(limits.inAll);
    if (this.#count >= inAllMax) return { where: "inAll", limit: inAllMax };
    const ofAddressMax = share(limits.ofAddress);
    if (ofAddress >= ofAddressMax) {
      return { where: "ofAddress", limit: ofAddressMax };
    }
    if (user !== undefined && ofUser >= limits.ofUser) {
      return { where: "ofUser", limit: limits.ofUser };
    }
    this.#count++;
    this.#byAddress.set(address, ofAddress + 1);
    if (user !== undefined) this.#byUser.set(user, ofUser + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#count--;
      decrement(this.#byAddress, address);
      if (user !== undefined) decrement(this.#byUser, user);
    };
  }
}

function wholeShare(places: number): number {
  return places;
}

function anonymousShare(places: number): number {
  return places - Math.floor(places / 4);
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
