/**
 * What a query says about the events of a feed: filters, times, and where to
 * begin. Additions to the original's interface.
 *
 * @module
 */

import { type EventFilter, filterOf } from "../model/event_filter.ts";
import { parseIsoTime } from "../text/iso_time.ts";
import type { Query } from "./query.ts";
import { malformed } from "./errors.ts";

/** A view on a feed. */
export interface FeedView {
  readonly filter: EventFilter | undefined;
  /** Microseconds since 1970; undefined: now. */
  readonly asOfUs: number | undefined;
  /** What keeps the view in links: empty, or `?` and parameters. */
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
export function readTime(name: string, text: string): number {
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
