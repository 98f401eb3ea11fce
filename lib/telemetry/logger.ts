/**
 * The logger: one structured line an event, written at once.
 *
 *   2026-11-21T18:06:14.123Z info  segment.rolled segment=12 sizeBytes=268435456
 *   {"time":"2026-11-21T18:06:14.123Z","level":"info","event":"segment.rolled",…}
 *
 * For people at a terminal the time is local and short, and levels have colours.
 *
 * Invariants: nothing that a client sent can begin a new line, hide a part of
 * one or look like a further field; a line has a bounded length; logging never
 * throws.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import {
  type LeveledLogger,
  LOG_LEVELS,
  type LogFields,
  type LogLevel,
} from "../model/logger.ts";
import { escapeControls, hasControls } from "./escape_controls.ts";
import { encodeUtf8 } from "../text/utf8.ts";

export interface LoggerOptions {
  /** Least severity that is written, at first. */
  readonly level: LogLevel;
  readonly format: "text" | "json" | "terminal";
  readonly clock: Clock;
  /** Usually `Deno.stderr`. */
  readonly writer: SyncWriter;
}

/** UTF-16 units kept of a value; the rest is cut and marked with `…`. */
const VALUE_LENGTH_MAX = 1024;

/** Makes a logger; levels below `level` cost one call. */
export function createLogger(options: LoggerOptions): LeveledLogger {
  let least = LOG_LEVELS.indexOf(options.level);
  const encode = ENCODERS[options.format];
  function writerOf(level: LineLevel): LeveledLogger[LineLevel] {
    const severity = level === "audit" ? Infinity : LOG_LEVELS.indexOf(level);
    return (event, fields) => {
      if (severity < least) return;
      const time = new Date(Math.floor(options.clock.nowUs() / 1000));
      const line = encode({ time, level, event }, fields ?? {});
      writeText(options.writer, line + "\n");
    };
  }
  return {
    debug: writerOf("debug"),
    info: writerOf("info"),
    warn: writerOf("warn"),
    error: writerOf("error"),
    audit: writerOf("audit"),
    get level() {
      return LOG_LEVELS[least] ?? "error";
    },
    set level(level) {
      least = LOG_LEVELS.indexOf(level);
    },
  };
}

const ENCODERS = {
  text: encodeTextLine,
  json: encodeJsonLine,
  terminal: encodeTerminalLine,
} satisfies Record<
  LoggerOptions["format"],
  (head: LineHead, fields: LogFields) => string
>;

/** The kind of a line: a severity, or the audit. */
type LineLevel = LogLevel | "audit";

interface LineHead {
  readonly time: Date;
  readonly level: LineLevel;
  readonly event: string;
}

function encodeTextLine(head: LineHead, fields: LogFields): string {
  const { time, level, event } = head;
  return `${time.toISOString()} ${level.padEnd(5)} ${quoteIfNeeded(event)}` +
    encodeFields(fields);
}

const LEVEL_COLOURS = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
  audit: "\x1b[36m",
} satisfies Record<LineLevel, string>;
const COLOUR_END = "\x1b[0m";

function encodeTerminalLine(head: LineHead, fields: LogFields): string {
  const { time, level, event } = head;
  const clockTime = [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
  return `${clockTime} ${LEVEL_COLOURS[level]}${
    level.padEnd(5)
  }${COLOUR_END} ` +
    quoteIfNeeded(event) + encodeFields(fields);
}

function encodeFields(fields: LogFields): string {
  let line = "";
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    const text = typeof value === "string"
      ? quoteIfNeeded(clip(value))
      : String(value);
    line += ` ${quoteIfNeeded(key)}=${text}`;
  }
  return line;
}

/** Text that cannot be mistaken for anything but one value. */
const PLAIN = /^[^\s"'=\\]+$/;

function quoteIfNeeded(text: string): string {
  return PLAIN.test(text) && !hasControls(text)
    ? text
    : escapeControls(JSON.stringify(text));
}

function clip(text: string): string {
  return text.length <= VALUE_LENGTH_MAX
    ? text
    : text.slice(0, VALUE_LENGTH_MAX) + "…";
}

function encodeJsonLine(head: LineHead, fields: LogFields): string {
  const time = head.time.toISOString();
  const line: Record<string, unknown> = { ...head, time };
  for (const key in fields) {
    const value = fields[key];
    // A field must not take the place of what the logger itself says.
    const name = Object.hasOwn(head, key) ? key + "_" : key;
    line[name] = typeof value === "string"
      ? clip(value)
      : typeof value === "number" && !Number.isFinite(value)
      ? String(value)
      : value;
  }
  return escapeControls(JSON.stringify(line));
}

/**
 * Makes a switch for a server that no longer answers: it logs everything, and
 * the next time as before.
 *
 * @param usual Level to go to when everything is logged from the beginning;
 * `debug` counts as `info`.
 */
export function debugToggle(
  logger: LeveledLogger,
  usual: LogLevel,
): () => void {
  let before = usual === "debug" ? "info" : usual;
  return () => {
    const { level } = logger;
    const next = level === "debug" ? before : "debug";
    if (level !== "debug") before = level;
    // In the more talkative of the two, or nobody would read it.
    logger.level = "debug";
    logger.audit("log.level_changed", { by: "signal", level: next });
    logger.level = next;
  };
}

/** Takes bytes and tells how many it took. */
export interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

/**
 * Writes all of the text. When the other end is gone or full, the rest is
 * dropped: the server must not stop because nobody reads its log.
 */
export function writeText(writer: SyncWriter, text: string): void {
  try {
    writeAll(writer, text);
  } catch {
    // Broken pipe, or a full one that does not block.
  }
}

/**
 * Writes all of the text.
 *
 * @throws When the other end is gone or full.
 */
export function writeAll(writer: SyncWriter, text: string): void {
  let bytes = encodeUtf8(text);
  while (bytes.length > 0) {
    const written = writer.writeSync(bytes);
    if (written <= 0) throw new Error("nothing more is taken");
    bytes = bytes.subarray(written);
  }
}
