/**
 * How JSON is laid out, how long it may get, and why a text is not read.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Why a text was not read; `tooLong`: laid out, it would be. */
export type JsonTextErrorCode = "malformed" | "tooDeep" | "tooLong";

/** The text is not JSON, nested too deeply, or would become too long. */
export class JsonTextError extends Error {
  override readonly name = "JsonTextError";
  readonly code: JsonTextErrorCode;

  constructor(code: JsonTextErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The text is not JSON. */
// Made once: whether a text is JSON is an ordinary question here, and an error
// with a fresh stack costs more than the scan.
export const MALFORMED = new JsonTextError(
  "malformed",
  "Cannot read JSON: malformed",
);
/** It is nested too deeply. */
export const TOO_DEEP = new JsonTextError(
  "tooDeep",
  "Cannot read JSON: nested too deeply",
);

/** Laid out, it would be too long. */
export const TOO_LONG = new JsonTextError(
  "tooLong",
  "Cannot read JSON: too long once it is laid out",
);

/**
 * Characters that a text of this length may have, laid out. Short items deep
 * inside would otherwise grow a hundredfold.
 */
export function layoutMaxOf(textLength: number): number {
  return 2 ** 20 + 16 * textLength;
}

/** Counts the characters of what is written, up to a bound. */
export class LayoutBudget {
  #left: number;

  constructor(layoutMax: number) {
    this.#left = layoutMax;
  }

  /** @throws {JsonTextError} If the bound is passed. */
  take(length: number): void {
    this.#left -= length;
    if (this.#left < 0) throw TOO_LONG;
  }

  /** Takes what a text is at least, once it is quoted. Throws as `take` does. */
  takeText(text: string): void {
    this.take(Buffer.byteLength(text));
  }
}

const newlines: string[] = [];

/** A line break and the indentation of a nesting depth. */
export function newlineAt(depth: number): string {
  for (let next = newlines.length; next <= depth; next++) {
    newlines.push("\n" + "  ".repeat(next));
  }
  return newlines[depth] ?? "\n";
}
