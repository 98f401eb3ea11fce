/**
 * Compares an answer with the recorded one.
 *
 * Compared are the status, every header, and the body: JSON with its members
 * in order, XML without white space between elements, HTML by what it shows,
 * everything else to the byte. Not comparable are the reason phrase,
 * Content-Length, and of 4xx answers the body (ours says what is wrong), its
 * Content-Type, and Cache-Control. An empty recorded value of a header and no
 * header are the same. The CORS lists may hold more names, but only those below;
 * some recordings left them out.
 *
 * @module
 */

import { compareHtml } from "./compare_html.ts";
import { compareJson, compareJsonShape } from "./compare_json.ts";
import { compareXml, compareXmlShape } from "./compare_xml.ts";
import { type Difference, difference } from "./difference.ts";
import type { SetAside } from "./json_pointer.ts";
import { parseJsonTree } from "./json_tree.ts";
import type { RecordedAnswer } from "./recording.ts";
import type { ServerMade } from "./server_made.ts";
import { parseXmlTree } from "./xml_tree.ts";

/** What a server answered. */
export interface Answer {
  readonly status: number;
  /** Reason phrase; undefined where there was no socket. */
  readonly reason?: string | undefined;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** Time from sending to the whole answer, as a stopwatch has it. */
  readonly elapsedMs: number;
}

/** How to compare. */
export interface CompareOptions extends SetAside {
  /** Whether only names and types of members count in the body. */
  readonly isShapeOnly: boolean;
  readonly made: ServerMade;
}

/** Longest time for an answer where the recorded server hung. */
export const DEFECT_ANSWER_MS_MAX = 1000;

/** Names that our CORS lists may hold beyond the recorded ones. */
const CORS_ADDITIONS: Readonly<Record<string, readonly string[]>> = {
  "access-control-allow-headers": [
    "ES-ResolveLinkTo",
    "ES-RequireMaster",
    "If-None-Match",
    "Last-Event-ID",
  ],
  "access-control-expose-headers": ["ETag"],
};

/** Headers of our own that tell browsers to be careful, and HTTP's own. */
const UNRECORDED_HEADERS = new Set([
  "connection",
  "content-length",
  "content-security-policy",
  "date",
  "keep-alive",
  "referrer-policy",
  "retry-after",
  "server",
  "transfer-encoding",
  "x-content-type-options",
  "x-frame-options",
]);

const REDIRECTED_ID = /^(.*\/incoming\/)([^/]+)$/;
const ETAG = /^"(-?\d+);(-?\d+)"$/;

/** Everything in which an answer is not as recorded. */
export function compareAnswer(
  recorded: RecordedAnswer,
  answered: Answer,
  options: CompareOptions,
): Difference[] {
  const found: Difference[] = [];
  if (recorded.status !== answered.status) {
    found.push(difference("status", recorded.status, answered.status));
  }
  found.push(...compareHeaders(recorded, answered, options));
  if (!isClientError(recorded.status)) {
    found.push(...compareBodies(recorded, answered, options));
  }
  return found;
}

/**
 * What is wrong with an answer where the recorded server failed: it must come
 * soon, blame nobody's server, and hold what its type says.
 */
