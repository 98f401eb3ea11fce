/**
 * Event numbers, positions and counts in paths, with the texts of the original
 * for bad ones (spec: streams §5.1, §8.3).
 *
 * @module
 */

import type { AllPosition, AllRange, PageRange } from "../model/feed.ts";
import type { Limits } from "../model/limits.ts";
import { malformed } from "./errors.ts";

/** Events of a page whose URI does not say how many. */
export const DEFAULT_PAGE_COUNT = 20;

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
