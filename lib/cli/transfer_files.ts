/**
 * Files that commands read and write for their user, and the standard streams
 * in their place.
 *
 * @module
 */

import { writeOutput } from "../logging/standard_streams.ts";
import { RunError } from "./run_error.ts";
import type { ByteInput, TextOutput } from "./run_transfer.ts";

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
  const encoder = new TextEncoder();
  if (path === undefined) {
    return {
      write: (text) => writeAll({ write: writeOutput }, encoder.encode(text)),
      finish: () => Promise.resolve(),
      close() {},
    };
  }
  let file: Deno.FsFile;
  let isFinished = false;
  try {
    file = await Deno.open(path, { write: true, createNew: true });
  } catch (error) {
    throw new RunError(`Cannot create "${path}": ${reasonOf(error)}`);
  }
  return {
    write: (text) => writeAll(file, encoder.encode(text)),
    async finish() {
      await file.sync();
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
): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) {
      at += await writer.write(bytes.subarray(at));
    }
  } catch (error) {
    throw new RunError(`Cannot write the export: ${reasonOf(error)}`);
  }
}

/**
 * Opens a file; undefined is standard input.
 *
 * @throws {RunError} When it cannot be read.
 */
export async function openInput(path: string | undefined): Promise<ByteInput> {
  if (path === undefined) return { bytes: piecesOf(Deno.stdin), length: 0 };
  try {
    const file = await Deno.open(path, { read: true });
    const { size } = await file.stat();
    return { bytes: piecesOf(file), length: size };
  } catch (error) {
    throw new RunError(`Cannot read "${path}": ${reasonOf(error)}`);
  }
}

/** Each piece is good until the next one is asked for. */
async function* piecesOf(
  reader: { read(into: Uint8Array): Promise<number | null>; close(): void },
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES);
  try {
    while (true) {
      const count = await reader.read(buffer);
      if (count === null) return;
      yield buffer.subarray(0, count);
    }
  } catch (error) {
    throw new RunError(`Cannot read the lines: ${reasonOf(error)}`);
  } finally {
    reader.close();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.AlreadyExists) return "it is there already";
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  return error instanceof Error ? error.message : String(error);
}
