/**
 * JSON as a client may see it: members in order, doubled members kept, numbers
 * as they are written. `JSON.parse` loses all three.
 *
 * @module
 */

/** A JSON value. `text` of a number is what stands in the document. */
export type JsonTree =
  | { readonly kind: "object"; readonly members: readonly JsonMember[] }
  | { readonly kind: "array"; readonly items: readonly JsonTree[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "null" };

export interface JsonMember {
  readonly name: string;
  readonly value: JsonTree;
}

const SPACE = /[ \t\r\n]*/y;
/** Generous: `JSON.parse` judges what it finds. */
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/**
 * Parses a whole JSON document.
 *
 * @throws {SyntaxError} If it is not JSON.
 */
export function parseJsonTree(text: string): JsonTree {
  const reader = new JsonReader(text);
  const tree = reader.readValue();
  reader.expectEnd();
  return tree;
}

/** The member with this name, or undefined (also for what is no object). */
export function memberOf(
  tree: JsonTree | undefined,
  name: string,
): JsonTree | undefined {
  if (tree?.kind !== "object") return undefined;
  return tree.members.find((member) => member.name === name)?.value;
}

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readValue(): JsonTree {
    this.#take(SPACE);
    const first = this.#text[this.#at];
    if (first === "{") return this.#readObject();
    if (first === "[") return this.#readArray();
    if (first === '"') return { kind: "string", value: this.#readString() };
    const word = this.#take(WORD);
    if (word === "null") return { kind: "null" };
    if (word !== undefined) return { kind: "boolean", value: word === "true" };
    const number = this.#take(NUMBER);
    if (number === undefined) throw this.#error("a value");
    return { kind: "number", text: number };
  }

  expectEnd(): void {
    this.#take(SPACE);
    if (this.#at !== this.#text.length) throw this.#error("the end");
  }

  #readObject(): JsonTree {
    const members: JsonMember[] = [];
    this.#at++;
    if (this.#takeMark("}")) return { kind: "object", members };
    do {
      this.#take(SPACE);
      const name = this.#readString();
      if (!this.#takeMark(":")) throw this.#error('":"');
      members.push({ name, value: this.readValue() });
    } while (this.#takeMark(","));
    if (!this.#takeMark("}")) throw this.#error('"}"');
    return { kind: "object", members };
  }

  #readArray(): JsonTree {
    const items: JsonTree[] = [];
    this.#at++;
    if (this.#takeMark("]")) return { kind: "array", items };
    do items.push(this.readValue()); while (this.#takeMark(","));
    if (!this.#takeMark("]")) throw this.#error('"]"');
    return { kind: "array", items };
  }

  #readString(): string {
    const literal = this.#take(STRING);
    if (literal === undefined) throw this.#error("a string");
    return JSON.parse(literal);
  }

  #takeMark(mark: string): boolean {
    this.#take(SPACE);
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    return found;
  }

  #error(wanted: string): SyntaxError {
    return new SyntaxError(`Cannot read JSON at ${this.#at}: want ${wanted}`);
  }
}
