/**
 * Takes in a backup that a server sends as a tar archive, and keeps it in a
 * directory just as a backup taken beside the store is kept.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type { BackupReport } from "../../../lib/store/transfer.ts";
import type { Disk } from "../../disk/disk.ts";
import type { BackupFileWriter } from "./backup_file.ts";
import { partOfFile } from "./backup_part.ts";
import { BackupTarget } from "./backup_target.ts";
import {
  BACKUP_SEGMENTS_NAME,
  MANIFEST_NAME,
  parseBackupFileName,
} from "../../disk/backup_names.ts";
import {
  type BackupFile,
  type BackupManifest,
  decodeManifest,
} from "./manifest.ts";
import { reportOf } from "./take_backup.ts";
import { decodeTarHeader, TAR_BLOCK_BYTES, tarSize } from "./tar.ts";
import { decodeJsonText } from "../../../lib/text/utf8.ts";

/** Lies beside the manifest. */
const LOCK_NAME = "lock";

/** The part of a backup that a receiver has already. */
interface HadFile {
  readonly name: string;
  readonly crc32: string;
}

/** A server's answer. */
export interface BackupAnswer {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How many; 0 when the server does not say. */
  readonly length: number;
}

export interface ReceiveOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** Asks the server for what is not there. */
  readonly request: (have: readonly HadFile[]) => Promise<BackupAnswer>;
  readonly control: JobControl;
}

/**
 * Receives a backup.
 *
 * @throws {QuipuError} `foreignFormat` when the directory holds something
 * else or the answer is no archive, `damaged` when the answer ends early or a
 * segment in it is damaged.
 */
export async function receiveBackup(
  options: ReceiveOptions,
): Promise<BackupReport> {
  const { disk, directory, request, control } = options;
  const target = await BackupTarget.open(disk, directory);
  try {
    const named = await target.namedFiles();
    const left = await adoptLeft(target);
    const have = new Map([...named, ...left].map((file) => [file.name, file]));
    const answer = await request(
      [...have.values()].map(({ name, crc32 }) => ({ name, crc32 })),
    );
    const received = await unpack(answer, target, control);
    for (const file of received.files) have.set(file.name, file);
    const { manifest } = received;
    const missing = manifest.segments.find((file) => {
      const there = have.get(file.name);
      return there?.crc32 !== file.crc32 || there.bytes !== file.bytes;
    });
    if (missing !== undefined) {
      throw new QuipuError(
        "damaged",
        `Cannot take in the backup: "${missing.name}" is not what its ` +
          `manifest says`,
      );
    }
    await target.complete(manifest);
    return reportOf(manifest, {
      copiedCount: received.files.length,
      copiedBytes: received.files.reduce((sum, { bytes }) => sum + bytes, 0),
    });
  } finally {
    await target.close();
  }
}

/** Takes what an interrupted backup left whole. */
async function adoptLeft(target: BackupTarget): Promise<BackupFile[]> {
  const adopted: BackupFile[] = [];
  for (const name of await target.leftNames()) {
    const file = await target.adopt(name);
    if (file !== undefined) adopted.push(file);
  }
  return adopted;
}

interface Received {
  readonly manifest: BackupManifest;
  readonly files: readonly BackupFile[];
}

/**
 * Reads the archive to its end. One that another program made of a backup's
 * directory has that directory's name before all others, other entries for
 * directories, and the manifest wherever it likes.
 */
