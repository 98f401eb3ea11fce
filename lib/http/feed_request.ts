/**
 * Parameters of requests for feeds and events: numbers, positions and counts
 * in paths, with the texts of the original for bad ones (spec: streams §5.1,
 * §8.3), and, additions to the original's interface, filters, times, and where
 * to begin.
 *
 * @module
 */

import { type EventFilter, filterOf } from "../model/event_filter.ts";
import type { AllPosition, AllRange, PageRange } from "../model/feed.ts";
import type { Limits } from "../model/limits.ts";
import type { LiveStart } from "../streams/outcomes.ts";
import { parseIsoTime } from "../text/iso_time.ts";
import { malformed } from "./errors.ts";
import type { Query } from "./router.ts";

/** The page of a feed whose URI names none. */
export const HEAD_PAGE = { kind: "head", count: 20 } as const;

const INT64_MAX = 2n ** 63n - 1n;
const INT32_MAX = 2 ** 31 - 1;

/**
 * Range of a backward page.
 *
 * @throws {Refusal} If an argument is bad.
 */
export function readBackwardRange(event: string, count: string): PageRange {
  const from = event === "head" ? undefined : readNumber(event);
  const pageCount = readCount(count, countText(count));
  return from === undefined
    ? { kind: "head", count: pageCount }
    : { kind: "backward", from, count: pageCount };
}

/** Range of a forward page. Throws as {@link readBackwardRange} does. */
export function readForwardRange(event: string, count: string): PageRange {
  const from = readNumber(event);
  return { kind: "forward", from, count: readCount(count, countText(count)) };
}

/**
 * Number of a single event. Beyond the safe integers it is inexact, which only
 * matters for numbers that no event has.
 *
 * @throws {Refusal} If it is none.
 */
export function readEventNumber(text: string): number | "head" {
  return text === "head" ? "head" : Number(readNumber(text));
}

/** Range of a backward page of the whole log. Throws as the others do. */
export function readAllBackwardRange(
  position: string,
  count: string,
): AllRange {
  const from = position === "head" ? undefined : readPosition(position);
  const pageCount = readCount(count, `Invalid count argument: ${count}`);
  return from === undefined
    ? { kind: "head", count: pageCount }
    : { kind: "backward", from, count: pageCount };
}

/** Range of a forward page of the whole log. Throws as the others do. */
export function readAllForwardRange(position: string, count: string): AllRange {
  const from = readPosition(position);
  const pageCount = readCount(count, `Invalid count argument: ${count}`);
  return { kind: "forward", from, count: pageCount };
}

/**
 * Checks that a page is within bounds.
 *
 * @throws {Refusal} If it has too many events.
 */
export function checkPageSize(
  { count }: { readonly count: number },
  { pageEventsMax }: Limits,
): void {
  if (count > pageEventsMax) {
    throw malformed(
      `Read size too big, should be less than ${pageEventsMax} items`,
    );
  }
}

function readNumber(text: string): number | bigint {
  if (/^\+?\d{1,15}$/.test(text)) return Number(text);
  if (/^\+?\d{1,64}$/.test(text)) {
    const number = BigInt(text.replace("+", ""));
    if (number <= INT64_MAX) {
      return number <= BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(number)
        : number;
    }
  }
  throw malformed(`'${text}' is not valid event number`);
}

function readCount(text: string, badText: string): number {
  const count = /^\+?\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count <= 0 || count > INT32_MAX) throw malformed(badText);
  return count;
}

function countText(count: string): string {
  return `'${count}' is not valid count. Should be positive integer`;
}

/**
 * 32 hex digits: the commit position and the prepare position. Both are signed
 * 64-bit numbers, and a negative one is refused, as there.
 */
function readPosition(text: string): AllPosition {
  if (!/^[0-7][0-9a-f]{15}[0-7][0-9a-f]{15}$/i.test(text)) {
    throw malformed(`Invalid position argument: ${text}`);
  }
  return {
    commit: readHex(text.slice(0, 16)),
    prepare: readHex(text.slice(16)),
  };
}

function readHex(digits: string): number | bigint {
  const number = BigInt("0x" + digits);
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number;
}

/** A view on a feed. */
interface FeedView {
  readonly filter: EventFilter | undefined;
  /** Microseconds since 1970; undefined: now. */
  readonly asOfUs: number | undefined;
  /** The query that keeps the view in links: empty, or `?` and parameters. */
  readonly linkQuery: string;
}

const PLAIN_VIEW: FeedView = {
  filter: undefined,
  asOfUs: undefined,
  linkQuery: "",
};

