/**
 * Documents read as Markdown: their elements, headings with the anchors that
 * GitHub gives them, and the plain text of a part, for the search.
 *
 * @module
 */

import { Lexer, type Token, type Tokens } from "marked";

export type { Token, Tokens };

/** A document that was read. */
export interface ReadDocument {
  readonly tokens: readonly Token[];
  /** Text of its first heading. */
  readonly title: string;
  /** Anchors by heading. */
  readonly anchors: ReadonlyMap<Token, string>;
}

/** Reads a document. */
export function readDocument(text: string): ReadDocument {
  const tokens = new Lexer({ gfm: true }).lex(text);
  const anchors = new Map<Token, string>();
  const counts = new Map<string, number>();
  let title = "";
  for (const token of tokens) {
    if (token.type !== "heading") continue;
    const heading = plainText([token]);
    if (title === "") title = heading;
    const anchor = anchorOf(heading);
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    anchors.set(token, count === 0 ? anchor : `${anchor}-${count}`);
  }
  return { tokens, title, anchors };
}

/** As GitHub makes it: lower case, hyphens for blanks, no punctuation. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

/** The words of elements, without marks; comments have none. */
export function plainText(tokens: readonly Token[]): string {
  return tokens.map(textOf).join("");
}

function textOf(token: Token): string {
  switch (token.type) {
    case "html":
      return "";
    case "space":
    case "br":
      return " ";
    case "list":
      return (token as Tokens.List).items.map(({ tokens }) =>
        plainText(tokens) + " "
      ).join("");
    case "table": {
      const { header, rows } = token as Tokens.Table;
      return [header, ...rows].flat().map(({ tokens }) =>
        plainText(tokens) + " "
      ).join("");
    }
    case "paragraph":
    case "heading":
      return plainText(token.tokens ?? []) +
        (token.type === "heading" ? "" : " ");
    default:
      return "tokens" in token && token.tokens !== undefined
        ? plainText(token.tokens)
        : "text" in token
        ? token.text
        : "";
  }
}
