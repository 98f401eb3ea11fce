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

function refuse(kind: Refusal["kind"]): never {
  throw new Refusal(kind);
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
  const tree = new XmlTree(options);
  const parser = idleParser ?? new TreeParser();
  idleParser = undefined;
  parser.tree = tree;
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
    }
    parser.close();
  } catch (error) {
    // The parser stopped within a document: it is of no use for another one.
    if (error instanceof Refusal) return { kind: error.kind };
    throw error;
  }
  parser.tree = undefined;
  idleParser = parser;
  return tree.root === undefined
    ? { kind: "malformed" }
    : { kind: "document", root: tree.root };
}

/**
 * The parser of the last document, for the next one: a new one for each takes
 * as long as parsing a small document, and the engine moves it and its tree to
 * the old generation.
 */
let idleParser: TreeParser | undefined;

/** Reads documents, one after the other, each into a tree of its own. */
class TreeParser {
  /** Of the document that is read. */
  tree: XmlTree | undefined;
  // Namespaces are off: looking them up is quadratic in the depth.
  readonly #parser = new SaxesParser({ xmlns: false });

  constructor() {
    const parser = this.#parser;
    // Not by `on`, which sets them by computed names: with this many properties
    // set that way, V8 keeps the parser as a hash table, and parsing takes
    // twice as long.
    parser["errorHandler"] = () => refuse("malformed");
    parser["doctypeHandler"] = () => refuse("doctype");
    parser["openTagStartHandler"] = (tag: SaxesStartTagPlain) =>
      this.tree?.open(tag.name);
    parser["attributeHandler"] = ({ name, value }: SaxesAttribute) =>
      this.tree?.addAttribute(name, value);
    parser["closeTagHandler"] = (tag: SaxesTagPlain) =>
      this.tree?.close(tag.isSelfClosing);
    parser["textHandler"] = (text: string) => {
      if (/[^ \t\r\n]/.test(text)) this.tree?.addCharacters("text", text);
    };
    parser["cdataHandler"] = (text: string) =>
      this.tree?.addCharacters("cdata", text);
    parser["commentHandler"] = (text: string) =>
      this.tree?.addCharacters("comment", text);
  }

  /** @throws {Refusal} If the document is malformed, or the tree gets too large. */
  write(text: string): void {
    this.#parser.write(text);
    // The parser makes a piece of text of each reference: looking at a character
    // has the engine put them together.
    this.#parser["text"].charCodeAt(0);
  }

  /** Ends the document. Throws as {@link write} does. */
  close(): void {
    this.#parser.close();
  }
}

/** A tree that grows as its document is read, within bounds. */
class XmlTree {
  root: XmlElement | undefined;
  readonly #open: OpenElement[] = [];
  readonly #bounds: Required<Omit<ParseXmlOptions, "takeRootChild">>;
  readonly #takeRootChild: ParseXmlOptions["takeRootChild"];
  #nodeCount = 0;
  #rootChildCount = 0;

  constructor(options: ParseXmlOptions) {
    const { depthMax = 200, nodesMax = 500_000 } = options;
    const { rootChildrenMax = nodesMax, attributesMax = 10_000 } = options;
    this.#bounds = { depthMax, nodesMax, rootChildrenMax, attributesMax };
    this.#takeRootChild = options.takeRootChild;
  }

  open(name: string): void {
    const open = this.#open;
    if (open.length >= this.#bounds.depthMax) refuse("tooDeep");
    if (open.length === 1) {
      if (this.#takeRootChild !== undefined) this.#nodeCount = 0;
      if (++this.#rootChildCount > this.#bounds.rootChildrenMax) {
        refuse("tooMany");
      }
    }
    this.#count();
    open.push({ name, attributes: [], children: [] });
  }

  addAttribute(name: string, value: string): void {
    const attributes = this.#open.at(-1)?.attributes ?? [];
    if (attributes.length >= this.#bounds.attributesMax) {
      refuse("tooManyAttributes");
    }
    this.#count();
    attributes.push([name, value]);
  }

  addCharacters(kind: XmlCharacters["kind"], text: string): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) return;
    this.#count();
    parent.children.push({ kind, text });
  }

  close(isSelfClosing: boolean): void {
    const closed = this.#open.pop();
    if (closed === undefined) refuse("malformed");
    const { name, attributes, children } = closed;
    const element: XmlElement = {
      kind: "element",
      name,
      attributes,
      children,
      isSelfClosing,
    };
    const parent = this.#open.at(-1);
    if (parent === undefined) this.root = element;
    else if (this.#open.length === 1 && this.#takeRootChild !== undefined) {
      this.#takeRootChild(element);
    } else parent.children.push(element);
  }

  /** Counts a node that is added. */
  #count(): void {
    if (++this.#nodeCount > this.#bounds.nodesMax) refuse("tooLarge");
  }
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
