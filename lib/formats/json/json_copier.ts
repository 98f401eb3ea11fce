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

import { encodeUtf8 } from "../../text/utf8.ts";
import { parseUuid, UUID_LENGTH } from "../../text/uuid.ts";

/** Bytes that are read and written at once. */
const WORD_BYTES = 4;
/** A line break and three spaces, as a word. */
const NEWLINE_AND_SPACES = 0x2020_200a;
/** Four spaces, as a word. */
const SPACES = 0x2020_2020;

export type JsonValueKind = "object" | "array" | "string" | "scalar" | "null";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const SPACE = 0x20;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** 1 for JSON's white space. */
const IS_BLANK = new Uint8Array(256);
for (const code of [0x20, 0x0a, 0x0d, 0x09]) IS_BLANK[code] = 1;

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

/**
 * Small bodies are moved here to be read, and small outputs share blocks of
 * memory: making an array and its view costs more than a copy.
 */
const SLAB_BYTES = 64 * 1024;
const SHARED_BYTES_MAX = 8 * 1024;
const SHARED_SOURCE = wordMemoryOf(new Uint8Array(SHARED_BYTES_MAX));
let slab = wordMemoryOf(new Uint8Array(SLAB_BYTES));
/** Bytes of the block from here on are nobody's. */
let slabEnd = 0;

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

/**
 * Copies from one body. Those of small ones share what they read from: one has
 * to be done before the next is made.
 */
export class JsonCopier {
  readonly #source: Uint8Array;
  readonly #sourceView: DataView;
  /** Length of the body; what the source holds from here on means nothing. */
  readonly #end: number;
  readonly #depthMax: number;
  #out: Uint8Array;
  #outView: DataView;
  #outEnd: number;
  /** Where the next byte goes, at most: layout of deep, short items is not plain. */
  readonly #outMax: number;
  /** Index of the next byte to read. */
  position = 0;
  /** The output of the last `copyValue()`. */
  copied: Uint8Array = EMPTY;
  readonly #valueMax: number;
  #valueStart = 0;

  /** @param valueMax Bytes from which on a value is not copied to its end. */
  constructor(bytes: Uint8Array, depthMax: number, valueMax: number) {
    const { length } = bytes;
    this.#valueMax = valueMax;
    const roomBytes = length + (length >> 2) + 64;
    const isSmall = roomBytes <= SHARED_BYTES_MAX;
    if (isSmall) {
      SHARED_SOURCE.bytes.set(bytes);
      // The rest of an earlier body must not continue this one.
      SHARED_SOURCE.bytes[length] = 0;
    }
    if (isSmall && slabEnd + roomBytes > SLAB_BYTES) {
      slab = wordMemoryOf(new Uint8Array(SLAB_BYTES));
      slabEnd = 0;
    }
    const source = isSmall ? SHARED_SOURCE : wordMemoryOf(bytes);
    const target = isSmall ? slab : wordMemoryOf(new Uint8Array(roomBytes));
    this.#source = source.bytes;
    this.#sourceView = source.view;
    this.#end = length;
    this.#depthMax = depthMax;
    this.#out = target.bytes;
    this.#outView = target.view;
    this.#outEnd = isSmall ? slabEnd : 0;
    this.#outMax = this.#outEnd + length * 8 + 4096;
  }

  /** The output, until it has to grow. */
  get out(): Uint8Array {
    return this.#out;
  }

