/**
 * Recorded exchanges: what stands in `golden/`, read into types.
 *
 * @module
 */

import { GOLDEN_FILES } from "./golden_files.ts";

/** What was sent. */
export interface RecordedRequest {
  readonly method: string;
  /**
   * May hold `{loc:N}`, the path of the Location that step N got, and
   * `{json:N:/pointer}`, the value there in the answer to step N.
   */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Step whose ETag goes out as If-None-Match. */
  readonly ifNoneMatchFromStep?: number;
  /** Time to let pass before sending. */
  readonly waitMs?: number;
  /** The request is sent again until its answer is as wished. */
  readonly until?: Wish;
}

/** The answer that a repeated request waits for. All that is given must hold. */
export interface Wish {
  readonly status?: number;
  readonly bodyIncludes?: string | readonly string[];
  /** Values by JSON pointer. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** Longest time for the attempts. Default: 10 s. */
  readonly timeoutMs?: number;
}

/** Of a list, the elements that were kept. */
export interface KeptElements {
  /** JSON pointer of the list. */
  readonly list: string;
  /** Members that a kept element has. */
  readonly where: Readonly<Record<string, unknown>>;
}

/** What came back. */
export interface RecordedAnswer {
  readonly status: number;
  /** Reason phrase. */
  readonly reason?: string;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Text of the body; undefined when `base64` holds it. Neither: the body was
   * not kept.
   */
  readonly body?: string;
  readonly base64?: string;
}

/** Instead of an answer: the connection broke, or nothing came. */
export interface RecordedFailure {
  readonly error: string;
}

export interface RecordedStep {
  readonly request: RecordedRequest;
  readonly response: RecordedAnswer | RecordedFailure;
  /** Only names and types of members are the same from run to run. */
  readonly shapeOnly?: boolean;
  /** The recorded server hung, failed, hung up or was wrong here. */
  readonly defect?: boolean;
  /** The recorded server refused with a 500: any 4xx with a text is right. */
  readonly refusal?: boolean;
  /**
   * JSON pointers (`*`: every member or element) whose values differ by nature,
   * so that only their types count; a name without a slash is a header.
   */
  readonly ignore?: readonly string[];
  /** Only these elements of a list were kept. */
  readonly only?: KeptElements;
}

export interface Scenario {
  readonly area: string;
  readonly name: string;
  readonly steps: readonly RecordedStep[];
}

/** Authority that the recorded server had. */
export const RECORDED_AUTHORITY = "127.0.0.1:2113";

/**
 * The recorded server really listened on port 3113. Where a proxy's header
 * changed the host of its links, that port is still there.
 */
const FORWARDED_WITH_RECORDED_PORT = /(\/\/[a-z.]+):3113\b/g;

/**
 * Areas whose scenarios need no order and no server of their own: one server
 * recorded them all, and a family of them is replayed on one.
 */
export const FAMILY_AREAS: ReadonlySet<string> = new Set([
  "projections",
  "subscriptions",
]);

/** Names of all recorded areas, sorted. */
export function areaNames(): string[] {
  return Object.keys(GOLDEN_FILES).sort();
}

/** Reads the scenarios of an area, in the order they were recorded. */
export function readArea(area: string): Scenario[] {
  return (GOLDEN_FILES[area] ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Scenario);
}

/** The scenarios of an area that are replayed on one server, in order. */
export function familiesIn(area: string): Scenario[][] {
  const scenarios = readArea(area);
  if (!FAMILY_AREAS.has(area)) return [scenarios];
  const families = Map.groupBy(scenarios, ({ name }) => name.split(":")[0]);
  return [...families.values()];
}

/** Whether the recorded server answered at all. */
export function isAnswer(
  response: RecordedAnswer | RecordedFailure,
): response is RecordedAnswer {
  return "status" in response;
}

/** Puts another authority where the recorded server's stands. */
export function withAuthority(text: string, authority: string): string {
  const [, port = "80"] = authority.split(":");
  return text
    .replaceAll(RECORDED_AUTHORITY, authority)
    .replaceAll(FORWARDED_WITH_RECORDED_PORT, `$1:${port}`);
}
