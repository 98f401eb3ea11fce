/**
 * Text that is put together of many short pieces.
 *
 * @module
 */

/**
 * A text of pieces and single characters. Added up one by one, each would cost
 * an object until somebody reads the text: more than a heap holds of millions
 * of escapes.
 */
export class PieceText {
  #text = "";
  #codeCount = 0;

  get length(): number {
    return this.#text.length + this.#codeCount;
  }

  push(piece: string): void {
    if (piece === "") return;
    this.#flush();
    this.#text += piece;
  }

  pushCode(code: number): void {
    if (this.#codeCount === CODES.length) this.#flush();
    CODES[this.#codeCount++] = code;
  }

  take(): string {
    this.#flush();
    return this.#text;
  }

  #flush(): void {
    if (this.#codeCount === 0) return;
    this.#text += String.fromCharCode(...CODES.subarray(0, this.#codeCount));
    this.#codeCount = 0;
  }
}

/** Serves one text after the other: reading one is not interrupted. */
const CODES = new Uint16Array(4096);
