/**
 * Files that commands read and write for their user, and the standard streams
 * in their place.
 *
 * @module
 */

import { type FileKind, fileKindOf } from "../runtime/plain_files.ts";
import { showCount } from "../text/quantities.ts";
import { systemReasonOf } from "../text/system_errors.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { RunError } from "./failures.ts";
import { writeOutput } from "./terminal.ts";

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

/** Says of events that are only taken when they are asked for. */
export function leftOutText(count: number): string {
  return count === 0 ? "" : `Left out ${showCount(count)} events of the ` +
    "system (users, rights, metadata, deletes): --with-system takes them\n";
}
