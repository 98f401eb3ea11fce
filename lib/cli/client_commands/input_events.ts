/**
 * Events to append, from a file or standard input: lines of JSON, one JSON
 * document over several lines, or an array.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { NewEvent } from "../../client/mod.ts";
import { LineFault, linesOf } from "../../store/transfer_lines.ts";
import { encodeUtf8, withoutMark } from "../../text/utf8.ts";
import { parseEventId } from "../../text/uuid.ts";
import { RunError } from "../failures.ts";
import { openInput } from "../named_files.ts";

/** How input is read. */
export interface InputOptions {
  /** File, or `-`. */
  readonly path: string;
  /** Type of all events, whose input is bare data; undefined: envelopes. */
  readonly eventType: string | undefined;
  /** Seed that ids are made from; undefined: they are random. */
  readonly idSeed: string | undefined;
  /** Ends the input when it is aborted. */
  readonly signal: AbortSignal;
}

/** Characters of one document: more than a request may have. */
const DOCUMENT_LENGTH_MAX = 64 * 1024 * 1024;

/**
 * Reads events until the input or the signal ends.
 *
 * @throws {RunError} For input that is none, with its line.
 */
export async function* readInputEvents(
  options: InputOptions,
): AsyncGenerator<NewEvent, void> {
  let index = 0;
  for await (const { value, line, text } of documentsOf(options)) {
    const event = options.eventType === undefined
      ? envelopeOf(value, line)
      : { eventType: options.eventType, data: value };
    const { idSeed } = options;
    yield event.eventId !== undefined || idSeed === undefined
      ? event
      : { ...event, eventId: idOf([idSeed, String(index), text]) };
    index++;
  }
}

interface Document {
  readonly value: unknown;
  /** Line where it begins, from 1 on. */
  readonly line: number;
  readonly text: string;
}

async function* documentsOf(
  options: InputOptions,
): AsyncGenerator<Document, void> {
  let started: { text: string; line: number } | undefined;
  for await (const { text, line } of linesIn(options)) {
    if (started === undefined) {
      if (text.trim() === "") continue;
      const parsed = tryParsing(text);
      if (parsed === undefined || Array.isArray(parsed.value)) {
        // The first line of a document, perhaps.
        started = { text, line };
      } else yield { value: parsed.value, line, text };
      continue;
    }
    started.text += "\n" + text;
    if (started.text.length > DOCUMENT_LENGTH_MAX) {
      throw badLine(started.line, "the document is too large: use lines");
    }
  }
  if (started === undefined || options.signal.aborted) return;
  const { text, line } = started;
  const parsed = tryParsing(text);
  if (parsed === undefined) throw badLine(line, "it is not JSON");
  if (!Array.isArray(parsed.value)) {
    yield { value: parsed.value, line, text };
    return;
  }
  for (const value of parsed.value) {
    yield { value, line, text: JSON.stringify(value) };
  }
}

/** Lines without their ends; the signal ends them. */
async function* linesIn(
  { path, signal }: InputOptions,
): AsyncGenerator<{ readonly text: string; readonly line: number }, void> {
  let line = 0;
  try {
    const { bytes } = await openInput(path, signal);
    for await (const text of linesOf(bytes)) {
      line++;
      yield { text: line === 1 ? withoutMark(text) : text, line };
    }
  } catch (error) {
    if (error instanceof LineFault) throw badLine(error.line, error.message);
    if (!signal.aborted) throw error;
  }
}

/** A text as JSON, every digit of its numbers kept. */
function tryParsing(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseExactly(text) };
  } catch {
    return undefined;
  }
}

type Reviver = (
  key: string,
  value: unknown,
  context: { readonly source?: string },
) => unknown;

/**
 * Parses JSON so that `JSON.stringify` writes each number as it was written.
 *
 * @throws {SyntaxError} If it is none.
 */
export function parseExactly(text: string): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const keep: Reviver = (_, value, { source }) =>
    typeof value === "number" && source !== undefined &&
      String(value) !== source
      ? rawJSON(source)
      : value;
  return /\d{16}|\.\d*0(?!\d)|[\dE][eE]/.test(text)
    ? JSON.parse(text, keep as (key: string, value: unknown) => unknown)
    : JSON.parse(text);
}

/** Members of an envelope; those besides the first are of what `read` shows. */
const MEMBERS: ReadonlySet<string> = new Set([
  "eventId",
  "eventType",
  "data",
  "metadata",
  "dataBase64",
  "streamName",
  "eventNumber",
  "createdAt",
  "place",
  "link",
]);

function envelopeOf(value: unknown, line: number): NewEvent {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badLine(line, "an event is an object; give --type for bare data");
  }
  const members = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(members).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) {
    throw badLine(
      line,
      `an event has no "${unknown}"; give --type for bare data`,
    );
  }
  const { eventId, eventType, data, metadata, dataBase64 } = members;
  if (typeof eventType !== "string" || eventType === "") {
    throw badLine(line, "eventType is missing");
  }
  const isIdGood = eventId === undefined ||
    typeof eventId === "string" && parseEventId(eventId) !== undefined;
  if (!isIdGood) throw badLine(line, "eventId is no UUID");
  return {
    eventType,
    data: typeof dataBase64 === "string" ? bytesOf(dataBase64, line) : data,
    metadata,
    eventId: eventId as string | undefined,
  };
}

function bytesOf(base64: string, line: number): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    throw badLine(line, "dataBase64 is not Base64");
  }
}

function badLine(line: number, reason: string): RunError {
  return new RunError(`Line ${line} of the input: ${reason}`);
}

/** A UUID (version 8) that follows from texts. */
function idOf(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) {
    hash.update(encodeUtf8(`${text.length}:${text}`));
  }
  const hex = hash.digest("hex");
  const variant = "89ab"[parseInt(hex[16] ?? "0", 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-` +
    `${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
