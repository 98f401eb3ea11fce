/**
 * Which numbers of a stream a page shows, and what the page may say of itself
 * for that (spec: streams §5.1 to §5.5). Pure.
 *
 * @module
 */

import type { PageRange } from "../model/feed.ts";
import type { VisibleRange } from "./visibility.ts";

/** A page's numbers before they are read. */
export interface PageWindow {
  /** Highest and lowest number to read; nothing to read if `high < low`. */
  readonly high: number;
  readonly low: number;
  /** Lowest number asked for, hidden ones included; may be below 0. */
  readonly lowestAsked: number;
  /** Whether the range alone says that the page reaches its end. */
  readonly reachesEnd: boolean;
  /** Whether what the page shows can never change. */
  readonly isImmutable: boolean;
  /** Whether every number asked for is hidden by `$tb` or `$maxCount`. */
  readonly isHidden: boolean;
}

/** Finds the numbers of a page in a stream whose last number is `head`. */
export function pageWindowOf(
  range: PageRange,
  head: number,
  { first }: VisibleRange,
): PageWindow {
  const { kind, count } = range;
  const from = kind === "head" ? head : Number(range.from);
  if (kind === "forward") {
    const highestAsked = from + count - 1;
    const isHidden = highestAsked < first;
    return {
      high: Math.min(highestAsked, head),
      low: Math.max(from, first),
      lowestAsked: from,
      // A page below the first visible number leads on to what is visible.
      reachesEnd: !isHidden && highestAsked >= head,
      isImmutable: head >= highestAsked,
      isHidden,
    };
  }
  const lowestAsked = from - count + 1;
  return {
    high: Math.min(from, head),
    low: Math.max(lowestAsked, first),
    lowestAsked,
    reachesEnd: lowestAsked <= first || from < first,
    isImmutable: kind === "backward" && from <= head,
    isHidden: from < first,
  };
}
