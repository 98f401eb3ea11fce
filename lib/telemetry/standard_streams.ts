/**
 * Whole lines to standard output and standard error, written at once: what the
 * program said last is there even when it ends right after.
 *
 * @module
 */

import { escapeControls } from "./escape_controls.ts";
import { encodeUtf8 } from "../text/utf8.ts";

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

/** Prints what a user may want to see; the program goes on without. */
export function printText(text: string): void {
  writeText(Deno.stdout, text);
}

/**
 * Prints what the user asked for.
 *
 * @throws When it cannot be printed: a result that nobody got is none.
 */
export function printAnswer(text: string): void {
  writeAll(Deno.stdout, text);
}

/**
 * Writes a part of what the user asked for, however long the whole is.
 *
 * @returns How many bytes were taken.
 * @throws When nobody reads on.
 */
export function writeOutput(bytes: Uint8Array): Promise<number> {
  return Deno.stdout.write(bytes);
}

/** Prints why the program ends, as one line. */
export function printFailure(message: string): void {
  writeText(Deno.stderr, `quipu: ${escapeControls(message)}\n`);
}

/** Writes to standard error what a user may see and no program reads. */
export function printNote(text: string): void {
  writeText(Deno.stderr, text);
}

/** Whether colours are wanted on a terminal: not with `NO_COLOR`. */
export function wantsColours(): boolean {
  return !Deno.noColor;
}

/** Whether somebody looks at standard error. */
export function isErrorTerminal(): boolean {
  return Deno.stderr.isTerminal();
}
