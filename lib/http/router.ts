/**
 * Takes request targets apart and finds their routes. The table is compiled once into a tree
 * that is walked segment by segment, so that a request costs a few map
 * look-ups, however many routes there are.
 *
 * The target is taken as it came over the wire: nothing here makes a path or a
 * host of it, so `..`, backslashes and absolute forms are only odd names.
 *
 * @module
 */

import type { EmbedLevel } from "../model/feed.ts";
import { decodeSegmentAgain } from "../text/path_segment.ts";

/** The fields of a row that routing reads. */
interface RoutedRow {
  readonly method: string;
  readonly template: string;
}

/** The routes of one URI. */
interface Resource<Row> {
  readonly routes: ReadonlyMap<string, Row>;
  /** Value of `Access-Control-Allow-Methods` (spec: http-api §5.2). */
  readonly allowedMethods: string;
}

/** Parts of a request target. */
export interface RequestTarget {
  /** As it was sent, percent-escapes and all; starts with `/`. */
  readonly path: string;
  /** The part after the `?`; empty without one. */
  readonly query: string;
}

/** Where a path leads. */
interface Destination<Row> {
  readonly resource: Resource<Row>;
  /** Decoded segments; a placeholder's value has the index it has in the template. */
  readonly segments: readonly string[];
}

/** Compiled routes. */
interface Router<Row> {
  /**
   * Finds what a path leads to: `undefined` when nothing has it, `"malformed"`
   * when its percent-escapes are broken.
   */
  find(path: string): Destination<Row> | "malformed" | undefined;
}

/** Compiles a table of routes. */
export function createRouter<Row extends RoutedRow>(
  routes: readonly Row[],
): Router<Row> {
  const templates = routes.map((route) => compileTemplate(route));
  const root = buildNode(templates.map((template) => ({ template, depth: 0 })));

  function findPlain(path: string): Destination<Row> | undefined {
    const segments = path.slice(1).split("/");
    let node = root;
    for (const segment of segments) {
      const next = node.literals.get(segment) ??
        (segment === "" ? undefined : node.other);
      if (next === undefined) return undefined;
      node = next;
    }
    const { resource } = node;
    return resource === undefined ? undefined : { resource, segments };
  }

  function findEscaped(
    path: string,
  ): Destination<Row> | "malformed" | undefined {
    const decoded = decodePath(path);
    if (decoded === undefined) return "malformed";
    const segments: string[] = [];
    let node = root;
    let wasWord = false;
    for (const { text, followsEscape } of decoded) {
      const literal = node.literals.get(text);
      const isWord = literal !== undefined && text !== "";
      // `%2F` stands between values or at the end, never beside a word.
      if (followsEscape && (isWord || wasWord)) return undefined;
      const next = literal ?? (text === "" ? undefined : node.other);
      if (next === undefined) return undefined;
      segments.push(isWord ? text : decodeSegmentAgain(text));
      wasWord = isWord;
      node = next;
    }
    const { resource } = node;
    return resource === undefined ? undefined : { resource, segments };
  }

  return {
    find(path) {
      return path.includes("%") ? findEscaped(path) : findPlain(path);
    },
  };
}

/**
 * Takes a request URL apart without normalising it.
 *
 * @param url `scheme://authority/path?query#fragment`, each part as it was sent.
 */
export function parseTarget(url: string): RequestTarget {
  const authorityStart = url.indexOf("://") + 3;
  const fragmentStart = url.indexOf("#", authorityStart);
  const end = fragmentStart < 0 ? url.length : fragmentStart;
  let queryStart = url.indexOf("?", authorityStart);
  if (queryStart < 0 || queryStart > end) queryStart = end;
  const pathStart = url.indexOf("/", authorityStart);
  const hasPath = pathStart >= 0 && pathStart < queryStart;
  return {
    path: hasPath ? url.slice(pathStart, queryStart) : "/",
    query: url.slice(queryStart + 1, end),
  };
}

/**
 * Escapes what no URI holds, in a part of a target that goes out again: targets
 * are taken as they come, and come with anything but blanks.
 */
export function escapeForUri(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x20"<>\\^`{|}\x7f]|[^\x00-\x7f]+/g,
    (characters) => encodeURIComponent(characters.toWellFormed()),
  );
}

/** A segment of a path, decoded once. */
interface PathSegment {
  readonly text: string;
  /** Whether `%2F` stood before it, and no slash. */
  readonly followsEscape: boolean;
}

/** Decodes a path once; undefined when its escapes are broken. */
function decodePath(path: string): PathSegment[] | undefined {
  const segments: PathSegment[] = [];
  for (const raw of path.slice(1).split("/")) {
    let decoded = raw;
    if (raw.includes("%")) {
      try {
        decoded = decodeURIComponent(raw);
      } catch {
        return undefined;
      }
    }
    for (const [index, text] of decoded.split("/").entries()) {
      segments.push({ text, followsEscape: index > 0 });
    }
  }
  return segments;
}

type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "placeholder" }
  | { readonly kind: "greedy" };

