/**
 * Memory that the messages of all groups take together. Where it is used up,
 * groups that nobody asked for longest give up what they have read ahead.
 *
 * @module
 */

/** A group that holds messages. */
export interface MemoryHolder {
  /** Bytes that its messages take. */
  readonly heldBytes: number;
  /** When it was asked for messages last. */
  readonly askedAtMs: number;
  /** Gives up what can be read again. */
  giveUpBuffer(): void;
}

/** Shares a number of bytes out. */
export class MemoryBudget {
  readonly #bytesMax: number;
  readonly #sizes = new Map<MemoryHolder, number>();
  #total = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that all hold. */
  get heldBytes(): number {
    return this.#total;
  }

  /** Whether there is room for more, after those who can have given up some. */
  hasRoom(asking: MemoryHolder): boolean {
    if (this.#total < this.#bytesMax) return true;
    const others = [...this.#sizes.keys()].sort((a, b) =>
      a.askedAtMs - b.askedAtMs
    );
    for (const holder of others) {
      if (this.#total < this.#bytesMax) break;
      if (holder === asking) continue;
      holder.giveUpBuffer();
      this.update(holder);
    }
    return this.#total < this.#bytesMax;
  }

  /** Notes what somebody holds by now. */
  update(holder: MemoryHolder): void {
    const { heldBytes } = holder;
    this.#total += heldBytes - (this.#sizes.get(holder) ?? 0);
    if (heldBytes === 0) this.#sizes.delete(holder);
    else this.#sizes.set(holder, heldBytes);
  }

  /** Notes that somebody holds nothing any more. */
  forget(holder: MemoryHolder): void {
    this.#total -= this.#sizes.get(holder) ?? 0;
    this.#sizes.delete(holder);
  }
}
