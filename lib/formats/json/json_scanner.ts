/**
 * A scanner of JSON text that copies values as text: numbers keep their
 * spelling, members their order and their duplicates. Nothing becomes a
 * JavaScript number or object. Layout is Json.NET's: two spaces, `"k": v`.
 *
 * The lenient form also reads what Json.NET reads (spec: http-api §4.1.6):
 * comments, single quotes, names without quotes, a comma after the last item,
 * control characters in strings, numbers such as `.5`, `0x1F` and `017`. What
 * it copies is strict JSON.
 *
 * @module
 */

import {
  LayoutBudget,
  layoutMaxOf,
  MALFORMED,
  newlineAt,
  TOO_DEEP,
  TOO_LONG,
} from "./json_layout.ts";
import { Buffer } from "node:buffer";
import {
  copyableStringEnd,
  numberEnd,
  plainStringEnd,
  quoteJsonEscapingBreaks,
} from "./json_string.ts";

/** Nesting of arrays and objects that is read by default. */
export const JSON_DEPTH_MAX = 200;

export interface JsonScannerOptions {
  /** Reads what Json.NET reads. Default: strict JSON. */
  readonly isLenient?: boolean;
  /** Nesting that is read, 1 or more. */
  readonly depthMax?: number;
  /** Characters that copying may write. */
  readonly layoutMax?: number;
  /** Characters of a string with escapes. Default: no bound. */
  readonly stringMax?: number;
}

/** Reads one JSON text from its start to its end. */
export class JsonScanner {
  readonly text: string;
  readonly isLenient: boolean;
  readonly #depthMax: number;
  readonly #stringMax: number;
  #depth = 0;
  /** The budget of the output; a new one for each bounded value. */
  budget: LayoutBudget;
  /** Index of the next character. */
  position = 0;

  constructor(text: string, options: JsonScannerOptions = {}) {
    this.text = text;
    this.isLenient = options.isLenient ?? false;
    this.#depthMax = options.depthMax ?? JSON_DEPTH_MAX;
    this.#stringMax = options.stringMax ?? Infinity;
    this.budget = new LayoutBudget(
      options.layoutMax ?? layoutMaxOf(text.length),
    );
  }

