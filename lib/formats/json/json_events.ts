/**
 * Bodies of the types `events+json` and `event+json`: an array of events,
 * scanned as text so that what clients send in `data` and `metadata` is kept
 * without loss (spec: streams §2.3).
 *
 * @module
 */

import { JsonTextError, LayoutBudget } from "./json_layout.ts";
import { JSON_DEPTH_MAX, JsonScanner } from "./json_scanner.ts";
import { runSteps, STEP_LENGTH, type Steps } from "../../text/steps.ts";

export type JsonKind =
  | "object"
  | "array"
  | "string"
  | "number"
  | "boolean"
  | "null";

/** Value of a member. */
export interface JsonMember {
  readonly kind: JsonKind;
  /** Of a string: its characters. Of all else: re-indented JSON. */
  readonly text: string;
}

/** The known members of one event; the last of equal names counts. */
export interface ScannedEvent {
  eventId: JsonMember | undefined;
  eventType: JsonMember | undefined;
  data: JsonMember | undefined;
  metadata: JsonMember | undefined;
}

export type ScannedEvents =
  | {
    readonly kind: "events";
    /** `null` where the array holds a null. */
    readonly events: readonly (ScannedEvent | null)[];
  }
  /** No JSON, no array, or an item that is neither an object nor null. */
  | { readonly kind: "malformed" }
  | { readonly kind: "tooDeep" }
  /** A value would pass `layoutMax` once it is re-indented. */
  | { readonly kind: "tooLong" }
  | { readonly kind: "tooMany" };

export interface ScanEventsOptions {
  /** Nesting that is read, the array and the events included. */
  readonly depthMax?: number;
  /** Characters that one value may have, once it is laid out. */
  readonly layoutMax?: number;
  /** Events that are read. Default: no bound. */
  readonly eventsMax?: number;
}

/** Default of `layoutMax`: what an event may hold at most. */
const LAYOUT_MAX = 4 * 1024 * 1024;

/**
 * Scans an array of events. Names match in any case, unknown members are
 * skipped; leniently, as `json_scanner.ts` says.
 */
export function scanEventArray(
  text: string,
  options: ScanEventsOptions = {},
): ScannedEvents {
  return runSteps(scanEventArrayInSteps(text, options));
}

/** As {@link scanEventArray}, with a pause now and then between two members. */
export function* scanEventArrayInSteps(
  text: string,
  options: ScanEventsOptions = {},
): Steps<ScannedEvents> {
  const {
    depthMax = JSON_DEPTH_MAX,
    layoutMax = LAYOUT_MAX,
    eventsMax = Infinity,
  } = options;
  const scanner = new JsonScanner(text, {
    isLenient: true,
    depthMax,
    stringMax: layoutMax,
  });
  const events: (ScannedEvent | null)[] = [];
  const pauses = new Pauses();
  try {
    if (scanner.next() !== 0x5b) return { kind: "malformed" };
    scanner.open();
    while (scanner.nextItem(0x5d, events.length === 0)) {
      if (events.length >= eventsMax) return { kind: "tooMany" };
      events.push(yield* scanEventInSteps(scanner, layoutMax, pauses));
    }
    scanner.expectEnd();
  } catch (error) {
    if (error instanceof JsonTextError) return { kind: error.code };
    throw error;
  }
  return { kind: "events", events };
}

/** When a pause is due, by what was read. */
class Pauses {
  #nextAt = STEP_LENGTH;

  isDue(position: number): boolean {
    if (position < this.#nextAt) return false;
    this.#nextAt = position + STEP_LENGTH;
    return true;
  }
}

function* scanEventInSteps(
  scanner: JsonScanner,
  layoutMax: number,
  pauses: Pauses,
): Steps<ScannedEvent | null> {
  if (pauses.isDue(scanner.position)) yield;
  scanner.budget = new LayoutBudget(layoutMax);
  if (scanner.next() !== 0x7b) {
    if (scanner.copyValue(0) !== "null") scanner.fail();
    return null;
  }
  const event: ScannedEvent = {
    eventId: undefined,
    eventType: undefined,
    data: undefined,
    metadata: undefined,
  };
  scanner.open();
  for (
    let isFirst = true;
    scanner.nextItem(0x7d, isFirst);
    isFirst = false
  ) {
    const name = memberOf(scanner.readName());
    scanner.budget = new LayoutBudget(layoutMax);
    scanner.colon();
    if (name === undefined) scanner.copyValue(0);
    else event[name] = scanMember(scanner);
    if (pauses.isDue(scanner.position)) yield;
  }
  return event;
}

/** Known member that the name means. */
function memberOf(name: string): keyof ScannedEvent | undefined {
  switch (name) {
    case "eventId":
    case "eventType":
    case "data":
    case "metadata":
      return name;
  }
  switch (name.toLowerCase()) {
    case "eventid":
      return "eventId";
    case "eventtype":
      return "eventType";
    case "data":
      return "data";
    case "metadata":
      return "metadata";
  }
  return undefined;
}

function scanMember(scanner: JsonScanner): JsonMember {
  const code = scanner.next();
  if (code === 0x22 || (code === 0x27 && scanner.isLenient)) {
    return { kind: "string", text: scanner.readString() };
  }
  const text = scanner.copyValue(0);
  return { kind: kindOf(text), text };
}

function kindOf(json: string): JsonKind {
  switch (json.charCodeAt(0)) {
    case 0x7b:
      return "object";
    case 0x5b:
      return "array";
    case 0x22:
      return "string";
    case 0x74:
    case 0x66:
      return "boolean";
    case 0x6e:
      return "null";
    default:
      return "number";
  }
}
