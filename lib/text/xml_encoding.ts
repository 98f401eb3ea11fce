/**
 * Bytes of an XML document as text, in the encoding that it declares
 * (XML 1.0 §4.3.3, RFC 7303 §3): a byte order mark decides before the charset
 * that came with the document, and that before its own declaration.
 *
 * @module
 */

import { Buffer, isAscii } from "node:buffer";
import { decodeUtf8IfValid, withoutMark } from "./utf8.ts";

/** Encodings that are read. `utf-16` needs a byte order mark. */
export type XmlEncoding =
  | "utf-8"
  | "utf-16"
  | "utf-16le"
  | "utf-16be"
  | "iso-8859-1"
  | "us-ascii";

/** The decoded text, or the reason why the bytes cannot be decoded. */
export type DecodedXml =
  | { readonly kind: "text"; readonly text: string }
  /** Declared to be in an encoding that is not read, or cannot be right. */
  | { readonly kind: "unknownEncoding" }
  /** Not in the encoding that is declared. */
  | { readonly kind: "malformed" };

const UNKNOWN: DecodedXml = { kind: "unknownEncoding" };

const ENCODINGS: ReadonlyMap<string, XmlEncoding> = new Map([
  ["utf-8", "utf-8"],
  ["utf-16", "utf-16"],
  ["utf-16le", "utf-16le"],
  ["utf-16be", "utf-16be"],
  ["iso-8859-1", "iso-8859-1"],
  ["us-ascii", "us-ascii"],
]);

const LESS_THAN = 0x3c;
const QUESTION_MARK = 0x3f;
const DECLARATION_BYTES_MAX = 256;
const DECLARATION =
  /^<\?xml\s(?:[^>]*?\s)?encoding\s*=\s*(?:"([^"]*)"|'([^']*)')/;

/** The encoding of a name, in any case; undefined: it is not read. */
export function xmlEncodingOf(name: string): XmlEncoding | undefined {
  return ENCODINGS.get(name.toLowerCase());
}

/**
 * Decodes a document; a byte order mark at its start is dropped.
 *
 * @param charset What came with it says, as the parameter of Content-Type.
 */
export function decodeXmlBytes(
  bytes: Uint8Array,
  charset?: XmlEncoding,
): DecodedXml {
  const encoding = markedEncodingOf(bytes) ?? charset ??
    declaredEncodingOf(bytes);
  // Without a mark nobody knows in which order UTF-16 has its bytes.
  if (encoding === undefined || encoding === "utf-16") return UNKNOWN;
  const text = decodeAs(encoding, bytes);
  return text === undefined
    ? { kind: "malformed" }
    : { kind: "text", text: withoutMark(text) };
}

function markedEncodingOf(bytes: Uint8Array): XmlEncoding | undefined {
  const first = bytes[0];
  const second = bytes[1];
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return first === 0xef && second === 0xbb && bytes[2] === 0xbf
    ? "utf-8"
    : undefined;
}

/** UTF-8 where nothing is declared; undefined: it is not read. */
function declaredEncodingOf(bytes: Uint8Array): XmlEncoding | undefined {
  const first = bytes[0];
  const second = bytes[1];
  // `<` of UTF-16, of which the standard wants a mark.
  if (first === LESS_THAN && second === 0) return "utf-16";
  if (first === 0 && second === LESS_THAN) return "utf-16";
  if (second !== QUESTION_MARK) return "utf-8";
  const head = latin1Of(bytes.subarray(0, DECLARATION_BYTES_MAX));
  const match = DECLARATION.exec(head);
  return match === null ? "utf-8" : xmlEncodingOf(match[1] ?? match[2] ?? "");
}

function decodeAs(
  encoding: Exclude<XmlEncoding, "utf-16">,
  bytes: Uint8Array,
): string | undefined {
  switch (encoding) {
    case "utf-8":
      return decodeUtf8IfValid(bytes);
    case "utf-16le":
    case "utf-16be":
      return decodeUtf16(encoding, bytes);
    case "iso-8859-1":
      return latin1Of(bytes);
    case "us-ascii":
      return isAscii(bytes) ? latin1Of(bytes) : undefined;
  }
}

function decodeUtf16(
  encoding: "utf-16le" | "utf-16be",
  bytes: Uint8Array,
): string | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  const copy = Buffer.from(bytes);
  const text = (encoding === "utf-16be" ? copy.swap16() : copy)
    .toString("utf16le");
  return text.isWellFormed() ? text : undefined;
}

/** Not by `TextDecoder`, whose `iso-8859-1` is windows-1252. */
function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1");
}
