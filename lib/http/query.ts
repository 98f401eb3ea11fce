/**
 * Query parameters, parsed once.
 *
 * @module
 */

import type { EmbedLevel } from "../model/feed.ts";

/** What a query says. Names are case-insensitive; the first of a name counts. */
export interface Query {
  readonly embed: EmbedLevel;
  /** Lower case; undefined: the Accept header decides. */
  readonly format: string | undefined;
}

const EMPTY_QUERY: Query = { embed: "none", format: undefined };

const EMBED_LEVELS: ReadonlyMap<string, EmbedLevel> = new Map([
  ["none", "none"],
  ["content", "content"],
  ["rich", "rich"],
  ["body", "body"],
  ["pretty", "pretty"],
  ["tryharder", "tryharder"],
]);

/** Parses what follows the `?`. What it doesn't know it ignores. */
export function parseQuery(text: string): Query {
  if (text === "") return EMPTY_QUERY;
  let embed: EmbedLevel | undefined;
  let format: string | undefined;
  for (const parameter of text.split("&")) {
    const separator = parameter.indexOf("=");
    if (separator < 0) continue;
    const name = decodeParameter(parameter.slice(0, separator)).toLowerCase();
    const value = decodeParameter(parameter.slice(separator + 1)).toLowerCase();
    if (name === "embed") embed ??= EMBED_LEVELS.get(value) ?? "none";
    else if (name === "format") format ??= value;
  }
  return { embed: embed ?? "none", format };
}

/** Broken escapes stay as they are: they make no name or value that is known. */
function decodeParameter(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