  /** Skips white space; whether nothing follows. */
  isAtEnd(): boolean {
    if (this.position < this.#end) this.next();
    return this.position === this.#end;
  }

  /** Keeps what was copied from being written over by what comes next. */
  finish(): void {
    if (this.#out === slab.bytes) slabEnd = this.#outEnd;
  }

  /** Skips white space; the byte after it, 0 at the end of the body. */
  next(): number {
    const code = this.#source[this.position] ?? 0;
    return code > SPACE ? code : this.#nextAfterBlanks();
  }

  #nextAfterBlanks(): number {
    const source = this.#source;
    let { position } = this;
    let code = source[position] ?? 0;
    while (IS_BLANK[code] === 1) code = source[++position] ?? 0;
    this.position = position;
    return code;
  }

  /** Skips white space, and the byte if it is next. */
  take(code: number): boolean {
    if (this.next() !== code) return false;
    this.position++;
    return true;
  }

  /** Takes the bytes if they are next, all of them. */
  takeAll(codes: Uint8Array): boolean {
    const source = this.#source;
    const { position } = this;
    for (let index = 0; index < codes.length; index++) {
      if (source[position + index] !== codes[index]) return false;
    }
    this.position = position + codes.length;
    return true;
  }

  /**
   * Copies the UUID that is next, 36 characters in lower case, as 16 bytes.
   *
   * @returns Where they are in `out`; -1 when it is none.
   */
  copyUuid(): number {
    if (this.position + UUID_LENGTH > this.#end) return -1;
    if (!this.#reserve(0)) return -1;
    const start = this.#outEnd;
    if (!parseUuid(this.#source, this.position, this.#out, start)) return -1;
    this.position += UUID_LENGTH;
    this.#outEnd = start + 16;
    return start;
  }

  /**
   * Copies the next value; of a string its characters.
   *
   * @returns What it was; `undefined` when it is not plain.
   */
  copyValue(): JsonValueKind | undefined {
    const code = this.next();
    if (!this.#reserve(0)) return undefined;
    const start = this.#outEnd;
    this.#valueStart = start;
    if (code === BRACE || code === BRACKET) {
      if (!this.#copyContainer()) return undefined;
      this.copied = this.#out.subarray(start, this.#outEnd);
      return code === BRACE ? "object" : "array";
    }
    if (code === QUOTE) {
      if (!this.#copyString()) return undefined;
      // The characters alone are stored, so none may be written as an escape.
      this.copied = this.#out.subarray(start + 1, this.#outEnd - 1);
      return this.copied.includes(BACKSLASH) ? undefined : "string";
    }
    if (!this.#copyScalar(code)) return undefined;
    this.copied = this.#out.subarray(start, this.#outEnd);
    return code === 0x6e ? "null" : "scalar";
  }

  /** Copies an array or object without recursion. */
  #copyContainer(): boolean {
    const closers = closersUpTo(this.#depthMax);
    let depth = 0;
    for (;;) {
      // A value is next.
      let code = this.next();
      if (code === QUOTE) {
        if (!this.#copyString()) return false;
      } else if (code === BRACE || code === BRACKET) {
        if (++depth > this.#depthMax) return false;
        const closer = code + 2;
        closers[depth] = closer;
        this.position++;
        if (!this.#reserve(depth)) return false;
        this.#out[this.#outEnd++] = code;
        if (this.next() !== closer) {
          this.#newline(depth);
          if (code === BRACE && !this.#copyName()) return false;
          continue;
        }
        this.#out[this.#outEnd++] = closer;
        this.position++;
        depth--;
      } else if (!this.#copyScalar(code)) return false;

      // A value has ended, and with it perhaps the containers around it.
      for (;;) {
        if (depth === 0) return true;
        code = this.next();
        this.position++;
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
    if (this.next() !== QUOTE) return false;
    if (!this.#copyString() || !this.take(COLON)) return false;
    this.#out[this.#outEnd++] = COLON;
    this.#out[this.#outEnd++] = SPACE;
    return true;
  }

  /** Copies a string: word by word, until a byte is to be looked at. */
  #copyString(): boolean {
    const source = this.#source;
    const sourceView = this.#sourceView;
    const outView = this.#outView;
    const lastWord = this.#end - WORD_BYTES;
    let from = this.position + 1;
    let to = this.#outEnd;
    this.#out[to++] = QUOTE;
    while (from <= lastWord) {
      const word = sourceView.getInt32(from, true);
      // Surplus bytes are overwritten.
      outView.setInt32(to, word, true);
      const special = specialBytesOf(word);
      const plainBytes = special === 0 ? WORD_BYTES : firstByteOf(special);
      from += plainBytes;
      to += plainBytes;
      if (special === 0) continue;
      if (source[from] === QUOTE) {
        this.#out[to] = QUOTE;
        this.position = from + 1;
        this.#outEnd = to + 1;
        return true;
      }
      break;
    }
    return this.#copyRestOfString(from, to);
  }

  /** Copies the rest of a string byte by byte. */
  #copyRestOfString(start: number, outStart: number): boolean {
    const source = this.#source;
    const out = this.#out;
    let from = start;
    let to = outStart;
    for (;;) {
      const code = source[from++] ?? 0;
      out[to++] = code;
      if (SPECIAL_BYTES[code] === 0) continue;
      if (code === QUOTE) {
        this.position = from;
        this.#outEnd = to;
        return true;
      }
      const next = source[from] ?? 0;
      if (code === BACKSLASH) {
        if (SHORT_ESCAPES[next] !== 1) return false;
        out[to++] = next;
        from++;
      } else if (code < SPACE) return false;
      else if (code === 0xc2) {
        if (next === 0x85) return false;
      } else if (next === 0x80) {
        const last = source[from + 1] ?? 0;
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
    const end = numberEndAt(this.#source, this.position);
    return end >= 0 && this.#copyPlain(this.position, end);
  }

  #copyWord(word: Uint8Array): boolean {
    const start = this.position;
    if (!this.takeAll(word)) return false;
    return this.#copyPlain(start, this.position);
  }

  /** Copies from `start` to `end`, where a scalar must be over. */
  #copyPlain(start: number, end: number): boolean {
    const source = this.#source;
    const out = this.#out;
    const after = source[end] ?? 0;
    const isOver = after === COMMA || after === BRACE_END ||
      after === BRACKET + 2 || after <= SPACE;
    if (!isOver) return false;
    let to = this.#outEnd;
    for (let from = start; from < end; from++) out[to++] = source[from] ?? 0;
    this.#outEnd = to;
    this.position = end;
    return true;
  }

  #newline(depth: number): void {
    const outView = this.#outView;
    const start = this.#outEnd;
    const end = start + 1 + 2 * depth;
    outView.setInt32(start, NEWLINE_AND_SPACES, true);
    for (let at = start + WORD_BYTES; at < end; at += WORD_BYTES) {
      outView.setInt32(at, SPACES, true);
    }
    this.#outEnd = end;
  }

  /**
   * Makes room for layout at a depth and for all bytes that are left: what is
   * copied beside layout is never longer than what it is copied from.
   *
   * @returns False when layout has made the copy far too long.
   */
  #reserve(depth: number): boolean {
    const left = this.#end - this.position;
    const needed = this.#outEnd + left + 2 * depth + LAYOUT_SLACK;
    return needed <= this.#out.length || this.#grow(needed);
  }

  #grow(needed: number): boolean {
    const valueLength = this.#outEnd - this.#valueStart;
    if (needed > this.#outMax || valueLength > this.#valueMax) return false;
    // The output so far stays in the block and in use.
    this.finish();
    const grown = wordMemoryOf(
      new Uint8Array(Math.max(needed, this.#out.length * 2)),
    );
    // Places stay what they are: they have been handed out.
    grown.bytes.set(this.#out.subarray(0, this.#outEnd));
    this.#out = grown.bytes;
    this.#outView = grown.view;
    return true;
  }
}

/**
 * Bytes besides indentation that one step of layout writes, and those that are
 * written in words beyond what is copied.
 */
const LAYOUT_SLACK = 16;

const TRUE = encodeUtf8("true");
const FALSE = encodeUtf8("false");
const NULL = encodeUtf8("null");

/**
 * Finds the end of a JSON number. Bytes beyond the array's end count as 0, which
 * is part of none.
 *
 * @returns Index after it, or -1 if there is none at `start`.
 */
function numberEndAt(bytes: Uint8Array, start: number): number {
  let end = start;
  if (bytes[end] === MINUS) end++;
  if (bytes[end] === ZERO) end++;
  else {
    const digits = end;
    end = digitsEnd(bytes, end);
    if (end === digits) return -1;
  }
  if (bytes[end] === DOT) {
    const digits = end + 1;
    end = digitsEnd(bytes, digits);
    if (end === digits) return -1;
  }
  // "E" and "e" differ in one bit.
  if (((bytes[end] ?? 0) | 0x20) === 0x65) {
    let digits = end + 1;
    if (bytes[digits] === 0x2b || bytes[digits] === MINUS) digits++;
    end = digitsEnd(bytes, digits);
    if (end === digits) return -1;
  }
  return end;
}

function digitsEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  let code = bytes[end] ?? 0;
  while (code >= ZERO && code <= NINE) code = bytes[++end] ?? 0;
  return end;
}

/** Bytes with a view on all of them: words are read where no word begins. */
interface WordMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Wraps bytes with a view on exactly them. */
function wordMemoryOf(bytes: Uint8Array): WordMemory {
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}

/**
 * The highest bit of each byte of the word that a JSON string cannot simply
 * hold: quotes, backslashes, control characters and what is not ASCII. Bits
 * above the lowest one may be wrong.
 */
function specialBytesOf(word: number): number {
  const quotes = word ^ 0x2222_2222;
  const backslashes = word ^ 0x5c5c_5c5c;
  // A byte less than what is taken from it borrows its highest bit.
  return (((quotes - 0x0101_0101) & ~quotes) |
    ((backslashes - 0x0101_0101) & ~backslashes) |
    ((word - 0x2020_2020) & ~word) | word) & 0x8080_8080;
}

/** Index of the word's byte, in the order of memory, in which the lowest bit is. */
function firstByteOf(bits: number): number {
  return (31 - Math.clz32(bits & -bits)) >> 3;
}
