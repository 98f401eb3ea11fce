/**
 * Numbers of 32 bits in a typed array that grows: a million of them are nothing
 * that the garbage collector visits.
 *
 * @module
 */

export class Uint32List {
  #array: Uint32Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 256) {
    this.#array = new Uint32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.#array.length) this.reserve(this.length * 2);
    this.#array[this.length++] = value;
  }

  /** The number at an index; 0 beyond the end. */
  at(index: number): number {
    return index < this.length ? this.#array[index] ?? 0 : 0;
  }

  /** All of them: a view that holds until numbers are taken away. */
  values(): Uint32Array<ArrayBuffer> {
    return this.#array.subarray(0, this.length);
  }

  /** Takes these numbers in place of those it has. */
  assign(values: Uint32Array): void {
    this.reserve(values.length);
    this.#array.set(values);
    this.length = values.length;
  }

  /** Takes away those that are not accepted. */
  keep(isKept: (value: number) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.length; index++) {
      const value = this.at(index);
      if (isKept(value)) this.#array[kept++] = value;
    }
    this.length = kept;
  }

  /** Makes room for so many in all. */
  reserve(count: number): void {
    if (count <= this.#array.length) return;
    const grown = new Uint32Array(count);
    grown.set(this.values());
    this.#array = grown;
  }
}