/**
 * Reads `filter-type`, `filter-stream`, `system` and `asOf`.
 *
 * @throws {Refusal} If one of them makes no sense.
 */
export function readFeedView(query: Query): FeedView {
  const { filterType, filterStream, system, asOf } = query;
  const isPlain = filterType === undefined && filterStream === undefined &&
    system === undefined && asOf === undefined;
  if (isPlain) return PLAIN_VIEW;
  const linked = [
    ["filter-type", filterType],
    ["filter-stream", filterStream],
    ["system", system],
    ["asOf", asOf],
  ].flatMap(([name, value]) =>
    value === undefined
      ? []
      : [`${name}=${encodeURIComponent(value.toWellFormed())}`]
  );
  return {
    filter: readFilter(query),
    asOfUs: asOf === undefined ? undefined : readTime("asOf", asOf),
    linkQuery: "?" + linked.join("&"),
  };
}

/**
 * A time in a parameter, in microseconds since 1970.
 *
 * @throws {Refusal} If it is none.
 */
function readTime(name: string, text: string): number {
  const timeUs = parseIsoTime(text);
  if (timeUs !== undefined) return timeUs;
  throw malformed(
    `Invalid ${name}: a date or a time with its zone is needed, such as ` +
      "2026-01-31 or 2026-01-31T12:00:00Z",
  );
}

function readFilter(
  { filterType, filterStream, system }: Query,
): EventFilter | undefined {
  const filter = filterOf({
    type: filterType,
    stream: filterStream,
    withSystem: readSystem(system),
  });
  if (typeof filter !== "string") return filter;
  const name = filter === "unreadableType" ? "filter-type" : "filter-stream";
  throw malformed(
    `Invalid ${name}: a name is needed, or its beginning and a *`,
  );
}

function readSystem(text: string | undefined): boolean | undefined {
  switch (text?.toLowerCase()) {
    case undefined:
      return undefined;
    case "true":
      return true;
    case "false":
      return false;
  }
  throw malformed("Invalid system: it is true or false");
}

/** The places where a request may say it; the first one counts. */
interface StartWish {
  /** `Last-Event-ID`. */
  readonly lastEventId: string | null;
  /** The parameter `from`. */
  readonly from: string | undefined;
  /** The page that was asked for; undefined: the feed as a whole. */
  readonly range: PageRange | AllRange | undefined;
  /** Whether places are positions in the whole log. */
  readonly isAll: boolean;
}

/**
 * Finds out where to begin: after the last event that the client has, or with
 * what `from` names, or with the events of the page; else with the first.
 *
 * @throws {Refusal} If the id or the parameter is none.
 */
export function readLiveStart(wish: StartWish): LiveStart {
  const { lastEventId, from, range, isAll } = wish;
  if (lastEventId !== null && lastEventId !== "") {
    const place = lastEventId === "-1" ? -1 : readPlace(lastEventId, isAll);
    if (place === undefined) throw malformed("Invalid Last-Event-ID");
    return { kind: "at", place: place + 1 };
  }
  if (from !== undefined) return readFrom(from, isAll);
  return range === undefined ? { kind: "at", place: 0 } : startOfPage(range);
}

/**
 * Reads the parameter `from`: `head`, a place or a time.
 *
 * @throws {Refusal} If it is nothing of that.
 */
export function readFrom(text: string, isAll: boolean): LiveStart {
  if (text.toLowerCase() === "head") return { kind: "head" };
  const place = readPlace(text, isAll);
  if (place !== undefined) return { kind: "at", place };
  return { kind: "time", timeUs: readTime("from", text) };
}

function startOfPage(range: PageRange | AllRange): LiveStart {
  switch (range.kind) {
    case "head":
      return { kind: "last", count: range.count };
    case "forward":
      return { kind: "at", place: placeOf(range.from) };
    case "backward": {
      const { from, count } = range;
      // A number is part of its page, a position comes after it.
      const before = placeOf(from) + (typeof from === "object" ? 0 : 1);
      return { kind: "last", count, before };
    }
  }
}

/** Beyond the safe integers a place is inexact, and far beyond every event. */
function placeOf(from: number | bigint | AllPosition): number {
  if (typeof from !== "object") return Number(from);
  const { commit, prepare } = from;
  return Number(commit) + (prepare > commit ? 1 : 0);
}

function readPlace(text: string, isAll: boolean): number | undefined {
  if (!isAll) return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (/^[0-9a-f]{32}$/i.test(text)) {
    return placeOf({
      commit: BigInt("0x" + text.slice(0, 16)),
      prepare: BigInt("0x" + text.slice(16)),
    });
  }
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
