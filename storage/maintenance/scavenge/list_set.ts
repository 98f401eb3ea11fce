/**
 * Lists by id, a bit each: a segment may take events of a million streams.
 *
 * @module
 */

export class ListSet {
  #bits: Uint8Array;

  /** @param listCount Lists that there are; there may come to be more. */
  constructor(listCount: number) {
    this.#bits = new Uint8Array((listCount >>> 3) + 1);
  }

  has(listId: number): boolean {
    return ((this.#bits[listId >>> 3] ?? 0) & (1 << (listId & 7))) !== 0;
  }

  /** @returns Whether it was not there yet. */
  add(listId: number): boolean {
    if (this.has(listId)) return false;
    const at = listId >>> 3;
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (listId & 7));
    return true;
  }

  clear(): void {
    this.#bits.fill(0);
  }
}