interface Template<Row> {
  readonly route: Row;
  readonly segments: readonly Segment[];
}

/** A template of which `depth` segments have been met. */
interface Candidate<Row> {
  readonly template: Template<Row>;
  readonly depth: number;
}

interface Node<Row> {
  readonly literals: ReadonlyMap<string, Node<Row>>;
  /** For any segment that is not empty and no literal. */
  readonly other: Node<Row> | undefined;
  readonly resource: Resource<Row> | undefined;
}

function compileTemplate<Row extends RoutedRow>(route: Row): Template<Row> {
  const segments = route.template.slice(1).split("/").map((text): Segment => {
    if (text.startsWith("{*")) return { kind: "greedy" };
    if (text.startsWith("{")) return { kind: "placeholder" };
    return { kind: "literal", text };
  });
  return { route, segments };
}

function buildNode<Row extends RoutedRow>(
  candidates: readonly Candidate<Row>[],
): Node<Row> {
  const literals = new Map<string, Node<Row>>();
  for (const { template, depth } of candidates) {
    const segment = template.segments[depth];
    if (segment?.kind === "literal" && !literals.has(segment.text)) {
      literals.set(segment.text, buildNode(advance(candidates, segment.text)));
    }
  }
  const others = advance(candidates, undefined);
  const isGreedy = others.length > 0 &&
    others.length === candidates.length &&
    others.every((other) => candidates.includes(other));
  const node: { -readonly [K in keyof Node<Row>]: Node<Row>[K] } = {
    literals,
    other: undefined,
    resource: resourceOf(candidates),
  };
  // A greedy end stays where it is, whatever comes.
  node.other = isGreedy
    ? node
    : others.length === 0
    ? undefined
    : buildNode(others);
  return node;
}

/** Candidates that are left after a segment; `undefined`: one that is no literal. */
function advance<Row>(
  candidates: readonly Candidate<Row>[],
  text: string | undefined,
): Candidate<Row>[] {
  const left: Candidate<Row>[] = [];
  for (const candidate of candidates) {
    const { template, depth } = candidate;
    const segment = template.segments[depth];
    const previous = template.segments[depth - 1];
    if (segment === undefined) {
      if (previous?.kind === "greedy") left.push(candidate);
    } else if (
      segment.kind === "literal" ? segment.text === text : text !== ""
    ) {
      left.push({ template, depth: depth + 1 });
    }
  }
  return left;
}

function resourceOf<Row extends RoutedRow>(
  candidates: readonly Candidate<Row>[],
): Resource<Row> | undefined {
  const complete = candidates
    .filter(({ template, depth }) => depth === template.segments.length)
    .map(({ template }) => template)
    .sort(compareLiteralness);
  if (complete.length === 0) return undefined;
  const routes = new Map<string, Row>();
  // The most literal one comes last and wins; of equals the first.
  let previous: Template<Row> | undefined;
  for (const template of complete) {
    const { route } = template;
    const isEqual = previous !== undefined &&
      previous.route.method === route.method &&
      compareLiteralness(previous, template) === 0;
    if (!isEqual) routes.set(route.method, route);
    previous = template;
  }
  const methods = complete.map((template) => template.route.method);
  return { routes, allowedMethods: [...methods, "OPTIONS"].join(", ") };
}

const LITERALNESS = { greedy: 0, placeholder: 1, literal: 2 } as const;

/** Less literal ones first, judged from the left. */
function compareLiteralness<Row>(a: Template<Row>, b: Template<Row>): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let index = 0; index < length; index++) {
    const difference = literalnessAt(a, index) - literalnessAt(b, index);
    if (difference !== 0) return difference;
  }
  return 0;
}

function literalnessAt<Row>(template: Template<Row>, index: number): number {
  const segment = template.segments[index];
  return segment === undefined ? LITERALNESS.greedy : LITERALNESS[segment.kind];
}

/**
 * Parses a query. Names are case-sensitive; the values of a repeated one are
 * joined by a comma, which usually means nothing (spec: http-api §2).
 */
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
const FEED_PARAMETERS: ReadonlyMap<string, FeedParameter> = new Map([
  ["from", "from"],
  ["asOf", "asOf"],
  ["filter-type", "filterType"],
  ["filter-stream", "filterStream"],
  ["system", "system"],
]);

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
export function parametersOf(
  text: string,
  decode: (part: string) => string = decodeParameter,
): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const parameter of text.split("&")) {
    if (parameter === "") continue;
    const separator = parameter.indexOf("=");
    const end = separator < 0 ? parameter.length : separator;
    const name = decode(parameter.slice(0, end));
    const value = decode(parameter.slice(end + 1));
    const before = parameters.get(name);
    parameters.set(name, before === undefined ? value : `${before},${value}`);
  }
  return parameters;
}

/** Decodes a part of a query, a plus as the blank that forms make of it. */
export function decodeParameter(text: string): string {
  return decodeEscapes(text.replaceAll("+", " "));
}

/** Broken escapes stay as they are: they make no name or value that is known. */
export function decodeEscapes(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
