/**
 * UUIDs as text: ours, and in any of the forms of .NET as clients write them.
 *
 * @module
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Characters of a UUID. */
export const UUID_LENGTH = 36;

const HYPHEN = 0x2d;
const NO_DIGIT = 0xff;

/** Value of each hexadecimal digit in lower case. */
const DIGIT_VALUES = new Uint8Array(256).fill(NO_DIGIT);
for (const digit of "0123456789abcdef") {
  DIGIT_VALUES[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
}

/** Whether a text is a UUID of 36 characters, in lower case with hyphens. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Reads the ASCII text of a UUID at `from` as 16 bytes, written at `to`.
 *
 * @param source Has 36 bytes from there on.
 * @returns False when it is not 36 characters in lower case with hyphens.
 */
export function parseUuid(
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

/** The UUID of zeros: never the id of an event. */
export const ZERO_EVENT_ID = "00000000-0000-0000-0000-000000000000";

const BARE = /^[0-9a-f]{32}$/;
/** `{0x00000000,0x0000,0x0000,{0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00}}` */
const GROUPED =
  /^\{0x([0-9a-f]{1,8}),0x([0-9a-f]{1,4}),0x([0-9a-f]{1,4}),\{((?:0x[0-9a-f]{1,2},){7}0x[0-9a-f]{1,2})\}\}$/;

/**
 * Reads an event id.
 *
 * @param text With hyphens, or 32 digits; in braces or parentheses with
 * hyphens; or in groups. Blanks around it are ignored.
 * @returns 36 characters, lower case with hyphens (the zero UUID too), or
 * `undefined` when the text is none.
 */
export function parseEventId(text: string): string | undefined {
  if (text.length === 36 && UUID.test(text)) return text;
  const trimmed = text.trim().toLowerCase();
  if (UUID.test(trimmed)) return trimmed;
  if (BARE.test(trimmed)) return hyphenate(trimmed);
  const inner = trimmed.slice(1, -1);
  const isEnclosed = (trimmed.startsWith("{") && trimmed.endsWith("}")) ||
    (trimmed.startsWith("(") && trimmed.endsWith(")"));
  if (!isEnclosed) return undefined;
  return UUID.test(inner) ? inner : parseGrouped(trimmed);
}

function parseGrouped(text: string): string | undefined {
  const match = GROUPED.exec(text.replaceAll(" ", ""));
  if (match === null) return undefined;
  const [, first = "", second = "", third = "", bytes = ""] = match;
  return hyphenate(
    first.padStart(8, "0") + second.padStart(4, "0") + third.padStart(4, "0") +
      bytes.split(",").map((byte) => byte.slice(2).padStart(2, "0")).join(""),
  );
}

function hyphenate(digits: string): string {
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${
    digits.slice(12, 16)
  }-${digits.slice(16, 20)}-${digits.slice(20)}`;
}
