/**
 * Text, attribute values and names that are safe to put into XML 1.0.
 *
 * @module
 */

// deno-lint-ignore no-control-regex
const TEXT_SPECIAL = /[<>&\r\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;
// deno-lint-ignore no-control-regex
const ATTRIBUTE_SPECIAL = /[<>&"\t\n\r\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/**
 * Escapes character data. Characters that XML forbids even as references
 * become U+FFFD.
 */
export function escapeXmlText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.replace(TEXT_SPECIAL, escapeCharacter);
}

/** Escapes the value of an attribute that stands in double quotes. */
export function escapeXmlAttribute(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.replace(ATTRIBUTE_SPECIAL, escapeCharacter);
}

function escapeCharacter(char: string): string {
  switch (char) {
    case "<":
      return "&lt;";
    case ">":
      return "&gt;";
    case "&":
      return "&amp;";
    case '"':
      return "&quot;";
    case "\t":
      return "&#x9;";
    case "\n":
      return "&#xA;";
    case "\r":
      return "&#xD;";
    default:
      return "\ufffd";
  }
}

// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** Writes text as CDATA; an end mark in it is split over two sections. */
export function xmlCData(text: string): string {
  const allowed = text.toWellFormed().replace(FORBIDDEN, "\ufffd");
  return "<![CDATA[" + allowed.replaceAll("]]>", "]]]]><![CDATA[>") + "]]>";
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const ENCODED = /_x([0-9A-Fa-f]{8}|[0-9A-Fa-f]{4})_/g;
const STARTS_ENCODED = /^_x(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{4})_/;
// Letters that the fourth and the fifth edition of XML 1.0 both know.
const NAME_START =
  /^[A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u3041-\u30fa\u3105-\u312c\u4e00-\u9fa5\uac00-\ud7a3]$/;
const LETTER = /^[\p{L}_]$/u;
const NAME_PART = /^[\p{Nd}\p{M}.\u00b7-]$/u;

/**
 * Makes a name without colon of any text: what XML does not allow in names
 * becomes `_xHHHH_` (spec: http-api §4.3). An empty text becomes `_`.
 */
export function encodeXmlName(text: string): string {
  if (PLAIN_NAME.test(text) && !text.includes("_x")) return text;
  let name = "";
  let index = 0;
  for (const char of text) {
    const isFirst = index === 0;
    const isKept = char === "_"
      ? !STARTS_ENCODED.test(text.slice(index, index + 11))
      : isNameChar(char, isFirst);
    name += isKept ? char : encodeCharacter(char);
    index += char.length;
  }
  return name === "" ? "_" : name;
}

function isNameChar(char: string, isFirst: boolean): boolean {
  if (NAME_START.test(char) && LETTER.test(char)) return true;
  // Marks and digits beyond U+2000 differ between the editions.
  return !isFirst && char < "\u2000" && NAME_PART.test(char);
}

function encodeCharacter(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  return `_x${hex.padStart(code > 0xffff ? 8 : 4, "0")}_`;
}

/** Undoes {@link encodeXmlName}. */
export function decodeXmlName(name: string): string {
  if (!name.includes("_x")) return name;
  return name.replace(ENCODED, (whole, hex: string) => {
    const code = parseInt(hex, 16);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}
