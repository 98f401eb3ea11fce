/**
 * The lines of an export: one JSON document each (NDJSON).
 *
 * ```
 * first  {"quipuExport":1,"storeId":…}
 * event  {"position":…,"run":…,"stream":…,"number":…,"id":…,"type":…,
 *         "time":…,"isJson":…,"data":…,"metadata":…}
 * last   {"quipuExportEnd":1,"events":…,"end":…}
 * ```
 *
 * - `run`: position of the first event that was written by the same request;
 *   lines with the same one follow each other and are imported together. Left
 *   out where the store does not tell: then each event is imported by itself.
 * - `number`: left out for a tombstone, which has `"isTombstone":true`.
 * - `time`: ISO 8601, UTC, six digits after the second.
 * - `data`, `metadata`: the bytes as text; bytes that are no UTF-8 are in
 *   `dataBase64` and `metadataBase64` instead. Never parsed and written anew:
 *   what comes back is byte for byte what was there. `metadata` is left out
 *   when it is empty.
 * - The last line says how many events there were and up to which position:
 *   without it a file is not whole. Files may follow each other in one.
 *
 * Files made otherwise need neither first nor last line, nor `position` and
 * `run`: then each event is imported by itself.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";
import type { RecordedEvent } from "../model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import { parseIsoTime } from "../text/iso_time.ts";
import { isUuid } from "../text/uuid.ts";
import type { NumberedEvent } from "./transfer.ts";
import { decodeUtf8 } from "../text/utf8.ts";

const FORMAT = 1;

/** The first line. */
export function firstLine(storeId: string): string {
  return JSON.stringify({ quipuExport: FORMAT, storeId }) + "\n";
}

/** The last line. */
export function lastLine(events: number, end: number): string {
  return JSON.stringify({ quipuExportEnd: FORMAT, events, end }) + "\n";
}

/**
 * An event's line.
 *
 * @param run Position of the first event of its run; undefined: not known.
 */
export function eventLine(
  event: RecordedEvent,
  run: number | undefined,
): string {
  const { logPosition } = event;
  const ofRun = run === undefined ? "" : `"run":${run},`;
  return `{"position":${logPosition},${ofRun}` +
    membersOf({
      streamName: event.streamName,
      eventNumber: event.eventNumber,
      createdAtUs: event.createdAtUs,
      event,
    });
}

/** The line of an event that no store has yet. */
export function numberedLine(event: NumberedEvent): string {
  return `{${membersOf(event)}`;
}

/** The rest of a line: what every event has. */
function membersOf(
  { streamName, eventNumber, createdAtUs, event }: NumberedEvent,
): string {
  const number = eventNumber >= TOMBSTONE_EVENT_NUMBER
    ? `"isTombstone":true`
    : `"number":${eventNumber}`;
  const { eventId, eventType, isJson, data, metadata } = event;
  return `"stream":${JSON.stringify(streamName)},${number},` +
    `"id":"${eventId}","type":${JSON.stringify(eventType)},` +
    `"time":"${timeText(createdAtUs)}","isJson":${isJson}` +
    member("data", data) +
    (metadata.length === 0 ? "" : member("metadata", metadata)) +
    "}\n";
}

function member(name: string, bytes: string | Uint8Array): string {
  if (typeof bytes === "string") return `,"${name}":${JSON.stringify(bytes)}`;
  return isUtf8(bytes)
    ? `,"${name}":${JSON.stringify(decodeUtf8(bytes))}`
    : `,"${name}Base64":"${Buffer.from(bytes).toString("base64")}"`;
}

/** A time as lines have it. */
export function timeText(timeUs: number): string {
  const text = new Date(Math.floor(timeUs / 1000)).toISOString();
  return text.slice(0, -1) + String(timeUs % 1000).padStart(3, "0") + "Z";
}

