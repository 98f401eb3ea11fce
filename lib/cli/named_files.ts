/**
 * Files that a user names, as an option or an operand, and the standard streams
 * in their place. Something else in their place, such as a pipe that nobody
 * writes to, would have the program wait for ever: it is refused at once, but
 * for pipes that a shell made for this program.
 *
 * @module
 */

import { systemReasonOf } from "../text/system_errors.ts";
import { decodeUtf8, encodeUtf8, withoutMark } from "../text/utf8.ts";
import { RunError } from "./failures.ts";
import { writeOutput } from "./terminal.ts";

/** Larger than any file of options, password or certificate. */
const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** `<(command)` and standard input, as paths: somebody has their other end. */
const SHELL_PIPE = /^(\/dev\/stdin|\/(dev|proc\/(self|\d+))\/fd\/\d+)$/;

/** What a path leads to. */
type FileKind =
  | "file"
  | "directory"
  /** A pipe that a shell made: read once, from its start to its end. */
  | "stream"
  /** In words, for a refusal. */
  | { readonly strange: string };

/** @throws {Deno.errors.NotFound} and what else the system says. */
function fileKindOf(path: string): FileKind {
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

/**
 * Reads a file that an option names.
 *
 * @param what What it should be, in a message: `the certificate `.
 * @throws {RunError} If it cannot be read.
 */
export function readOptionFile(
  path: string,
  what = "",
): string {
  try {
    return readTextFile(path);
  } catch (error) {
    throw new RunError(
      `Cannot read ${what}"${path}": ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * The first line of a file that an option names.
 *
 * @throws {RunError} If it cannot be read.
 */
export function firstLineOf(path: string): string {
  return readOptionFile(path).split(/\r?\n/)[0] ?? "";
}

/** Where text goes. */
interface TextOutput {
  write(text: string): Promise<void>;
  /** Makes permanent what was written. */
  finish(): Promise<void>;
  /** Lets go of it, finished or not. */
  close(): void;
}

/** Where bytes come from. */
interface ByteInput {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How many; 0 if that is not known. */
  readonly length: number;
}

/** Bytes that are read at a time. */
const READ_BYTES = 256 * 1024;

/**
 * Creates a file; undefined is standard output.
 *
 * @throws {RunError} When it cannot be created, or is there already.
 */
export async function openOutput(
  path: string | undefined,
): Promise<TextOutput> {
  if (path === undefined) {
    return {
      write: (text) =>
        writeAll(
          { write: writeOutput },
          encodeUtf8(text),
          "standard output",
        ),
      finish: () => Promise.resolve(),
      close() {},
    };
  }
  let file: Deno.FsFile;
  let isFinished = false;
  try {
    file = await Deno.open(path, {
      write: true,
      createNew: true,
      // Events may hold anything: only this user may read them.
      mode: 0o600,
    });
  } catch (error) {
    throw new RunError(
      `Cannot create "${path}": ` +
        (error instanceof Deno.errors.NotFound
          ? "the directory that it is to stand in is not there"
          : reasonOf(error)),
    );
  }
  return {
    write: (text) => writeAll(file, encodeUtf8(text), `"${path}"`),
    async finish() {
      await file.sync().catch((error) => {
        throw new RunError(`Cannot sync "${path}": ${reasonOf(error)}`);
      });
      isFinished = true;
    },
    close() {
      file.close();
      // Half an export is of no use, and would be in the way of the next one.
      if (!isFinished) Deno.removeSync(path);
    },
  };
}

async function writeAll(
  writer: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
  named: string,
): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) {
      at += await writer.write(bytes.subarray(at));
    }
  } catch (error) {
    throw new RunError(`Cannot write ${named}: ${reasonOf(error)}`);
  }
}

/**
 * What an operand that names an input leads to; `-` is standard input.
 *
 * @throws {RunError} When it is not there, or nothing that can be read.
 */
export function kindOfInput(operand: string): "file" | "directory" | "stream" {
  if (operand === "-") return "stream";
  let kind: FileKind;
  try {
    kind = fileKindOf(operand);
  } catch (error) {
    throw new RunError(`Cannot read "${operand}": ${reasonOf(error)}`);
  }
  if (typeof kind !== "object") return kind;
  throw new RunError(
    `Cannot read "${operand}": ${kind.strange}, not a file; what a pipe ` +
      `brings is read from standard input, named -`,
  );
}

/**
 * Opens a file, or a pipe of the shell; `-` is standard input.
 *
 * @param signal Ends it, even while nothing comes.
 * @throws {RunError} When it cannot be read.
 */
export async function openInput(
  operand: string,
  signal: AbortSignal,
): Promise<ByteInput> {
  const kind = kindOfInput(operand);
  if (kind === "directory") {
    throw new RunError(`Cannot read "${operand}": it is a directory`);
  }
  if (operand === "-") {
    return { bytes: piecesOf(Deno.stdin, signal, "standard input"), length: 0 };
  }
  const named = `"${operand}"`;
  try {
    const file = await Deno.open(operand, { read: true });
    const { size } = await file.stat();
    return { bytes: piecesOf(file, signal, named), length: size };
  } catch (error) {
    throw new RunError(`Cannot read ${named}: ${reasonOf(error)}`);
  }
}

interface ByteReader {
  read(into: Uint8Array): Promise<number | null>;
  close(): void;
}

/** Each piece is good until the next one is asked for. */
async function* piecesOf(
  reader: ByteReader,
  signal: AbortSignal,
  named: string,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES);
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  aborted.promise.catch(() => {});
  signal.addEventListener("abort", abort);
  try {
    while (true) {
      signal.throwIfAborted();
      const count = await Promise.race([
        readFrom(reader, buffer, named),
        aborted.promise,
      ]);
      if (count === null) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // A read that is still waiting keeps what it reads from.
    if (!signal.aborted) reader.close();
  }
}

async function readFrom(
  reader: ByteReader,
  buffer: Uint8Array,
  named: string,
): Promise<number | null> {
  try {
    return await reader.read(buffer);
  } catch (error) {
    throw new RunError(`Cannot read ${named}: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.AlreadyExists) return "it is there already";
  return systemReasonOf(error);
}