  /**
   * Skips white space and comments.
   *
   * @returns Code of the next character, `NaN` at the end.
   */
  next(): number {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.position);
      if (code > 0x20 && code < 0x80 && code !== 0x2f) return code;
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
        this.position++;
      } else if (!this.isLenient || !this.#skipLenientBlank(code)) {
        return code;
      }
    }
  }

  #skipLenientBlank(code: number): boolean {
    if (code === 0x2f) {
      this.#skipComment();
      return true;
    }
    if (!isBlank(code)) return false;
    this.position++;
    return true;
  }

  #skipComment(): void {
    const { text, position } = this;
    const kind = text.charCodeAt(position + 1);
    if (kind === 0x2f) {
      const end = text.indexOf("\n", position);
      this.position = end < 0 ? text.length : end + 1;
    } else if (kind === 0x2a) {
      const end = text.indexOf("*/", position + 2);
      if (end < 0) throw MALFORMED;
      this.position = end + 2;
    } else throw MALFORMED;
  }

  /** @throws {JsonTextError} If anything but blanks follows. */
  expectEnd(): void {
    if (!Number.isNaN(this.next())) throw MALFORMED;
  }

  /** @throws {JsonTextError} Always. */
  fail(): never {
    throw MALFORMED;
  }

  /** Goes past the bracket that opens an array or object. */
  open(): void {
    if (++this.#depth > this.#depthMax) throw TOO_DEEP;
    this.position++;
  }

  /**
   * Goes to an array's or object's next item, or past its end.
   *
   * @param end Code of the closing bracket.
   * @param isFirst Whether no item was read yet.
   * @returns Whether there is an item.
   */
  nextItem(end: number, isFirst: boolean): boolean {
    let code = this.next();
    if (code === end) return this.#close();
    if (isFirst) return true;
    if (code !== 0x2c) throw MALFORMED;
    this.position++;
    if (this.isLenient) {
      code = this.next();
      if (code === end) return this.#close();
    }
    return true;
  }

  #close(): false {
    this.#depth--;
    this.position++;
    return false;
  }

  /** Goes past the colon after a name. */
  colon(): void {
    if (this.next() !== 0x3a) throw MALFORMED;
    this.position++;
  }

  /**
   * Copies the next value.
   *
   * @param depth Depth at which it is written.
   */
  copyValue(depth: number): string {
    const code = this.next();
    if (code !== 0x7b && code !== 0x5b) return this.copyScalar();
    const out = new PieceText();
    this.#copyContainer(out, code, depth);
    return out.take();
  }

  #copyInto(out: PieceText, depth: number): void {
    const code = this.next();
    if (code === 0x7b || code === 0x5b) this.#copyContainer(out, code, depth);
    else out.push(this.copyScalar());
  }

  /** Copies the object or array that the character opens. */
  #copyContainer(out: PieceText, code: number, depth: number): void {
    const isObject = code === 0x7b;
    const end = isObject ? 0x7d : 0x5d;
    this.open();
    this.budget.take(2);
    out.push(isObject ? "{" : "[");
    if (this.nextItem(end, true)) {
      const newline = newlineAt(depth + 1);
      const comma = "," + newline;
      let separator = newline;
      do {
        this.budget.take(separator.length);
        out.push(separator);
        if (isObject) this.#copyName(out);
        this.#copyInto(out, depth + 1);
        separator = comma;
      } while (this.nextItem(end, false));
      out.push(newlineAt(depth));
    }
    out.push(isObject ? "}" : "]");
  }

  /** Copies the name of a member, and the colon after it with a blank. */
  #copyName(out: PieceText): void {
    out.push(
      this.next() === 0x22
        ? this.#copyString()
        : quoteJsonEscapingBreaks(this.readName()),
    );
    this.colon();
    this.budget.take(2);
    out.push(": ");
  }

  #copyString(): string {
    const start = this.position;
    const end = copyableStringEnd(this.text, start);
    if (end < 0) return this.#quoteNext();
    this.position = end;
    this.budget.take(end - start);
    return this.text.slice(start, end);
  }

  /** Copies a string that is not written as Json.NET would. */
  #quoteNext(): string {
    const text = this.readString();
    this.budget.takeText(text);
    return quoteJsonEscapingBreaks(text);
  }

  /** Reads the name of a member, its escapes resolved. */
  readName(): string {
    const code = this.next();
    if (code === 0x22) return this.readString();
    if (!this.isLenient) throw MALFORMED;
    if (code === 0x27) return this.readString();
    UNQUOTED_NAME.lastIndex = this.position;
    const name = UNQUOTED_NAME.exec(this.text)?.[0];
    if (name === undefined) throw MALFORMED;
    this.position += name.length;
    return name;
  }

  /** Reads the string whose opening quote is next, its escapes resolved. */
  readString(): string {
    const { text, position } = this;
    const quote = text.charCodeAt(position);
    if (quote === 0x22) {
      const end = plainStringEnd(text, position);
      if (end > 0) {
        this.position = end;
        return text.slice(position + 1, end - 1);
      }
    } else if (quote !== 0x27 || !this.isLenient) throw MALFORMED;
    return this.#readEscaped(quote);
  }

  #readEscaped(quote: number): string {
    const { text } = this;
    const { length } = text;
    const out = new PieceText();
    let index = this.position + 1;
    let copied = index;
    for (; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code === quote) {
        this.position = index + 1;
        out.push(text.slice(copied, index));
        return out.take();
      }
      if (code === 0x5c) {
        out.push(text.slice(copied, index));
        const escape = text.charCodeAt(++index);
        if (escape === 0x75) {
          out.pushCode(this.#hex4At(index + 1));
          index += 4;
        } else out.pushCode(this.#unescape(escape));
        if (out.length > this.#stringMax) throw TOO_LONG;
        copied = index + 1;
      } else if (code < 0x20 && !this.isLenient) throw MALFORMED;
    }
    throw MALFORMED;
  }

  /** The number that four hexadecimal digits are. */
  #hex4At(start: number): number {
    let number = 0;
    for (let index = start; index < start + 4; index++) {
      const digit = HEX_DIGITS[this.text.charCodeAt(index)] ?? -1;
      if (digit < 0) throw MALFORMED;
      number = number << 4 | digit;
    }
    return number;
  }

  /** Code of the character that an escape of one character stands for. */
  #unescape(escape: number): number {
    switch (escape) {
      case 0x22:
      case 0x5c:
      case 0x2f:
        return escape;
      case 0x62:
        return 0x08;
      case 0x66:
        return 0x0c;
      case 0x6e:
        return 0x0a;
      case 0x72:
        return 0x0d;
      case 0x74:
        return 0x09;
      case 0x27:
        if (this.isLenient) return escape;
    }
    throw MALFORMED;
  }

  /** Copies the value that is next if it is no array and no object. */
  copyScalar(): string {
    const { text } = this;
    const code = this.next();
    const start = this.position;
    let end = -1;
    switch (code) {
      case 0x22:
        return this.#copyString();
      case 0x27:
        return this.#quoteNext();
      case 0x74:
        if (text.startsWith("true", start)) end = start + 4;
        break;
      case 0x66:
        if (text.startsWith("false", start)) end = start + 5;
        break;
      case 0x6e:
        if (text.startsWith("null", start)) end = start + 4;
        break;
      default:
        end = numberEnd(text, start);
    }
    if (end < 0 || isWordCode(text.charCodeAt(end))) {
      if (this.isLenient) return this.#copyOddScalar();
      throw MALFORMED;
    }
    this.position = end;
    this.budget.take(end - start);
    return text.slice(start, end);
  }

  /** Copies what only Json.NET takes for a value. */
  #copyOddScalar(): string {
    ODD_SCALAR.lastIndex = this.position;
    const match = ODD_SCALAR.exec(this.text);
    if (match === null) throw MALFORMED;
    const [whole, word, sign = "", hex, octal, integer, fraction = "", tail] =
      match;
    this.position += whole.length;
    // Json.NET writes these as strings, and nothing for undefined.
    if (word === "undefined") return "null";
    if (word !== undefined) return `"${word}"`;
    if (hex !== undefined) return sign + BigInt(hex);
    if (octal !== undefined) return sign + BigInt("0o" + octal);
    return `${sign}${integer || "0"}.${fraction || "0"}${tail ?? ""}`;
  }
}

