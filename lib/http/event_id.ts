/**
 * Event ids as clients write them: UUIDs in any of the forms of .NET.
 *
 * @module
 */

/** The UUID of zeros: never the id of an event. */
export const ZERO_EVENT_ID = "00000000-0000-0000-0000-000000000000";

const HYPHENATED =
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
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
  if (text.length === 36 && HYPHENATED.test(text)) return text;
  const trimmed = text.trim().toLowerCase();
  if (HYPHENATED.test(trimmed)) return trimmed;
  if (BARE.test(trimmed)) return hyphenate(trimmed);
  const inner = trimmed.slice(1, -1);
  const isEnclosed = (trimmed.startsWith("{") && trimmed.endsWith("}")) ||
    (trimmed.startsWith("(") && trimmed.endsWith(")"));
  if (!isEnclosed) return undefined;
  return HYPHENATED.test(inner) ? inner : parseGrouped(trimmed);
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
