/**
 * Parsing of XML from clients: bounded in depth and size, no DTDs and thereby
 * no entities but the five that XML knows.
 *
 * @module
 */

import {
  type SaxesAttribute,
  SaxesParser,
  type SaxesStartTagPlain,
  type SaxesTagPlain,
} from "saxes";
import { runSteps, STEP_LENGTH, type Steps } from "../../text/steps.ts";

type ParsedXml =
  | { readonly kind: "document"; readonly root: XmlElement }
  | { readonly kind: "malformed" }
  | { readonly kind: "doctype" }
  | { readonly kind: "tooDeep" }
  /** More elements right below the root than are read. */
  | { readonly kind: "tooMany" }
  /** More nodes than are kept. */
  | { readonly kind: "tooLarge" }
  /** An element has more attributes than are read. */
  | { readonly kind: "tooManyAttributes" };

interface ParseXmlOptions {
  /** Nesting of elements that is read. */
  readonly depthMax?: number;
  /**
   * Elements, texts and attributes that are kept at once: of the document, or
   * where `takeRootChild` has them, of one element right below the root.
   */
  readonly nodesMax?: number;
  /** Attributes of one element that are read. */
  readonly attributesMax?: number;
  /** Elements right below the root that are read. */
  readonly rootChildrenMax?: number;
  /** Takes each element right below the root, which then is not kept. */
  readonly takeRootChild?: (element: XmlElement) => void;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

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
 * as the original does. Everything is counted while it is read: what is too
 * much is never built.
 */
export function parseXml(
  text: string,
  options: ParseXmlOptions = {},
): ParsedXml {
  return runSteps(parseXmlInSteps(text, options));
}

/** As {@link parseXml}, with pauses. */
export function* parseXmlInSteps(
  text: string,
  options: ParseXmlOptions = {},
): Steps<ParsedXml> {
  const { depthMax = 200, nodesMax = 500_000, takeRootChild } = options;
  const { rootChildrenMax = nodesMax, attributesMax = 10_000 } = options;
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
    if (nodeCount > nodesMax) refuse("tooLarge");
  }
  function addCharacters(kind: "text" | "cdata" | "comment", text: string) {
    const parent = open.at(-1);
    if (parent === undefined) return;
    count(1);
    parent.children.push({ kind, text });
  }

  // Not by `on`, which sets them by computed names: with this many properties
  // set that way, V8 keeps the parser as a hash table, and parsing takes twice
  // as long.
  parser["errorHandler"] = () => refuse("malformed");
  parser["doctypeHandler"] = () => refuse("doctype");
  parser["openTagStartHandler"] = (tag: SaxesStartTagPlain) => {
    if (open.length >= depthMax) refuse("tooDeep");
    if (open.length === 1) {
      if (takeRootChild !== undefined) nodeCount = 0;
      if (++rootChildCount > rootChildrenMax) refuse("tooMany");
    }
    count(1);
    open.push({ name: tag.name, attributes: [], children: [] });
  };
  parser["attributeHandler"] = ({ name, value }: SaxesAttribute) => {
    const attributes = open.at(-1)?.attributes ?? [];
    if (attributes.length >= attributesMax) refuse("tooManyAttributes");
    count(1);
    attributes.push([name, value]);
  };
  parser["closeTagHandler"] = (tag: SaxesTagPlain) => {
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
    else if (open.length === 1 && takeRootChild) takeRootChild(element);
    else parent.children.push(element);
  };
  parser["textHandler"] = (chunk: string) => {
    if (/[^ \t\r\n]/.test(chunk)) addCharacters("text", chunk);
  };
  parser["cdataHandler"] = (chunk: string) => addCharacters("cdata", chunk);
  parser["commentHandler"] = (chunk: string) => addCharacters("comment", chunk);

  try {
    for (let at = 0; at < text.length; at += STEP_LENGTH) {
      if (at > 0) yield;
      // The parser would make a piece of text of each line of that kind.
      const isSplit = text.charCodeAt(at - 1) === CARRIAGE_RETURN &&
        text.charCodeAt(at) === LINE_FEED;
      parser.write(
        text.slice(isSplit ? at + 1 : at, at + STEP_LENGTH)
          .replaceAll("\r\n", "\n").replaceAll("\r", "\n"),
      );
      // It makes a piece of each reference, too: looking at a character has the
      // engine put them together.
      parser["text"].charCodeAt(0);
    }
    parser.close();
  } catch (error) {
    if (error instanceof Refusal) return { kind: error.kind };
    throw error;
  }
  return root === undefined
    ? { kind: "malformed" }
    : { kind: "document", root };
}

export interface XmlElement {
  readonly kind: "element";
  /** As written, its prefix included. */
  readonly name: string;
  /** Names and values in document order. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly children: readonly XmlNode[];
  /** Whether it was written `<a/>`. */
  readonly isSelfClosing: boolean;
}

interface XmlCharacters {
  readonly kind: "text" | "cdata" | "comment";
  readonly text: string;
}

export type XmlNode = XmlElement | XmlCharacters;

/** The elements among an element's children. */
export function childElements(element: XmlElement): XmlElement[] {
  return element.children.filter((child) => child.kind === "element");
}

/** Text and CDATA of an element, without that of its child elements. */
export function textOf(element: XmlElement): string {
  let text = "";
  for (const child of element.children) {
    if (child.kind === "text" || child.kind === "cdata") text += child.text;
  }
  return text;
}