async function unpack(
  answer: BackupAnswer,
  target: BackupTarget,
  control: JobControl,
): Promise<Received> {
  const input = new TarInput(answer, control);
  const files: BackupFile[] = [];
  let manifest: BackupManifest | undefined;
  while (true) {
    const entry = decodeTarHeader(await input.block());
    if (entry === "end") break;
    if (entry === "damaged") {
      throw new QuipuError(
        "foreignFormat",
        "Cannot restore the backup: it is not a tar archive",
      );
    }
    const [directory, name = ""] = entry.name.split("/").slice(-2);
    const last = name === "" ? directory : name;
    const isSegment = entry.isFile && directory === BACKUP_SEGMENTS_NAME &&
      parseBackupFileName(name) !== undefined;
    if (isSegment) {
      files.push(await readSegmentEntry(input, target, entry.bytes, name));
    } else if (entry.isFile && last === MANIFEST_NAME) {
      manifest = await readManifestEntry(input, entry.bytes);
    } else if (entry.isFile && last !== LOCK_NAME) {
      throw strangeEntry(entry.name);
    } else await input.skip(entry.bytes);
    await input.skip(tarSize(entry.bytes) - entry.bytes);
  }
  if (manifest === undefined) {
    throw new QuipuError("damaged", "Cannot take in the backup: it ends early");
  }
  return { manifest, files };
}

async function readManifestEntry(
  input: TarInput,
  bytes: number,
): Promise<BackupManifest> {
  const pieces: Uint8Array[] = [];
  await input.read(bytes, (piece) => {
    pieces.push(piece.slice());
  });
  const text = decodeJsonText(
    await new Blob(pieces as BlobPart[]).bytes(),
  );
  const manifest = decodeManifest(text);
  if (typeof manifest === "string") {
    throw new QuipuError(
      "damaged",
      `Cannot take in the backup: its manifest is ${manifest}`,
    );
  }
  return manifest;
}

/** A file's name is enough to write and check it. */
async function readSegmentEntry(
  input: TarInput,
  target: BackupTarget,
  bytes: number,
  name: string,
): Promise<BackupFile> {
  let writer: BackupFileWriter | undefined;
  try {
    const first: Uint8Array[] = [];
    await input.read(
      Math.min(bytes, TAR_BLOCK_BYTES),
      (piece) => first.push(piece.slice()),
    );
    const start = new Uint8Array(
      await new Blob(first as BlobPart[]).arrayBuffer(),
    );
    const part = partOfFile(name, start, bytes);
    if (part === undefined) throw strangeEntry(name);
    writer = await target.create(part);
    const open = writer;
    await open.write(start);
    await input.read(bytes - start.length, (piece) => open.write(piece));
    return await open.finish();
  } finally {
    writer?.abandon();
  }
}

function strangeEntry(name: string): QuipuError {
  return new QuipuError(
    "foreignFormat",
    `Cannot take in the backup: it holds "${name}"`,
  );
}

/** The archive's bytes as they come, read by count. */
class TarInput {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #control: JobControl;
  readonly #total: number;
  #piece: Uint8Array = new Uint8Array(0);
  #done = 0;

  constructor({ bytes, length }: BackupAnswer, control: JobControl) {
    this.#iterator = bytes[Symbol.asyncIterator]();
    this.#total = length;
    this.#control = control;
  }

  /** One block. */
  async block(): Promise<Uint8Array> {
    const block = new Uint8Array(TAR_BLOCK_BYTES);
    let have = 0;
    await this.read(block.length, (piece) => {
      block.set(piece, have);
      have += piece.length;
    });
    return block;
  }

  async skip(count: number): Promise<void> {
    await this.read(count, () => {});
  }

  /** Hands on the next `count` bytes; each piece is good until `use` is done. */
  async read(
    count: number,
    use: (piece: Uint8Array) => unknown,
  ): Promise<void> {
    for (let left = count; left > 0;) {
      if (this.#piece.length === 0) await this.#next();
      const piece = this.#piece.subarray(0, left);
      await use(piece);
      this.#piece = this.#piece.subarray(piece.length);
      left -= piece.length;
    }
  }

  async #next(): Promise<void> {
    this.#control.signal.throwIfAborted();
    const { done, value } = await this.#iterator.next();
    if (done === true) {
      throw new QuipuError(
        "damaged",
        "Cannot take in the backup: it ends early",
      );
    }
    this.#piece = value;
    this.#done += value.length;
    this.#control.report({
      phase: "receiving",
      done: this.#done,
      total: this.#total,
      unit: "bytes",
    });
  }
}
