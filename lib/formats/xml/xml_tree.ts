/**
 * XML as a small tree, as far as event data needs it.
 *
 * @module
 */

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

export interface XmlCharacters {
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
