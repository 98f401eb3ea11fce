/**
 * XML elements as JSON text, by Json.NET's conventions (spec: http-api §4.3):
 * attributes `"@name"`, mixed text `"#text"`, CDATA `"#cdata-section"`,
 * siblings of one name an array, all leaf values strings.
 *
 * @module
 */

import { JsonTextError, LayoutBudget, newlineAt } from "../json/json_layout.ts";
import { quoteJsonEscapingBreaks } from "../json/json_string.ts";
import { decodeXmlName } from "./xml_text.ts";
import { textOf, type XmlElement, type XmlNode } from "./xml_parse.ts";

/** Namespace in which Json.NET marks elements that are arrays. */
export const JSON_NAMESPACE = "http://james.newtonking.com/projects/json";

/** The content of an element, as event data. */
export type XmlContent =
  | { readonly kind: "empty" }
  /** Characters and nothing else. */
  | { readonly kind: "text"; readonly text: string }
  /** Child elements or attributes; `text` is indented JSON of an object. */
  | { readonly kind: "json"; readonly text: string }
  /** As JSON it would pass `layoutMax`. */
  | { readonly kind: "tooLong" };

/** Default of `layoutMax`: what an event may hold at most. */
const LAYOUT_MAX = 4 * 1024 * 1024;

/**
 * Converts what an element holds; comments are left out.
 *
 * @param layoutMax Bytes that it may have as JSON.
 */
export function xmlContentOf(
  element: XmlElement,
  layoutMax: number = LAYOUT_MAX,
): XmlContent {
  const hasMarkup = attributesOf(element).length > 0 ||
    element.children.some((child) =>
      child.kind === "element" || child.kind === "cdata"
    );
  if (hasMarkup) return structureOf(element, layoutMax);
  const text = textOf(element);
  return text === "" ? { kind: "empty" } : { kind: "text", text };
}

function structureOf(element: XmlElement, layoutMax: number): XmlContent {
  try {
    const text = writeElement(element, 0, new LayoutBudget(layoutMax));
    return { kind: "json", text };
  } catch (error) {
    if (error instanceof JsonTextError) return { kind: "tooLong" };
    throw error;
  }
}

/**
 * Writes an element's content as indented JSON: an object, a string, or null
 * for `<a/>`.
 *
 * @throws {JsonTextError} If it would get too long.
 */
export function xmlToJson(element: XmlElement): string {
  return writeElement(element, 0, new LayoutBudget(LAYOUT_MAX));
}

function writeElement(
  element: XmlElement,
  depth: number,
  budget: LayoutBudget,
): string {
  const attributes = attributesOf(element);
  const children = element.children.filter((child) => child.kind !== "comment");
  if (attributes.length === 0) {
    if (children.length === 0) return element.isSelfClosing ? "null" : '""';
    const only = children[0];
    if (children.length === 1 && only?.kind === "text") {
      budget.takeText(only.text);
      return quoteJsonEscapingBreaks(only.text);
    }
  }
  const newline = newlineAt(depth + 1);
  let out = "{";
  let separator = newline;
  for (const [name, value] of attributes) {
    const key = "@" + decodeName(name);
    budget.take(newline.length);
    budget.takeText(key);
    budget.takeText(value);
    out += separator + quoteJsonEscapingBreaks(key) + ": " +
      quoteJsonEscapingBreaks(value);
    separator = "," + newline;
  }
  for (const [name, group] of groupByName(children)) {
    budget.take(newline.length);
    budget.takeText(name);
    out += separator + quoteJsonEscapingBreaks(name) + ": " +
      groupToJson(group, depth + 1, budget);
    separator = "," + newline;
  }
  return out + newlineAt(depth) + "}";
}

function groupByName(children: readonly XmlNode[]): Map<string, XmlNode[]> {
  const groups = new Map<string, XmlNode[]>();
  for (const child of children) {
    const name = child.kind === "element"
      ? decodeName(child.name)
      : child.kind === "cdata"
      ? "#cdata-section"
      : "#text";
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [child]);
    else group.push(child);
  }
  return groups;
}

function groupToJson(
  group: readonly XmlNode[],
  depth: number,
  budget: LayoutBudget,
): string {
  const only = group[0];
  if (group.length === 1 && only !== undefined && !isMarkedArray(only)) {
    return nodeToJson(only, depth, budget);
  }
  const newline = newlineAt(depth + 1);
  let out = "[";
  let separator = newline;
  for (const node of group) {
    budget.take(newline.length);
    out += separator + nodeToJson(node, depth + 1, budget);
    separator = "," + newline;
  }
  return out + newlineAt(depth) + "]";
}

function nodeToJson(
  node: XmlNode,
  depth: number,
  budget: LayoutBudget,
): string {
  if (node.kind === "element") return writeElement(node, depth, budget);
  budget.takeText(node.text);
  return quoteJsonEscapingBreaks(node.text);
}

/** Attributes but Json.NET's own marks. */
function attributesOf(
  element: XmlElement,
): readonly (readonly [string, string])[] {
  const { attributes } = element;
  const hasMarks = attributes.some(isMark);
  return hasMarks ? attributes.filter((pair) => !isMark(pair)) : attributes;
}

function isMark([name, value]: readonly [string, string]): boolean {
  return name === "json:Array" ||
    (name.startsWith("xmlns:") && value === JSON_NAMESPACE);
}

function isMarkedArray(node: XmlNode): boolean {
  return node.kind === "element" &&
    node.attributes.some(([name, value]) =>
      name === "json:Array" && value.trim() === "true"
    );
}

function decodeName(name: string): string {
  const colon = name.indexOf(":");
  if (colon < 0) return decodeXmlName(name);
  return name.slice(0, colon + 1) + decodeXmlName(name.slice(colon + 1));
}
