/**
 * Files that a user names. Something else in their place, such as a pipe that
 * nobody writes to, would have the program wait for ever: it is refused at
 * once, but for pipes that a shell made for this program.
 *
 * @module
 */

import { decodeUtf8, withoutMark } from "../text/utf8.ts";

/** Larger than any file of options, password or certificate. */
const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** `<(command)` and standard input, as paths: somebody has their other end. */
const SHELL_PIPE = /^(\/dev\/stdin|\/(dev|proc\/(self|\d+))\/fd\/\d+)$/;

/** What a path leads to. */
export type FileKind =
  | "file"
  | "directory"
  /** A pipe that a shell made: read once, from its start to its end. */
  | "stream"
  /** In words, for a refusal. */
  | { readonly strange: string };

/** @throws {Deno.errors.NotFound} and what else the system says. */
export function fileKindOf(path: string): FileKind {
  const info = Deno.statSync(path);
  if (info.isFile) return "file";
  if (info.isDirectory) return "directory";
  if (info.isFifo || info.isSocket) {
    return SHELL_PIPE.test(path)
      ? "stream"
      : { strange: info.isFifo ? "it is a pipe" : "it is a socket" };
  }
  return { strange: "it is a device" };
}

/**
 * Reads a small text.
 *
 * @throws {Error} With a reason in words, where it is no file; else what the
 * system says.
 */
export function readTextFile(path: string): string {
  const kind = fileKindOf(path);
  if (kind === "directory") throw new Error("it is a directory");
  if (typeof kind === "object") throw new Error(`${kind.strange}, not a file`);
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(TEXT_BYTES_MAX);
  let length = 0;
  while (length < bytes.length) {
    const count = file.readSync(bytes.subarray(length));
    if (count === null) {
      return withoutMark(decodeUtf8(bytes.subarray(0, length)));
    }
    length += count;
  }
  throw new Error("it is too large");
}
