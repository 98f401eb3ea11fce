/**
 * Copies plain JSON values from bytes to bytes, laid out as Json.NET does: two
 * spaces, `"k": v`. The input must be valid UTF-8.
 *
 * Only what needs no thought is copied: strict JSON whose strings have short
 * escapes alone and none of the characters that Json.NET escapes. Of all else
 * it says so; `json_scanner.ts` knows what is to be done with it, and both lay
 * out alike.
 *
 * @module
 */

export type JsonValueKind = "object" | "array" | "string" | "scalar" | "null";

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const SPACE = 0x20;
const NEWLINE = 0x0a;

/** 1 for JSON's white space. */
const IS_BLANK = new Uint8Array(256);
for (const code of [SPACE, NEWLINE, 0x0d, 0x09]) IS_BLANK[code] = 1;

/** 1 for `"`, `\`, `b`, `f`, `n`, `r` and `t`. */
const SHORT_ESCAPES = new Uint8Array(256);
for (const escape of '"\\bfnrt') SHORT_ESCAPES[escape.charCodeAt(0)] = 1;

/** A string's byte that is copied as it is: 0; one to look at: 1. */
const SPECIAL_BYTES = new Uint8Array(256);
SPECIAL_BYTES.fill(1, 0, 0x20);
SPECIAL_BYTES[QUOTE] = 1;
SPECIAL_BYTES[BACKSLASH] = 1;
// First bytes of U+0085 and of U+2028 and U+2029, which Json.NET escapes.
SPECIAL_BYTES[0xc2] = 1;
SPECIAL_BYTES[0xe2] = 1;

const EMPTY: Uint8Array = new Uint8Array(0);

const HYPHEN = 0x2d;
const UUID_LENGTH = 36;
const NO_DIGIT = 0xff;

/** Value of each hexadecimal digit in lower case. */
const DIGIT_VALUES = new Uint8Array(256).fill(NO_DIGIT);
for (const digit of "0123456789abcdef") {
  DIGIT_VALUES[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
}

/** Reads a UUID at `from` as 16 bytes; false when there is none. */
function parseUuid(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
): boolean {
  let wrong = 0;
  let place = from;
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) {
      wrong |= (source[place++] ?? 0) ^ HYPHEN;
    }
    const high = DIGIT_VALUES[source[place++] ?? 0] ?? NO_DIGIT;
    const low = DIGIT_VALUES[source[place++] ?? 0] ?? NO_DIGIT;
    wrong |= (high | low) & 0xf0;
    target[to + index] = (high << 4) | low;
  }
  return wrong === 0;
}

/** Small outputs share blocks of memory: an allocation costs more than a copy. */
const SLAB_BYTES = 64 * 1024;
const SHARED_BYTES_MAX = 8 * 1024;
let slab: Uint8Array = EMPTY;
let slabEnd = 0;

/** Bytes that nobody else writes. */
function takeBytes(byteCount: number): Uint8Array {
  if (byteCount > SHARED_BYTES_MAX) return new Uint8Array(byteCount);
  if (slabEnd + byteCount > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    slabEnd = 0;
  }
  slabEnd += byteCount;
  return slab.subarray(slabEnd - byteCount, slabEnd);
}

/**
 * Closing bracket of each open container, by depth. One array serves all:
 * copying is not interrupted.
 */
let sharedClosers = new Uint8Array(256);

function closersUpTo(depthMax: number): Uint8Array {
  if (sharedClosers.length <= depthMax) {
    sharedClosers = new Uint8Array(depthMax + 1);
  }
  return sharedClosers;
}

export class JsonCopier {
  readonly #bytes: Uint8Array;
  readonly #depthMax: number;
  #out: Uint8Array;
  #outEnd = 0;
  /** Most bytes that are written: layout of deep, short items is not plain. */
  readonly #outMax: number;
  /** Index of the next byte to read. */
  position = 0;
  /** What the last `copyValue()` copied. */
  copied: Uint8Array = EMPTY;

