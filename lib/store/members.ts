/**
 * The servers that share a store.
 *
 * @module
 */

/** A server that has the store open. */
export interface StoreMember {
  readonly id: string;
  /** Where others reach it; undefined: it does not say. */
  readonly url: string | undefined;
  /** Whether it is this one. */
  readonly isSelf: boolean;
}

/** The servers of a store that several may have open. */
export interface StoreMembers {
  /** Those that live, this one included, as of a few seconds ago. */
  list(): readonly StoreMember[];
  /**
   * The other server that holds a lease; undefined: nobody else does. Rejects
   * as reads do.
   */
  ownerOf(leaseName: string): Promise<Pick<StoreMember, "url"> | undefined>;
}
