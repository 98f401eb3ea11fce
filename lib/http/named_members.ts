/**
 * Bodies that are one object of a few named members, as JSON or XML. Names are
 * case-insensitive, the last of equal ones counts, unknown ones mean nothing
 * (spec: users §2.2).
 *
 * @module
 */

import { LIMITS, type Limits } from "../model/limits.ts";
import {
  childElements,
  parseXml,
  textOf,
  type XmlElement,
} from "../formats/xml/xml_parse.ts";
import type { RequestContext } from "./context.ts";
import { APPLICATION_JSON, isXml, type MediaType } from "./negotiation.ts";
import { malformed } from "./errors.ts";

/** The members of a body. Each reader throws a `Refusal` for a wrong type. */
export interface NamedMembers {
  /** A text; undefined when it is missing or null. */
  readText(name: string): string | undefined;
  /** A list of texts; undefined when it is missing or null. */
  readTexts(name: string): readonly string[] | undefined;
  /** Undefined when it is missing or null. */
  readFlag(name: string): boolean | undefined;
  /** A whole number; undefined when it is missing or null. */
  readNumber(name: string): number | undefined;
  /**
   * The value as it is: of JSON any, of XML the text of an element. Undefined
   * when it is missing or null.
   */
  readValue(name: string): unknown;
}

/**
 * Reads and decodes the body of a request.
 *
 * @param mayBeEmpty Whether an empty body is an object without members.
 * @throws {Refusal} If it is too large, or no object.
 */
export async function readMembers(
  context: RequestContext,
  { mayBeEmpty = true } = {},
): Promise<NamedMembers> {
  const { request, requestType, requestCharset, limits } = context;
  const bytesMax = Math.min(limits.requestBytesMax, LIMITS.userBodyBytesMax);
  const encoding = { requestType, requestCharset };
  const body = await context.services.receiving.readText(
    request,
    { ...encoding, bytesMax },
  );
  if (!mayBeEmpty && body.trim() === "") {
    throw malformed("Request body invalid: it is empty");
  }
  return decodeNamedMembers(body, requestType ?? APPLICATION_JSON, limits);
}

/**
 * Decodes a body.
 *
 * @param body An empty one has no members.
 * @throws {Refusal} If it is no object.
 */
function decodeNamedMembers(
  body: string,
  type: MediaType,
  limits: Limits,
): NamedMembers {
  if (body.trim() === "") return new JsonMembers(new Map());
  return isXml(type)
    ? new XmlMembers(parseXmlMembers(body, limits))
    : new JsonMembers(parseJsonMembers(body));
}

function parseJsonMembers(body: string): Map<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw malformed("Request body invalid: it is not JSON");
  }
  if (
    typeof document !== "object" || document === null || Array.isArray(document)
  ) throw malformed("Request body invalid: it is not a JSON object");
  const members = Object.entries(document);
  return new Map(members.map(([name, value]) => [name.toLowerCase(), value]));
}

class JsonMembers implements NamedMembers {
  readonly #members: ReadonlyMap<string, unknown>;

  constructor(members: ReadonlyMap<string, unknown>) {
    this.#members = members;
  }

  readText(name: string): string | undefined {
    const value = this.#find(name);
    if (value === undefined || typeof value === "string") return value;
    throw wrongType(name, "a text");
  }

  readTexts(name: string): readonly string[] | undefined {
    const value = this.#find(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every(isString)) {
      throw wrongType(name, "a list of texts");
    }
    return value;
  }

  readFlag(name: string): boolean | undefined {
    const value = this.#find(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw wrongType(name, "true or false");
  }

  readNumber(name: string): number | undefined {
    const value = this.#find(name);
    if (value === undefined || Number.isSafeInteger(value)) {
      return value === undefined ? undefined : Number(value);
    }
    throw wrongType(name, "a whole number");
  }

  readValue(name: string): unknown {
    return this.#find(name);
  }

  #find(name: string): unknown {
    return this.#members.get(name.toLowerCase()) ?? undefined;
  }
}

function parseXmlMembers(
  body: string,
  limits: Limits,
): Map<string, XmlElement> {
  const parsed = parseXml(body, { depthMax: limits.xmlDepthMax });
  if (parsed.kind !== "document") {
    throw malformed("Request body invalid: it is not XML");
  }
  return new Map(
    childElements(parsed.root).map((child) => [nameOf(child), child]),
  );
}

/** Without a prefix. */
function nameOf({ name }: XmlElement): string {
  return name.slice(name.indexOf(":") + 1).toLowerCase();
}

class XmlMembers implements NamedMembers {
  readonly #members: ReadonlyMap<string, XmlElement>;

  constructor(members: ReadonlyMap<string, XmlElement>) {
    this.#members = members;
  }

  readText(name: string): string | undefined {
    const element = this.#members.get(name.toLowerCase());
    if (element === undefined) return undefined;
    if (childElements(element).length > 0) throw wrongType(name, "a text");
    return textOf(element);
  }

  /** Each child is one, whatever it is called. */
  readTexts(name: string): readonly string[] | undefined {
    const element = this.#members.get(name.toLowerCase());
    return element === undefined
      ? undefined
      : childElements(element).map(textOf);
  }

  readFlag(name: string): boolean | undefined {
    switch (this.readText(name)?.trim().toLowerCase()) {
      case undefined:
        return undefined;
      case "true":
      case "1":
        return true;
      case "false":
      case "0":
        return false;
    }
    throw wrongType(name, "true or false");
  }

  readNumber(name: string): number | undefined {
    const text = this.readText(name)?.trim();
    if (text === undefined) return undefined;
    if (/^-?\d{1,15}$/.test(text)) return Number(text);
    throw wrongType(name, "a whole number");
  }

  readValue(name: string): unknown {
    return this.readText(name);
  }
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function wrongType(name: string, wanted: string) {
  return malformed(`Request body invalid: ${name} must be ${wanted}`);
}
