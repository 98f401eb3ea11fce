/**
 * JSON text as XML elements, by Json.NET's conventions (spec: http-api §4.3):
 * arrays are siblings of one name, `"@name"` is an attribute, `"#text"` is
 * text, null is an empty element. A first member that starts with `$` and is
 * no array or object becomes an attribute `json:name`, as in the original.
 *
 * Whatever the JSON says, what comes out is well-formed with namespaces: names
 * are encoded, prefixes that nobody declared are dropped, an attribute is
 * written once.
 *
 * @module
 */

import { JsonTextError } from "../json/json_layout.ts";
import { JsonScanner } from "../json/json_scanner.ts";
import {
  encodeXmlName,
  escapeXmlAttribute,
  escapeXmlText,
  xmlCData,
} from "./xml_text.ts";
import { JSON_NAMESPACE } from "./xml_json.ts";

export interface JsonToXmlOptions {
  /**
   * Whether the element stands where another default namespace holds and must
   * say that it has none.
   */
  readonly isInNamespace?: boolean;
  /** Whether an array becomes one element instead of siblings. */
  readonly isRoot?: boolean;
  /** Reads what Json.NET reads. */
  readonly isLenient?: boolean;
  /** Nesting that is read. */
  readonly depthMax?: number;
}

/**
 * Writes a JSON value as elements of the name `name`.
 *
 * @param name A plain XML name.
 * @returns `undefined` when `json` is not one JSON value, or nested too deeply.
 */
export function jsonToXml(
  json: string,
  name: string,
  options: JsonToXmlOptions = {},
): string | undefined {
  const scanner = new JsonScanner(json, options);
  const writer = new XmlWriter(scanner);
  const outer = options.isInNamespace ? ' xmlns=""' : "";
  try {
    const xml = options.isRoot
      ? writer.item(name, outer)
      : writer.value(name, outer);
    scanner.expectEnd();
    return xml;
  } catch (error) {
    if (error instanceof JsonTextError) return undefined;
    throw error;
  }
}

class XmlWriter {
  readonly #scanner: JsonScanner;
  /** Declared prefixes, the innermost last. */
  readonly #scope: string[] = [];
  /** How often each prefix is declared; deep or wide, a look is one look. */
  readonly #declarations = new Map<string, number>();
  /** Whether `json` stands for Json.NET's namespace here. */
  #isJsonDeclared = false;

  constructor(scanner: JsonScanner) {
    this.#scanner = scanner;
  }

  /** Elements of a member: one, or one for each item of an array. */
  value(name: string, outer: string): string {
    const scanner = this.#scanner;
    if (scanner.next() !== 0x5b) return this.item(name, outer);
    return this.#items(name, outer);
  }