/** A parsed line. */
export type TransferLine =
  | { readonly kind: "first" }
  /** The end is undefined where the line does not say it. */
  | {
    readonly kind: "last";
    readonly events: number;
    readonly end: number | undefined;
  }
  | {
    readonly kind: "event";
    readonly event: NumberedEvent;
    /** Undefined: the event is a run by itself. */
    readonly run: number | undefined;
  };

/** The fault of a line, in words, without a final period. */
export class LineError extends Error {
  override readonly name = "LineError";
}

/**
 * Reads a line.
 *
 * @throws {LineError} For one that is none.
 */
export function parseLine(text: string): TransferLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new LineError(
      `it is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new LineError("it is not a JSON object");
  }
  const members = parsed as Readonly<Record<string, unknown>>;
  if ("quipuExport" in members) {
    if (members["quipuExport"] === FORMAT) return { kind: "first" };
    throw new LineError("it has a later format");
  }
  if ("quipuExportEnd" in members) {
    return {
      kind: "last",
      events: countOf(members, "events"),
      end: members["end"] === undefined ? undefined : countOf(members, "end"),
    };
  }
  return {
    kind: "event",
    event: numberedEventOf(members),
    run: members["run"] === undefined ? undefined : countOf(members, "run"),
  };
}

const KNOWN_MEMBERS: ReadonlySet<string> = new Set([
  "position",
  "run",
  "stream",
  "number",
  "isTombstone",
  "id",
  "type",
  "time",
  "isJson",
  "data",
  "dataBase64",
  "metadata",
  "metadataBase64",
]);

function numberedEventOf(
  members: Readonly<Record<string, unknown>>,
): NumberedEvent {
  const unknown = Object.keys(members).find((name) => !KNOWN_MEMBERS.has(name));
  if (unknown !== undefined) throw new LineError(`"${unknown}" is unknown`);
  const isTombstone = members["isTombstone"] === true;
  const eventId = textOf(members, "id").toLowerCase();
  if (!isUuid(eventId)) throw new LineError(`"id" is no UUID`);
  const createdAtUs = parseIsoTime(textOf(members, "time"));
  if (createdAtUs === undefined || createdAtUs < 0) {
    throw new LineError(`"time" is no time such as 2026-03-01T12:00:00Z`);
  }
  const isJson = members["isJson"];
  if (typeof isJson !== "boolean") {
    throw new LineError(`"isJson" is neither true nor false`);
  }
  const streamName = textOf(members, "stream");
  if (isTombstone && members["number"] !== undefined) {
    throw new LineError("a tombstone has no number");
  }
  return {
    streamName,
    eventNumber: isTombstone
      ? TOMBSTONE_EVENT_NUMBER
      : countOf(members, "number"),
    createdAtUs,
    event: {
      eventId,
      eventType: textOf(members, "type"),
      isJson,
      data: bodyOf(members, "data"),
      metadata: bodyOf(members, "metadata"),
    },
  };
}

function textOf(
  members: Readonly<Record<string, unknown>>,
  name: string,
): string {
  const value = members[name];
  if (typeof value === "string") return value;
  throw new LineError(
    value === undefined ? `"${name}" is missing` : `"${name}" is no text`,
  );
}

function countOf(
  members: Readonly<Record<string, unknown>>,
  name: string,
): number {
  const value = members[name];
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw new LineError(
    value === undefined
      ? `"${name}" is missing`
      : `"${name}" is no whole number from 0 on`,
  );
}

const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function bodyOf(
  members: Readonly<Record<string, unknown>>,
  name: string,
): string | Uint8Array {
  const encoded = members[`${name}Base64`];
  if (encoded === undefined) {
    const text = members[name] === undefined ? "" : textOf(members, name);
    if (text.isWellFormed()) return text;
    throw new LineError(`"${name}" is not well-formed Unicode`);
  }
  if (members[name] !== undefined) {
    throw new LineError(`"${name}" and "${name}Base64" exclude each other`);
  }
  if (typeof encoded !== "string" || !BASE64.test(encoded)) {
    throw new LineError(`"${name}Base64" is no base64`);
  }
  return new Uint8Array(Buffer.from(encoded, "base64"));
}
