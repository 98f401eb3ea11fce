/**
 * Data and metadata of events as text, JSON values and XML elements (spec:
 * streams §6.2).
 *
 * @module
 */

import { quoteJson } from "../json/json_string.ts";
import { reindentJson } from "../json/json_text.ts";
import { jsonToXml } from "../xml/json_xml.ts";
import { escapeXmlText } from "../xml/xml_text.ts";
import { decodeUtf8Leniently } from "../../text/utf8.ts";

/** Decodes stored bytes; what is no UTF-8 becomes U+FFFD. */
export function textOfBytes(bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : decodeUtf8Leniently(bytes);
}

/**
 * Writes stored bytes as a JSON value: of an event that counts as JSON what it
 * says, else, or if it says null or nothing readable, a string.
 *
 * @param depth Depth at which it is written.
 */
export function jsonValueOf(
  bytes: Uint8Array,
  isJson: boolean,
  depth: number,
): string {
  if (bytes.length === 0) return '""';
  const text = decodeUtf8Leniently(bytes);
  if (!isJson) return quoteJson(text);
  const value = reindentJson(text, { depth, isLenient: true });
  return value === undefined || value === "null" ? quoteJson(text) : value;
}

/**
 * Re-indents text that is a JSON object.
 *
 * @returns `undefined` for anything else.
 */
export function indentedObject(text: string): string | undefined {
  const value = reindentJson(text, { isLenient: true });
  return value?.charCodeAt(0) === 0x7b ? value : undefined;
}

export interface XmlValueOptions {
  readonly isJson: boolean;
  /** Whether the element stands in the Atom namespace, to which it does not belong. */
  readonly isInNamespace?: boolean;
  /** Whether it is a document of its own. */
  readonly isRoot?: boolean;
}

/** Writes stored bytes as elements of the name `name`. */
export function xmlValueOf(
  bytes: Uint8Array,
  name: "data" | "metadata",
  options: XmlValueOptions,
): string {
  const text = textOfBytes(bytes);
  if (options.isJson && text !== "" && text.trim() !== "null") {
    const xml = jsonToXml(text, name, { ...options, isLenient: true });
    if (xml !== undefined) return xml;
  }
  const namespace = options.isInNamespace ? ' xmlns=""' : "";
  return `<${name}${namespace}>${escapeXmlText(text)}</${name}>`;
}
