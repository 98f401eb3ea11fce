/**
 * Text that is put together of many short pieces.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * A text of pieces and single characters. Added up one by one, each would cost
 * an object until somebody reads the text: more than a heap holds of millions
 * of them. So short ones are collected first.
 */
export class PieceText {
  #text = "";
  #codes: Uint16Array<ArrayBuffer> | undefined;
  #codeCount = 0;

  get length(): number {
    return this.#text.length + this.#codeCount;
  }

  push(piece: string): void {
    const { length } = piece;
    if (length > PIECE_LENGTH_MAX) {
      this.#flush();
      this.#text += piece;
      return;
    }
    for (let index = 0; index < length; index++) {
      this.pushCode(piece.charCodeAt(index));
    }
  }

  pushCode(code: number): void {
    if (this.#codeCount === CODES_LENGTH) this.#flush();
    this.#codes ??= takeSpare();
    this.#codes[this.#codeCount++] = code;
  }

  /** The text; nothing is pushed any more. */
  take(): string {
    this.#flush();
    spare = this.#codes ?? spare;
    this.#codes = undefined;
    return this.#text;
  }

  #flush(): void {
    if (this.#codeCount === 0 || this.#codes === undefined) return;
    // All the processors that Deno runs on are little-endian.
    this.#text += Buffer.from(this.#codes.buffer, 0, this.#codeCount * 2)
      .toString("utf16le");
    this.#codeCount = 0;
  }
}

/** Longer pieces are worth an object each. */
const PIECE_LENGTH_MAX = 64;
const CODES_LENGTH = 4096;

/** What the text before has left for the next one. */
let spare: Uint16Array<ArrayBuffer> | undefined;

function takeSpare(): Uint16Array<ArrayBuffer> {
  const codes = spare ?? new Uint16Array(CODES_LENGTH);
  spare = undefined;
  return codes;
}
