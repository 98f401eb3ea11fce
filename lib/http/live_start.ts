/**
 * Where a live feed begins, as requests say it.
 *
 * @module
 */

import type { AllPosition, AllRange, PageRange } from "../model/feed.ts";
import type { LiveStart } from "../streams/outcomes.ts";
import { readTime } from "./feed_query.ts";
import { malformed } from "./errors.ts";

/** What a request says of it; what it says first counts. */
export interface StartWish {
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
