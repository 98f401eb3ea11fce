/**
 * XML as a client may see it: elements, attributes and text, without white
 * space between elements. `<a></a>` and `<a/>` are the same tree.
 *
 * @module
 */

import { SaxesParser } from "saxes";

/** An element. Names keep their prefixes. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Child elements and texts in order; adjacent texts are joined. */
  readonly children: readonly (XmlElement | string)[];
}

interface OpenElement extends XmlElement {
  readonly children: (XmlElement | string)[];
}

/**
 * Parses a whole document.
 *
 * @throws {SyntaxError} If it is not well-formed XML.
 */
export function parseXmlTree(text: string): XmlElement {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  parser.on("error", (error) => {
    throw new SyntaxError(`Cannot read XML: ${error.message}`);
  });
  parser.on("opentag", (tag) => {
    open.push({
      name: tag.name,
      attributes: { ...tag.attributes } as Record<string, string>,
      children: [],
    });
  });
  function addText(part: string): void {
    const children = open.at(-1)?.children;
    if (children === undefined) return;
    const last = children.at(-1);
    if (typeof last === "string") children[children.length - 1] = last + part;
    else children.push(part);
  }
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const element = open.pop();
    if (element === undefined) return;
    const closed = { ...element, children: significant(element.children) };
    const parent = open.at(-1);
    if (parent === undefined) root = closed;
    else parent.children.push(closed);
  });
  parser.write(text).close();
  if (root === undefined) throw new SyntaxError("Cannot read XML: no element");
  return root;
}

/** Child elements with this name, whatever their prefix. */
export function childrenNamed(
  element: XmlElement,
  localName: string,
): XmlElement[] {
  return element.children.filter((child) =>
    typeof child !== "string" && localNameOf(child) === localName
  ) as XmlElement[];
}

/** An element's name without its prefix. */
export function localNameOf(element: XmlElement): string {
  return element.name.slice(element.name.indexOf(":") + 1);
}

/** All text below an element. */
export function textOf(element: XmlElement): string {
  return element.children
    .map((child) => typeof child === "string" ? child : textOf(child))
    .join("");
}

/** Blank text beside elements is layout; alone in an element it is a value. */
function significant(
  children: readonly (XmlElement | string)[],
): (XmlElement | string)[] {
  if (children.every((child) => typeof child === "string")) {
    return [...children];
  }
  return children.filter((child) =>
    typeof child !== "string" || child.trim() !== ""
  );
}
