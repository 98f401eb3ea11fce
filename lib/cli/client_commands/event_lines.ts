/**
 * Events as lines: for people, for scripts, and as JSON that `append` takes.
 *
 * @module
 */

import type { Client, RecordedEvent } from "../../client/mod.ts";
import { escapeControls } from "../../telemetry/escape_controls.ts";
import { outputWidth } from "../terminal.ts";
import { paint } from "./output.ts";

/** How events are shown. */
export interface EventLineOptions {
  readonly client: Client;
  readonly isJson: boolean;
}

/**
 * An event as a line, without its end: a line of JSON, on a terminal a line
 * that fits, else number, time, stream, type and data with tabs between them.
 *
 * Data that is not JSON is read by a request of its own.
 */
export async function eventLine(
  event: RecordedEvent,
  { client, isJson }: EventLineOptions,
): Promise<string> {
  if (isJson) return jsonLine(event, await bytesOf(event, client));
  const { eventNumber, createdAt, streamName, eventType } = event;
  const data = event.dataText === undefined
    ? "(no JSON)"
    : oneLine(event.dataText);
  const width = outputWidth();
  if (width === undefined) {
    return [eventNumber, createdAt, streamName, eventType, data]
      .map((cell) => escapeControls(String(cell))).join("\t");
  }
  const place = `${eventNumber}@${escapeControls(streamName)}`;
  const time = createdAt.slice(0, 23).replace("T", " ");
  const type = escapeControls(eventType);
  const left = width - place.length - time.length - type.length - 6;
  const shown = escapeControls(data);
  return `${paint("cyan", place)}  ${paint("dim", time)}  ${
    paint("bold", type)
  }  ` + (shown.length <= left ? shown : shown.slice(0, left - 1) + "…");
}

/** Bytes of an event's data; undefined: it is JSON. */
async function bytesOf(
  event: RecordedEvent,
  client: Client,
): Promise<Uint8Array | undefined> {
  return event.isJson ? undefined : await client.readBytes(event);
}

/** JSON is passed on as it is, so that no digit changes. */
function jsonLine(
  event: RecordedEvent,
  bytes: Uint8Array | undefined,
): string {
  const { streamName, eventNumber, eventId, eventType, createdAt } = event;
  const { metadata, link, place, dataText } = event;
  const head = JSON.stringify({
    streamName,
    eventNumber,
    eventId,
    eventType,
    createdAt,
    place,
    link,
    metadata,
    dataBase64: bytes === undefined || bytes.length === 0
      ? undefined
      : base64Of(bytes),
  });
  return dataText === undefined
    ? head
    : `${head.slice(0, -1)},"data":${oneLine(dataText)}}`;
}

/** JSON without line breaks: those in its strings are escaped. */
export function oneLine(json: string): string {
  return json.replace(/\r?\n */g, "");
}

function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
