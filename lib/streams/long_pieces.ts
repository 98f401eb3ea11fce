/**
 * Bounds the bytes of long events that clients of live feeds are in the middle
 * of: a client that reads slowly keeps the whole event in memory. Those who
 * are sent the same bytes share them.
 *
 * @module
 */

/** Counts bytes that are held; those who find no room wait. */
export class LongPieces {
  readonly #bytesMax: number;
  readonly #holderCounts = new Map<Uint8Array, number>();
  readonly #waiting = new Set<() => void>();
  #heldBytes = 0;

  /** @param bytesMax One that is longer is held alone. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Holds bytes until they are let go as often; false when there is no room. */
  tryHold(bytes: Uint8Array): boolean {
    const holderCount = this.#holderCounts.get(bytes) ?? 0;
    if (holderCount === 0) {
      const hasRoom = this.#heldBytes === 0 ||
        this.#heldBytes + bytes.length <= this.#bytesMax;
      if (!hasRoom) return false;
      this.#heldBytes += bytes.length;
    }
    this.#holderCounts.set(bytes, holderCount + 1);
    return true;
  }

  /** Lets go of bytes that are held. */
  letGo(bytes: Uint8Array): void {
    const holderCount = this.#holderCounts.get(bytes) ?? 0;
    if (holderCount > 1) {
      this.#holderCounts.set(bytes, holderCount - 1);
      return;
    }
    if (!this.#holderCounts.delete(bytes)) return;
    this.#heldBytes -= bytes.length;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const retry of waiting) retry();
  }

  /**
   * Calls a function, once, when there may be room.
   *
   * @returns A function that gives up waiting.
   */
  waitForRoom(retry: () => void): () => void {
    this.#waiting.add(retry);
    return () => this.#waiting.delete(retry);
  }
}
