/**
 * Query parameters, parsed once.
 *
 * @module
 */

import type { EmbedLevel } from "../model/feed.ts";

/** What a query says. Names are case-insensitive; the first of a name counts. */
export interface Query {
  readonly embed: EmbedLevel;
  /** Lower case; undefined, also for none (`format=`): the Accept header decides. */
  readonly format: string | undefined;
  /** `from`, `asOf`, `filter-type`, `filter-stream` and `system`, as sent. */
  readonly from?: string;
  readonly asOf?: string;
  readonly filterType?: string;
  readonly filterStream?: string;
  readonly system?: string;
}

type FeedParameter = keyof Omit<Query, "embed" | "format">;

const EMPTY_QUERY: Query = { embed: "none", format: undefined };

/** Parameters whose values stay as they are. */
const FEED_PARAMETER_NAMES: readonly (readonly [string, FeedParameter])[] = [
  ["from", "from"],
  ["asOf", "asOf"],
  ["filter-type", "filterType"],
  ["filter-stream", "filterStream"],
  ["system", "system"],
];

/** They, by their names in lower case. */
const FEED_PARAMETERS: ReadonlyMap<string, FeedParameter> = new Map(
  FEED_PARAMETER_NAMES.map(([name, member]) => [name.toLowerCase(), member]),
);

/** Names of the parameters that feeds read, as documents write them. */
export const FEED_QUERY_NAMES: readonly string[] = [
  "embed",
  "format",
  ...FEED_PARAMETER_NAMES.map(([name]) => name),
];

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
  const ofFeed: { [Name in FeedParameter]?: string } = {};
  for (const parameter of text.split("&")) {
    const separator = parameter.indexOf("=");
    if (separator < 0) continue;
    const name = decodeParameter(parameter.slice(0, separator)).toLowerCase();
    const value = decodeParameter(parameter.slice(separator + 1));
    if (name === "embed") {
      embed ??= EMBED_LEVELS.get(value.toLowerCase()) ?? "none";
    } else if (name === "format") format ??= value.toLowerCase();
    else {
      const member = FEED_PARAMETERS.get(name);
      if (member !== undefined) ofFeed[member] ??= value;
    }
  }
  return { ...ofFeed, embed: embed ?? "none", format: format || undefined };
}

/** The first value of a parameter; its name in lower case, as all are read. */
export function parameterOf(text: string, name: string): string | undefined {
  for (const parameter of text.split("&")) {
    const separator = parameter.indexOf("=");
    if (separator < 0) continue;
    if (decodeParameter(parameter.slice(0, separator)).toLowerCase() === name) {
      return decodeParameter(parameter.slice(separator + 1));
    }
  }
  return undefined;
}

/** All parameters, the first of each name; names in lower case. */
export function parametersOf(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const parameter of text.split("&")) {
    if (parameter === "") continue;
    const [name = "", ...rest] = parameter.split("=");
    const decoded = decodeParameter(name).toLowerCase();
    if (!parameters.has(decoded)) {
      parameters.set(decoded, decodeParameter(rest.join("=")));
    }
  }
  return parameters;
}

/** Broken escapes stay as they are: they make no name or value that is known. */
export function decodeParameter(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