export function judgeDefectAnswer(answered: Answer): Difference[] {
  const found: Difference[] = [];
  if (answered.elapsedMs > DEFECT_ANSWER_MS_MAX) {
    found.push(difference("time", "within 1 s", `${answered.elapsedMs} ms`));
  }
  if (answered.status < 200 || answered.status > 499) {
    found.push(difference("status", "2xx, 3xx or 4xx", answered.status));
  }
  const type = answered.headers.get("content-type") ?? "";
  const text = textOf(answered.body);
  if (isClientError(answered.status) || text === "") return found;
  try {
    if (isJson(type)) parseJsonTree(text);
    else if (isXml(type)) parseXmlTree(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    found.push(difference("body", type, text));
  }
  return found;
}

/**
 * What is wrong with a refusal for which the recorded server had no status but
 * 500: it must blame the request and say why.
 */
export function judgeRefusal(answered: Answer): Difference[] {
  const found: Difference[] = [];
  if (!isClientError(answered.status)) {
    found.push(difference("status", "4xx", answered.status));
  }
  if (answered.body.length === 0) {
    found.push(difference("body", "a text", ""));
  }
  return found;
}

function compareHeaders(
  recorded: RecordedAnswer,
  answered: Answer,
  options: CompareOptions,
): Difference[] {
  const wanted = new Map(
    Object.entries(recorded.headers).map((
      [name, value],
    ) => [name.toLowerCase(), value]),
  );
  const names = new Set([...wanted.keys(), ...answered.headers.keys()]);
  return [...names].sort().flatMap((name) => {
    if (!isComparable(name, recorded.status)) return [];
    if (options.ignore?.some((other) => other.toLowerCase() === name)) {
      return [];
    }
    if (name in CORS_ADDITIONS && !wanted.has(name)) return [];
    const want = wanted.get(name) ?? "";
    const got = answered.headers.get(name) ?? "";
    if (isSameHeader(name, { want, got, recorded, options })) return [];
    return [difference(`header ${name}`, want, got)];
  });
}

function isComparable(name: string, status: number): boolean {
  if (UNRECORDED_HEADERS.has(name)) return false;
  return !isClientError(status) ||
    (name !== "content-type" && name !== "cache-control");
}

function isSameHeader(
  name: string,
  { want, got, recorded, options }: {
    want: string;
    got: string;
    recorded: RecordedAnswer;
    options: CompareOptions;
  },
): boolean {
  const additions = CORS_ADDITIONS[name];
  if (additions !== undefined && want !== "") {
    return isSameList(want, got, additions);
  }
  if (name === "es-position") return options.made.isSameText(want, got);
  if (name === "location" && recorded.status === 307) {
    const places = [REDIRECTED_ID.exec(want), REDIRECTED_ID.exec(got)];
    const [wanted, given] = places;
    if (wanted && given) {
      return wanted[1] === given[1] &&
        options.made.isSameId(wanted[2] ?? "", given[2] ?? "");
    }
  }
  if (name === "etag" && options.isShapeOnly) {
    const hash = ETAG.exec(want)?.[2];
    return hash !== undefined && ETAG.exec(got)?.[2] === hash;
  }
  return want === got;
}

function isSameList(
  want: string,
  got: string,
  additions: readonly string[],
): boolean {
  const wanted = want.split(", ");
  const given = got.split(", ");
  return wanted.every((name) => given.includes(name)) &&
    given.every((name) => wanted.includes(name) || additions.includes(name)) &&
    new Set(given).size === given.length;
}

function compareBodies(
  recorded: RecordedAnswer,
  answered: Answer,
  options: CompareOptions,
): Difference[] {
  if (recorded.body === undefined && recorded.base64 === undefined) return [];
  const bytes = bytesOf(recorded);
  if (isSameBytes(bytes, answered.body)) return [];
  const texts = { recorded: textOf(bytes), answered: textOf(answered.body) };
  const type = recorded.headers["Content-Type"] ?? "";
  if (texts.recorded === "" || texts.answered === "") {
    // A body of a shape that the original forgot to write.
    if (texts.recorded === "" && options.isShapeOnly) return [];
    return [difference("body", texts.recorded, texts.answered)];
  }
  // `/info` is JSON whatever type was asked for.
  if (isJson(type) || texts.recorded.startsWith("{")) {
    return options.isShapeOnly
      ? compareJsonShape(texts)
      : compareJson(texts, options);
  }
  if (type.startsWith("text/html")) return compareHtml(texts);
  if (isXml(type)) {
    return options.isShapeOnly
      ? compareXmlShape(texts)
      : compareXml(texts, options.made);
  }
  if (options.isShapeOnly) return [];
  return [difference("body", texts.recorded, texts.answered)];
}

function bytesOf(recorded: RecordedAnswer): Uint8Array {
  return recorded.base64 === undefined
    ? new TextEncoder().encode(recorded.body ?? "")
    : Uint8Array.from(atob(recorded.base64), (char) => char.charCodeAt(0));
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, index) => byte === other[index]);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}

function isJson(type: string): boolean {
  return /^[^;]*json/.test(type);
}

function isXml(type: string): boolean {
  return /^[^;]*xml/.test(type);
}
