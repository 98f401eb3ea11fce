/**
 * The standard streams. What is printed is written at once: what the program
 * said last is there even when it ends right after. Secrets are typed without
 * an echo on a terminal, or are the first line of a pipe or a file.
 *
 * @module
 */

import { escapeControls } from "../telemetry/escape_controls.ts";
import { writeAll, writeText } from "../telemetry/logger.ts";
import { decodeUtf8 } from "../text/utf8.ts";
import { RunError } from "./failures.ts";

/** Bytes of a secret, and of what stands before its line ends. */
const SECRET_BYTES_MAX = 4096;
const INTERRUPT = 0x03;
const END = 0x04;
const BACKSPACES = [0x08, 0x7f];

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

/** Whether somebody types. */
export function isInputTerminal(): boolean {
  return Deno.stdin.isTerminal();
}

/** Whether somebody looks at standard output. */
export function isOutputTerminal(): boolean {
  return Deno.stdout.isTerminal();
}

/** Characters of a line where a terminal does not say how many it has. */
const DEFAULT_WIDTH = 80;

/** Characters of a line of that terminal; undefined: it is none. */
export function outputWidth(): number | undefined {
  if (!isOutputTerminal()) return undefined;
  try {
    // `script` and some containers make terminals of no columns.
    return Deno.consoleSize().columns || DEFAULT_WIDTH;
  } catch {
    return DEFAULT_WIDTH;
  }
}

/**
 * Reads a secret; on a terminal, it is asked for.
 *
 * @throws {RunError} If there is none.
 */
export async function readSecret(prompt: string): Promise<string> {
  const isTyped = isInputTerminal();
  if (isTyped) printNote(escapeControls(prompt));
  const line = await readSecretLine();
  if (isTyped) printNote("\n");
  if (line === undefined || line === "") {
    throw new RunError("Standard input has no password");
  }
  return line;
}

/**
 * Reads a line of standard input; on a terminal, without showing it.
 *
 * @returns Undefined if it ended, was interrupted, is too long or no UTF-8.
 */
export async function readSecretLine(): Promise<string | undefined> {
  const isTerminal = isInputTerminal();
  if (isTerminal) Deno.stdin.setRaw(true);
  try {
    return await readLine(isTerminal);
  } finally {
    if (isTerminal) Deno.stdin.setRaw(false);
  }
}

/** @param isTyped Whether control characters are keys. */
async function readLine(isTyped: boolean): Promise<string | undefined> {
  const line: number[] = [];
  const byte = new Uint8Array(1);
  while (line.length <= SECRET_BYTES_MAX) {
    const count = await Deno.stdin.read(byte);
    const value = byte[0] ?? 0;
    if (count === null) return line.length === 0 ? undefined : textOf(line);
    if (value === 0x0a || (isTyped && value === 0x0d)) return textOf(line);
    if (isTyped && (value === INTERRUPT || value === END)) return undefined;
    if (isTyped && BACKSPACES.includes(value)) dropCharacter(line);
    else line.push(value);
  }
  return undefined;
}

/** A character of UTF-8 is as many bytes as it takes. */
function dropCharacter(line: number[]): void {
  let dropped = line.pop();
  while (dropped !== undefined && (dropped & 0xc0) === 0x80) {
    dropped = line.pop();
  }
}

function textOf(line: readonly number[]): string | undefined {
  try {
    return decodeUtf8(new Uint8Array(line)).replace(/\r$/, "");
  } catch {
    return undefined;
  }
}
