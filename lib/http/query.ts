/**
 * Query parameters, parsed once. Names are case-sensitive; the values of a
 * repeated one are joined by a comma, which usually means nothing
 * (spec: http-api §2).
 *
 * @module
 */

import type { EmbedLevel } from "../model/feed.ts";

/** What a query says. */
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

const FEED_PARAMETERS: ReadonlyMap<string, FeedParameter> = new Map(
  FEED_PARAMETER_NAMES,
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

/** Parses what follows the `?`; unknown parameters are ignored. */
export function parseQuery(text: string): Query {
  if (text === "") return EMPTY_QUERY;
  const parameters = parametersOf(text);
  const ofFeed: { [Name in FeedParameter]?: string } = {};
  for (const [name, member] of FEED_PARAMETERS) {
    const value = parameters.get(name);
    if (value !== undefined) ofFeed[member] = value;
  }
  const embed = parameters.get("embed")?.toLowerCase();
  return {
    ...ofFeed,
    embed: EMBED_LEVELS.get(embed ?? "none") ?? "none",
    format: parameters.get("format")?.toLowerCase() || undefined,
  };
}

/** The value of one parameter; undefined without it. */
export function parameterOf(text: string, name: string): string | undefined {
  return parametersOf(text).get(name);
}

/** The values of all parameters. One without `=` has an empty value. */
export function parametersOf(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const parameter of text.split("&")) {
    if (parameter === "") continue;
    const separator = parameter.indexOf("=");
    const end = separator < 0 ? parameter.length : separator;
    const name = decodeParameter(parameter.slice(0, end));
    const value = decodeParameter(parameter.slice(end + 1));
    const before = parameters.get(name);
    parameters.set(name, before === undefined ? value : `${before},${value}`);
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
