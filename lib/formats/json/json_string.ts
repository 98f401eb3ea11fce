/**
 * JSON strings: quoting as Json.NET does (short escapes, lower-case `\uXXXX`,
 * everything else as it is) and finding where a plain one ends.
 *
 * @module
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Longer texts are quoted by the engine at once: it checks them faster. */
const CHECK_LENGTH_MAX = 48;

/** Writes `text` as a JSON string, quotes included. */
export function quoteJson(text: string): string {
  const { length } = text;
  if (length > CHECK_LENGTH_MAX) return JSON.stringify(text);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    // Surrogates go the slow way, which escapes those without a partner.
    if (
      code < 0x20 || code === QUOTE || code === BACKSLASH ||
      (code >= 0xd800 && code < 0xe000)
    ) return JSON.stringify(text);
  }
  return '"' + text + '"';
}

/** Like {@link quoteJson}, and Unicode's line breaks escaped as Json.NET does. */
export function quoteJsonEscapingBreaks(text: string): string {
  // One by one: a function called for each would take a second for a million.
  return JSON.stringify(text)
    .replaceAll("\u0085", "\\u0085")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}

/**
 * Finds the end of the JSON string that starts at `start`, if it has no
 * escapes and no character that needs one.
 *
 * @returns Index after its closing quote, or -1.
 */
export function plainStringEnd(text: string, start: number): number {
  const { length } = text;
  for (let index = start + 1; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index + 1;
    if (code === BACKSLASH || needsEscape(code)) return -1;
  }
  return -1;
}

/**
 * Like {@link plainStringEnd}, but short escapes that Json.NET would write are
 * welcome: the string can be copied as it is.
 */
export function copyableStringEnd(text: string, start: number): number {
  const { length } = text;
  for (let index = start + 1; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index + 1;
    if (code === BACKSLASH) {
      if (!isShortEscape(text.charCodeAt(++index))) return -1;
    } else if (needsEscape(code)) return -1;
  }
  return -1;
}

function needsEscape(code: number): boolean {
  return code < 0x20 ||
    (code > 0x7f && (code === 0x85 || code === 0x2028 || code === 0x2029));
}

/** Whether `\` and this character are how Json.NET writes something. */
function isShortEscape(code: number): boolean {
  return code === QUOTE || code === BACKSLASH || code === 0x6e ||
    code === 0x72 || code === 0x74 || code === 0x62 || code === 0x66;
}

/**
 * Finds the end of a JSON number.
 *
 * @returns Index after it, or -1 if there is none at `start`.
 */
export function numberEnd(text: string, start: number): number {
  let index = start;
  if (text.charCodeAt(index) === 0x2d) index++;
  if (text.charCodeAt(index) === 0x30) index++;
  else {
    const afterDigits = digitsEnd(text, index);
    if (afterDigits === index) return -1;
    index = afterDigits;
  }
  if (text.charCodeAt(index) === 0x2e) {
    const afterDigits = digitsEnd(text, index + 1);
    if (afterDigits === index + 1) return -1;
    index = afterDigits;
  }
  // "E" and "e" differ in one bit.
  if ((text.charCodeAt(index) | 0x20) === 0x65) {
    let exponent = index + 1;
    const sign = text.charCodeAt(exponent);
    if (sign === 0x2b || sign === 0x2d) exponent++;
    const afterDigits = digitsEnd(text, exponent);
    if (afterDigits === exponent) return -1;
    index = afterDigits;
  }
  return index;
}

function digitsEnd(text: string, start: number): number {
  let index = start;
  for (;;) {
    const code = text.charCodeAt(index);
    // Not a number, at the end of the text, compares false too.
    if (!(code >= 0x30 && code <= 0x39)) return index;
    index++;
  }
}
