/**
 * All documents as one: which there are, in which order, and where in them some
 * words are. The start page's lists are the navigation.
 *
 * @module
 */

import { DOCUMENTS } from "./documents.ts";
import {
  plainText,
  type ReadDocument,
  readDocument,
  type Token,
  type Tokens,
} from "./markdown.ts";

/** Name of the start page. */
export const START = "index";
/** Name of the document in whose place the API's own page stands. */
export const API = "api";

/** A part of the navigation. */
export interface NavigationSection {
  readonly title: string;
  readonly pages: readonly NavigationPage[];
}

/** A document as the navigation names it. */
interface NavigationPage {
  readonly name: string;
  readonly title: string;
}

/** A place that has all words of a search. */
export interface FoundPlace {
  readonly name: string;
  /** Anchor of its heading; empty for the document's beginning. */
  readonly anchor: string;
  /** Of the document, and of the part where it is another. */
  readonly titles: readonly string[];
  /** Text around the first word that was found, and that word in it. */
  readonly before: string;
  readonly word: string;
  readonly after: string;
}

const read = new Map<string, ReadDocument>();

/** The document with that name; undefined: there is none. */
export function findDocument(name: string): ReadDocument | undefined {
  const known = read.get(name);
  if (known !== undefined) return known;
  const text = DOCUMENTS.get(name);
  if (text === undefined) return undefined;
  const document = readDocument(text);
  read.set(name, document);
  return document;
}

let made: readonly NavigationSection[] | undefined;

/** Where the documents stand, by the lists of the start page. */
export function navigation(): readonly NavigationSection[] {
  return made ??= readNavigation(findDocument(START)?.tokens ?? []);
}

function readNavigation(tokens: readonly Token[]): NavigationSection[] {
  const sections: NavigationSection[] = [];
  let title = "";
  for (const token of tokens) {
    if (token.type === "heading") title = plainText([token]);
    if (token.type !== "list") continue;
    const pages = (token as Tokens.List).items.flatMap((item) => {
      const link = firstLinkOf(item.tokens);
      const [, name] = /^([\w-]+)\.md$/.exec(link?.href ?? "") ?? [];
      return link === undefined || name === undefined
        ? []
        : [{ name, title: plainText(link.tokens) }];
    });
    sections.push({ title, pages });
  }
  return sections;
}

function firstLinkOf(tokens: readonly Token[]): Tokens.Link | undefined {
  for (const token of tokens) {
    if (token.type === "link") return token as Tokens.Link;
    const found = "tokens" in token
      ? firstLinkOf(token.tokens ?? [])
      : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Characters and words of a search that count. */
const QUERY_LENGTH_MAX = 200;
const WORDS_MAX = 10;
const PLACES_MAX = 30;

/** A heading with what stands below it. */
interface Part {
  readonly name: string;
  readonly anchor: string;
  readonly titles: readonly string[];
  readonly text: string;
  /** In lower case. */
  readonly headings: string;
  readonly words: string;
}

let parts: readonly Part[] | undefined;

/** Finds the parts of documents that have all words of a text, best first. */
export function searchDocuments(query: string): readonly FoundPlace[] {
  const words = query.slice(0, QUERY_LENGTH_MAX).toLowerCase().split(/\s+/)
    .filter((word) => word !== "").slice(0, WORDS_MAX);
  const [first] = words;
  if (first === undefined) return [];
  parts ??= [
    START,
    ...navigation().flatMap(({ pages }) => pages)
      .map(({ name }) => name),
  ].flatMap(partsOf);
  return parts.map((part) => ({ part, weight: weightOf(part, words) }))
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .slice(0, PLACES_MAX)
    .map(({ part }) => placeOf(part, first));
}

function partsOf(name: string): Part[] {
  const document = findDocument(name);
  if (document === undefined) return [];
  const found: Part[] = [];
  let tokens: Token[] = [];
  let anchor = "";
  let titles = [document.title];
  const end = () => {
    const text = plainText(tokens).replace(/\s+/g, " ").trim();
    const headings = titles.join(" ").toLowerCase();
    const words = `${headings} ${text.toLowerCase()}`;
    found.push({ name, anchor, titles, text, headings, words });
    tokens = [];
  };
  for (const token of document.tokens) {
    if (token.type !== "heading") {
      tokens.push(token);
      continue;
    }
    if ((token as Tokens.Heading).depth === 1) continue;
    end();
    anchor = document.anchors.get(token) ?? "";
    titles = [document.title, plainText([token])];
  }
  end();
  return found;
}

const HEADING_WEIGHT = 10;
const COUNT_MAX = 5;

/** 0: a word is missing. */
function weightOf(
  { headings, words }: Part,
  wanted: readonly string[],
): number {
  let weight = 0;
  for (const word of wanted) {
    if (!words.includes(word)) return 0;
    if (headings.includes(word)) weight += HEADING_WEIGHT;
    weight += Math.min(COUNT_MAX, words.split(word).length - 1);
  }
  return weight;
}

const AROUND_LENGTH = 90;

function placeOf(
  { name, anchor, titles, text }: Part,
  word: string,
): FoundPlace {
  const at = text.toLowerCase().indexOf(word);
  const place = { name, anchor, titles };
  if (at < 0) {
    const after = cutEnd(text, 2 * AROUND_LENGTH);
    return { ...place, before: "", word: "", after };
  }
  const begin = Math.max(0, at - AROUND_LENGTH);
  const before = (begin > 0 ? "…" : "") + text.slice(begin, at);
  const end = at + word.length;
  return {
    ...place,
    before,
    word: text.slice(at, end),
    after: cutEnd(text.slice(end), AROUND_LENGTH),
  };
}

function cutEnd(text: string, length: number): string {
  return text.length > length ? text.slice(0, length) + "…" : text;
}
