/**
 * Whole JSON texts, re-indented without loss.
 *
 * @module
 */

import { JsonTextError, newlineAt } from "./json_layout.ts";
import { JSON_DEPTH_MAX, JsonScanner } from "./json_scanner.ts";
import { copyableStringEnd, numberEnd } from "./json_string.ts";

export interface ReindentOptions {
  /** Depth of the place where the value is put: its lines are indented by so many steps more. */
  readonly depth?: number;
  /** Reads what Json.NET reads; see `json_scanner.ts`. */
  readonly isLenient?: boolean;
  /** Nesting that is read. */
  readonly depthMax?: number;
}

/**
 * Writes a JSON value with two spaces a level, `"name": value`, `{}` and `[]`
 * when empty; order, duplicates and the spelling of numbers stay.
 *
 * @returns `undefined` when `text` is not one JSON value, nested deeper than
 * `depthMax`, or of a shape that would grow beyond measure.
 */
export function reindentJson(
  text: string,
  options: ReindentOptions = {},
): string | undefined {
  const { depth = 0, isLenient = false, depthMax = JSON_DEPTH_MAX } = options;
  // JSON that this program stored is laid out already.
  if (isIndentedJson(text, depthMax)) {
    return depth === 0 ? text : text.replaceAll("\n", newlineAt(depth));
  }
  try {
    const scanner = new JsonScanner(text, { isLenient, depthMax });
    const value = scanner.copyValue(depth);
    scanner.expectEnd();
    return value;
  } catch (error) {
    if (error instanceof JsonTextError) return undefined;
    throw error;
  }
}

/** Whether the text is what {@link reindentJson} would make of it. */
export function isIndentedJson(
  text: string,
  depthMax: number = JSON_DEPTH_MAX,
): boolean {
  return indentedEnd(text, 0, 0, depthMax) === text.length;
}

/**
 * Finds the end of a value that is laid out as {@link reindentJson} does.
 *
 * @returns Index after it, or -1.
 */
function indentedEnd(
  text: string,
  start: number,
  depth: number,
  depthMax: number,
): number {
  switch (text.charCodeAt(start)) {
    case 0x22:
      return copyableStringEnd(text, start);
    case 0x7b:
      return indentedItemsEnd(text, start, depth, depthMax, 0x7d);
    case 0x5b:
      return indentedItemsEnd(text, start, depth, depthMax, 0x5d);
    case 0x74:
      return text.startsWith("true", start) ? start + 4 : -1;
    case 0x66:
      return text.startsWith("false", start) ? start + 5 : -1;
    case 0x6e:
      return text.startsWith("null", start) ? start + 4 : -1;
    default:
      return numberEnd(text, start);
  }
}

function indentedItemsEnd(
  text: string,
  start: number,
  depth: number,
  depthMax: number,
  end: number,
): number {
  let index = start + 1;
  if (text.charCodeAt(index) === end) return index + 1;
  if (depth >= depthMax) return -1;
  for (;;) {
    index = afterNewline(text, index, depth + 1);
    if (index < 0) return -1;
    if (end === 0x7d) {
      if (text.charCodeAt(index) !== 0x22) return -1;
      index = copyableStringEnd(text, index);
      if (
        index < 0 || text.charCodeAt(index) !== 0x3a ||
        text.charCodeAt(index + 1) !== 0x20
      ) return -1;
      index += 2;
    }
    index = indentedEnd(text, index, depth + 1, depthMax);
    if (index < 0) return -1;
    if (text.charCodeAt(index) === 0x2c) {
      index++;
      continue;
    }
    index = afterNewline(text, index, depth);
    return index >= 0 && text.charCodeAt(index) === end ? index + 1 : -1;
  }
}

/** Index after a line break and the indentation of `depth`, or -1. */
function afterNewline(text: string, start: number, depth: number): number {
  if (text.charCodeAt(start) !== 0x0a) return -1;
  const end = start + 1 + 2 * depth;
  for (let index = start + 1; index < end; index++) {
    if (text.charCodeAt(index) !== 0x20) return -1;
  }
  return end;
}
