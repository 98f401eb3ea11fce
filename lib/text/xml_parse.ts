/**
 * Parsing of XML from clients: bounded in depth and size, no DTDs and thereby
 * no entities but the five that XML knows.
 *
 * @module
 */

import { SaxesParser } from "saxes";
import type { XmlElement, XmlNode } from "./xml_tree.ts";

export type ParsedXml =
  | { readonly kind: "document"; readonly root: XmlElement }
  | { readonly kind: "malformed" }
  | { readonly kind: "doctype" }
  | { readonly kind: "tooDeep" }
  | { readonly kind: "tooMany" };

export interface ParseXmlOptions {
  /** Nesting of elements that is read. */
  readonly depthMax?: number;
  /** Elements, texts and attributes that are read. */
  readonly nodesMax?: number;
  /** Elements right below the root that are read. */
  readonly rootChildrenMax?: number;
}

/** Ends the parser early. */
class Refusal extends Error {
  readonly kind: Exclude<ParsedXml["kind"], "document">;

  constructor(kind: Exclude<ParsedXml["kind"], "document">) {
    super(kind);
    this.kind = kind;
  }
}

interface OpenElement {
  name: string;
  attributes: [string, string][];
  children: XmlNode[];
}

/**
 * Parses a document. White space that stands alone between tags is left out,
 * as the original does.
 */
export function parseXml(
  text: string,
  options: ParseXmlOptions = {},
): ParsedXml {
  const { depthMax = 200, nodesMax = 1_000_000 } = options;
  const { rootChildrenMax = nodesMax } = options;
  // Namespaces are off: looking them up is quadratic in the depth.
  const parser = new SaxesParser({ xmlns: false });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let nodeCount = 0;
  let rootChildCount = 0;

  function refuse(kind: Refusal["kind"]): never {
    throw new Refusal(kind);
  }
  function count(added: number): void {
    nodeCount += added;
    if (nodeCount > nodesMax) refuse("tooMany");
  }
  function addCharacters(kind: "text" | "cdata" | "comment", text: string) {
    const parent = open.at(-1);
    if (parent === undefined) return;
    count(1);
    parent.children.push({ kind, text });
  }

  parser.on("error", () => refuse("malformed"));
  parser.on("doctype", () => refuse("doctype"));
  parser.on("opentag", (tag) => {
    if (open.length >= depthMax) refuse("tooDeep");
    if (open.length === 1 && ++rootChildCount > rootChildrenMax) {
      refuse("tooMany");
    }
    const attributes = Object.entries(tag.attributes);
    count(1 + attributes.length);
    open.push({ name: tag.name, attributes, children: [] });
  });
  parser.on("closetag", (tag) => {
    const closed = open.pop();
    if (closed === undefined) refuse("malformed");
    const element: XmlElement = {
      kind: "element",
      name: closed.name,
      attributes: closed.attributes,
      children: closed.children,
      isSelfClosing: tag.isSelfClosing,
    };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
  });
  parser.on("text", (chunk) => {
    if (/[^ \t\r\n]/.test(chunk)) addCharacters("text", chunk);
  });
  parser.on("cdata", (chunk) => addCharacters("cdata", chunk));
  parser.on("comment", (chunk) => addCharacters("comment", chunk));

  try {
    parser.write(text).close();
  } catch (error) {
    if (error instanceof Refusal) return { kind: error.kind };
    throw error;
  }
  return root === undefined
    ? { kind: "malformed" }
    : { kind: "document", root };
}
