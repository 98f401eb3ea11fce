/**
 * Recorded exchanges: what stands in `golden/`, read into types.
 *
 * @module
 */

import { dirname, fromFileUrl, join } from "@std/path";

/** What was sent. */
export interface RecordedRequest {
  readonly method: string;
  /** May hold `{loc:N}`: the path of the Location that step N got. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Step whose ETag goes out as If-None-Match. */
  readonly ifNoneMatchFromStep?: number;
  /** Time to let pass before sending. */
  readonly waitMs?: number;
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
  /** The recorded server hung, failed or hung up here. */
  readonly defect?: boolean;
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

const GOLDEN = join(dirname(fromFileUrl(import.meta.url)), "golden");

/** Names of all recorded areas, sorted. */
export function areaNames(): string[] {
  return [...Deno.readDirSync(GOLDEN)]
    .filter((file) => file.name.endsWith(".jsonl"))
    .map((file) => file.name.slice(0, -".jsonl".length))
    .sort();
}

/** Reads the scenarios of an area, in the order they were recorded. */
export function readArea(area: string): Scenario[] {
  return Deno.readTextFileSync(join(GOLDEN, `${area}.jsonl`))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Scenario);
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