  /** @param depthMax Nesting that a value may have. */
  constructor(bytes: Uint8Array, depthMax: number) {
    this.#bytes = bytes;
    this.#depthMax = depthMax;
    this.#out = takeBytes(bytes.length + (bytes.length >> 2) + 64);
    this.#outMax = bytes.length * 8 + 4096;
  }

  /** What is copied to, until it has to grow. */
  get out(): Uint8Array {
    return this.#out;
  }

  skipBlanks(): void {
    const bytes = this.#bytes;
    let position = this.position;
    while (IS_BLANK[bytes[position] ?? 0] === 1) position++;
    this.position = position;
  }

  /**
   * Copies the UUID that is next, 36 characters in lower case, as 16 bytes.
   *
   * @returns Where they are in `out`; -1 when it is none.
   */
  copyUuid(): number {
    if (!this.#reserve(0)) return -1;
    const start = this.#outEnd;
    if (!parseUuid(this.#bytes, this.position, this.#out, start)) return -1;
    this.position += UUID_LENGTH;
    this.#outEnd += 16;
    return start;
  }

  /**
   * Copies the next value; of a string its characters.
   *
   * @returns What it was; `undefined` when it is not plain.
   */
  copyValue(): JsonValueKind | undefined {
    this.skipBlanks();
    if (!this.#reserve(0)) return undefined;
    const start = this.#outEnd;
    const code = this.#bytes[this.position] ?? 0;
    if (code === QUOTE) {
      if (!this.#copyString()) return undefined;
      // The characters alone are stored, so none may be written as an escape.
      this.copied = this.#out.subarray(start + 1, this.#outEnd - 1);
      return this.copied.includes(BACKSLASH) ? undefined : "string";
    }
    if (code === BRACE || code === BRACKET) {
      if (!this.#copyContainer()) return undefined;
      this.copied = this.#out.subarray(start, this.#outEnd);
      return code === BRACE ? "object" : "array";
    }
    if (!this.#copyScalar(code)) return undefined;
    this.copied = this.#out.subarray(start, this.#outEnd);
    return code === 0x6e ? "null" : "scalar";
  }

  /** Copies an array or object without recursion. */
  #copyContainer(): boolean {
    const bytes = this.#bytes;
    const closers = closersUpTo(this.#depthMax);
    let depth = 0;
    for (;;) {
      // A value is next.
      this.skipBlanks();
      let code = bytes[this.position] ?? 0;
      if (code === BRACE || code === BRACKET) {
        if (++depth > this.#depthMax) return false;
        const closer = code + 2;
        closers[depth] = closer;
        this.position++;
        this.skipBlanks();
        if (!this.#reserve(depth)) return false;
        this.#out[this.#outEnd++] = code;
        if (bytes[this.position] !== closer) {
          this.#newline(depth);
          if (code === BRACE && !this.#copyName()) return false;
          continue;
        }
        this.#out[this.#outEnd++] = closer;
        this.position++;
        depth--;
      } else if (code === QUOTE) {
        if (!this.#copyString()) return false;
      } else if (!this.#copyScalar(code)) return false;

      // A value has ended, and with it perhaps the containers around it.
      for (;;) {
        if (depth === 0) return true;
        this.skipBlanks();
        code = bytes[this.position++] ?? 0;
        if (!this.#reserve(depth)) return false;
        if (code === COMMA) {
          this.#out[this.#outEnd++] = COMMA;
          this.#newline(depth);
          if (closers[depth] === BRACE_END && !this.#copyName()) return false;
          break;
        }
        if (code !== closers[depth]) return false;
        depth--;
        this.#newline(depth);
        this.#out[this.#outEnd++] = code;
      }
    }
  }

  #copyName(): boolean {
    this.skipBlanks();
    if (this.#bytes[this.position] !== QUOTE) return false;
    if (!this.#copyString()) return false;
    this.skipBlanks();
    if (this.#bytes[this.position++] !== COLON) return false;
    this.#out[this.#outEnd++] = COLON;
    this.#out[this.#outEnd++] = SPACE;
    return true;
  }

  #copyString(): boolean {
    const bytes = this.#bytes;
    const out = this.#out;
    let from = this.position;
    let to = this.#outEnd;
    out[to++] = bytes[from++] ?? 0;
    for (;;) {
      const code = bytes[from++] ?? 0;
      out[to++] = code;
      if (SPECIAL_BYTES[code] === 0) continue;
      if (code === QUOTE) {
        this.position = from;
        this.#outEnd = to;
        return true;
      }
      const next = bytes[from] ?? 0;
      if (code === BACKSLASH) {
        if (SHORT_ESCAPES[next] !== 1) return false;
        out[to++] = next;
        from++;
      } else if (code < SPACE) return false;
      else if (code === 0xc2) {
        if (next === 0x85) return false;
      } else if (next === 0x80) {
        const last = bytes[from + 1] ?? 0;
        if (last === 0xa8 || last === 0xa9) return false;
      }
    }
  }

  #copyScalar(code: number): boolean {
    switch (code) {
      case 0x74:
        return this.#copyWord(TRUE);
      case 0x66:
        return this.#copyWord(FALSE);
      case 0x6e:
        return this.#copyWord(NULL);
    }
    return this.#copyNumber();
  }

  #copyWord(word: Uint8Array): boolean {
    const start = this.position;
    for (let index = 0; index < word.length; index++) {
      if (this.#bytes[start + index] !== word[index]) return false;
    }
    return this.#copyPlain(start + word.length);
  }

  #copyNumber(): boolean {
    const bytes = this.#bytes;
    let end = this.position;
    if (bytes[end] === MINUS) end++;
    if (bytes[end] === ZERO) end++;
    else {
      const digits = end;
      end = this.#digitsEnd(end);
      if (end === digits) return false;
    }
    if (bytes[end] === DOT) {
      const digits = end + 1;
      end = this.#digitsEnd(digits);
      if (end === digits) return false;
    }
    if (((bytes[end] ?? 0) | 0x20) === 0x65) {
      let digits = end + 1;
      if (bytes[digits] === 0x2b || bytes[digits] === MINUS) digits++;
      end = this.#digitsEnd(digits);
      if (end === digits) return false;
    }
    return this.#copyPlain(end);
  }

  #digitsEnd(start: number): number {
    const bytes = this.#bytes;
    let end = start;
    let code = bytes[end] ?? 0;
    while (code >= ZERO && code <= NINE) code = bytes[++end] ?? 0;
    return end;
  }

  /** Copies up to `end`, where a scalar must be over. */
  #copyPlain(end: number): boolean {
    const bytes = this.#bytes;
    const after = bytes[end] ?? 0;
    const isOver = after === COMMA || after === BRACE_END ||
      after === BRACKET + 2 || after <= SPACE;
    if (!isOver) return false;
    for (let from = this.position; from < end; from++) {
      this.#out[this.#outEnd++] = bytes[from] ?? 0;
    }
    this.position = end;
    return true;
  }

  #newline(depth: number): void {
    const out = this.#out;
    let to = this.#outEnd;
    out[to++] = NEWLINE;
    for (let spaces = 2 * depth; spaces > 0; spaces--) out[to++] = SPACE;
    this.#outEnd = to;
  }

  /**
   * Makes room for layout at a depth and for all bytes that are left: what is
   * copied beside layout is never longer than what it is copied from.
   *
   * @returns False when layout has made the copy far too long.
   */
  #reserve(depth: number): boolean {
    const left = this.#bytes.length - this.position;
    const needed = this.#outEnd + left + 2 * depth + LAYOUT_SLACK;
    if (needed <= this.#out.length) return true;
    if (needed > this.#outMax) return false;
    const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
    grown.set(this.#out.subarray(0, this.#outEnd));
    this.#out = grown;
    return true;
  }
}

/** Bytes besides indentation that one step of layout writes. */
const LAYOUT_SLACK = 16;

const TRUE = new TextEncoder().encode("true");
const FALSE = new TextEncoder().encode("false");
const NULL = new TextEncoder().encode("null");
