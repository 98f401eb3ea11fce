/**
 * Bodies as text: strictly, because what is stored must be what was sent.
 *
 * @module
 */

import { decodeUtf8IfValid, withoutMark } from "../text/utf8.ts";
import { decodeXmlBytes, type XmlEncoding } from "../text/xml_encoding.ts";
import { isXml, type MediaType } from "./media_types.ts";
import { malformed, Refusal } from "./refusal.ts";

/** What a request says of how its body is encoded. */
export interface BodyEncoding {
  /** Type of the body; without one it is UTF-8. */
  readonly requestType?: MediaType | undefined;
  /** The charset parameter of Content-Type. */
  readonly requestCharset?: XmlEncoding | undefined;
}

/**
 * Decodes a body: XML as it declares, all else as UTF-8. A byte order mark at
 * its start is dropped.
 *
 * @throws {Refusal} If it is not in its encoding (400), or in one that is not
 * read (415).
 */
export function bodyTextOf(
  bytes: Uint8Array,
  { requestType, requestCharset }: BodyEncoding = {},
): string {
  if (requestType !== undefined && isXml(requestType)) {
    return xmlTextOf(bytes, requestCharset);
  }
  const text = decodeUtf8IfValid(bytes);
  if (text === undefined) {
    throw malformed("Request body invalid: it is not UTF-8");
  }
  return withoutMark(text);
}

function xmlTextOf(
  bytes: Uint8Array,
  charset: XmlEncoding | undefined,
): string {
  const decoded = decodeXmlBytes(bytes, charset);
  switch (decoded.kind) {
    case "text":
      return decoded.text;
    case "malformed":
      throw malformed("Request body invalid: it is not in its encoding");
    case "unknownEncoding":
      throw new Refusal(
        "unsupportedType",
        "Encoding of XML not supported. Supported are UTF-8, UTF-16 with a " +
          "byte order mark, ISO-8859-1 and US-ASCII",
      );
  }
}