/** Whether the character cannot follow a number or a word. */
function isWordCode(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2e ||
    ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) || code === 0x5f;
}

/** Whether it is white space of Unicode, beyond that of JSON. */
function isBlank(code: number): boolean {
  return code === 0xa0 || code === 0x0b || code === 0x0c || code === 0xfeff ||
    code === 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 || code === 0x2029 || code === 0x202f ||
    code === 0x205f || code === 0x3000;
}

/** Values of hexadecimal digits, by their codes. */
const HEX_DIGITS: readonly (number | undefined)[] = Array.from(
  { length: 0x80 },
  (_, code) => {
    const digit = parseInt(String.fromCharCode(code), 16);
    return Number.isNaN(digit) ? undefined : digit;
  },
);
const UNQUOTED_NAME = /[\p{L}\p{Nd}_$]+/uy;
const ODD_SCALAR =
  /(NaN|-?Infinity|undefined)(?![\w$])|(-?)(?:(0[xX][0-9A-Fa-f]+)|0([0-7]+)|(?:(\d+)\.|\.(\d+))([eE][+-]?\d+)?)(?![\w.])/y;

/**
 * A text of pieces and single characters. Added up one by one, each would cost
 * an object until somebody reads the text: more than a heap holds of millions
 * of them. So short ones are collected first.
 */
class PieceText {
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

/** The buffer that the last text left for the next one. */
let spare: Uint16Array<ArrayBuffer> | undefined;

function takeSpare(): Uint16Array<ArrayBuffer> {
  const codes = spare ?? new Uint16Array(CODES_LENGTH);
  spare = undefined;
  return codes;
}