  #items(name: string, outer: string): string {
    const scanner = this.#scanner;
    let xml = "";
    scanner.open();
    for (let first = true; scanner.nextItem(0x5d, first); first = false) {
      xml += this.item(name, outer);
    }
    return xml;
  }

  /** One element; that of an array holds its items. */
  item(name: string, outer: string): string {
    const scanner = this.#scanner;
    // A long name over many short items would grow without bound.
    scanner.budget.take(2 * name.length + outer.length);
    switch (scanner.next()) {
      case 0x7b:
        return this.#object(name, outer);
      case 0x5b: {
        const tag = this.#tagOf(name);
        const items = this.#items(name, "");
        return `<${tag}${outer}>${items}</${tag}>`;
      }
    }
    const tag = this.#tagOf(name);
    const text = this.#scalar();
    return text === undefined
      ? `<${tag}${outer} />`
      : `<${tag}${outer}>${escapeXmlText(text)}</${tag}>`;
  }

  #object(name: string, outer: string): string {
    const scanner = this.#scanner;
    const scopeLength = this.#scope.length;
    const wasJsonDeclared = this.#isJsonDeclared;
    const attributes = new Map<string, string>();
    let children = "";
    let isLeading = true;
    scanner.open();
    for (let first = true; scanner.nextItem(0x7d, first); first = false) {
      const member = scanner.readName();
      scanner.colon();
      if (this.#attribute(member, attributes, isLeading)) continue;
      isLeading = false;
      children += this.#child(member);
    }
    const tag = this.#tagOf(name);
    let start = tag;
    if (!attributes.has("xmlns")) start += outer;
    for (const [attribute, value] of attributes) {
      start += ` ${attribute}="${escapeXmlAttribute(value)}"`;
    }
    this.#isJsonDeclared = wasJsonDeclared;
    this.#leave(scopeLength);
    return children === "" ? `<${start} />` : `<${start}>${children}</${tag}>`;
  }

  /** Takes the member as an attribute, if it can be one. */
  #attribute(
    member: string,
    attributes: Map<string, string>,
    isLeading: boolean,
  ): boolean {
    const mark = member.charCodeAt(0);
    if ((mark !== 0x40 && mark !== 0x24) || member.length === 1) return false;
    const code = this.#scanner.next();
    if (code === 0x7b || code === 0x5b) return false;
    const name = member.slice(1);
    if (mark === 0x24) {
      if (!isLeading || !this.#hasJsonPrefix(attributes)) return false;
      attributes.set(`json:${encodeXmlName(name)}`, this.#scalar() ?? "");
      return true;
    }
    this.#plainAttribute(name, this.#scalar() ?? "", attributes);
    return true;
  }

  #plainAttribute(
    name: string,
    value: string,
    attributes: Map<string, string>,
  ): void {
    if (name === "xmlns") {
      // Namespace names that are bound for good cannot be declared.
      if (!value.startsWith("http://www.w3.org/")) attributes.set(name, value);
      return;
    }
    if (name.startsWith("xmlns:")) {
      const prefix = name.slice(6);
      const mayDeclare = value !== "" && !/^xml/i.test(prefix) &&
        !(prefix === "json" && this.#isJsonDeclared) &&
        encodeXmlName(prefix) === prefix &&
        value !== "http://www.w3.org/2000/xmlns/" &&
        value !== "http://www.w3.org/XML/1998/namespace";
      if (mayDeclare && !attributes.has(name)) {
        attributes.set(name, value);
        this.#declare(prefix);
      }
      return;
    }
    attributes.set(
      name.startsWith("xml:")
        ? "xml:" + encodeXmlName(name.slice(4))
        : this.#tagOf(name),
      value,
    );
  }

  /**
   * Declares the prefix `json` on this element if need be.
   *
   * @returns Whether it means Json.NET's namespace, and nothing of the data's.
   */
  #hasJsonPrefix(attributes: Map<string, string>): boolean {
    if (this.#isJsonDeclared) return true;
    if (this.#isDeclared("json")) return false;
    attributes.set("xmlns:json", JSON_NAMESPACE);
    this.#declare("json");
    this.#isJsonDeclared = true;
    return true;
  }

  #declare(prefix: string): void {
    this.#scope.push(prefix);
    const count = this.#declarations.get(prefix) ?? 0;
    this.#declarations.set(prefix, count + 1);
  }

  /** Forgets what was declared since the scope had this length. */
  #leave(scopeLength: number): void {
    for (const prefix of this.#scope.splice(scopeLength)) {
      const count = this.#declarations.get(prefix) ?? 0;
      this.#declarations.set(prefix, count - 1);
    }
  }

  #isDeclared(prefix: string): boolean {
    return (this.#declarations.get(prefix) ?? 0) > 0;
  }

  #child(member: string): string {
    const isText = member === "#text" || member === "#whitespace" ||
      member === "#significant-whitespace";
    if (!isText && member !== "#cdata-section") return this.value(member, "");
    const scanner = this.#scanner;
    if (scanner.next() !== 0x5b) return this.#characters(member, isText);
    let xml = "";
    scanner.open();
    for (let first = true; scanner.nextItem(0x5d, first); first = false) {
      xml += this.#characters(member, isText);
    }
    return xml;
  }

  #characters(member: string, isText: boolean): string {
    const code = this.#scanner.next();
    if (code === 0x7b || code === 0x5b) return this.item(member, "");
    const text = this.#scalar() ?? "";
    return isText ? escapeXmlText(text) : xmlCData(text);
  }

  /** Text of the scalar that is next; `undefined` for null. */
  #scalar(): string | undefined {
    const scanner = this.#scanner;
    const code = scanner.next();
    if (code === 0x22 || (code === 0x27 && scanner.isLenient)) {
      return scanner.readString();
    }
    const json = scanner.copyScalar();
    if (json === "null") return undefined;
    return json.charCodeAt(0) === 0x22 ? json.slice(1, -1) : json;
  }

  /** Name of an element or attribute; a prefix is kept if it is declared. */
  #tagOf(name: string): string {
    const colon = name.indexOf(":");
    if (colon <= 0 || colon === name.length - 1) return encodeXmlName(name);
    const prefix = name.slice(0, colon);
    const local = encodeXmlName(name.slice(colon + 1));
    return this.#isDeclared(prefix) ? `${prefix}:${local}` : local;
  }
}
