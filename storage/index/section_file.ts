/**
 * A file of sections, each under its own checksum, that are read as a whole:
 * straight into the memory that keeps them.
 *
 * ```
 * header    4096 bytes: what the file's owner writes, then from 2048 on for
 *           each section u64 length, u32 CRC-32; the last 4 bytes: u32 CRC-32
 *           of all before them
 * sections  one after the other
 * ```
 *
 * Numbers are little-endian. So is every machine that the program runs on: the
 * elements of typed arrays stand in the file as they stand in memory.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { QuipuError } from "../../lib/model/errors.ts";
import type { DiskFile } from "../disk/disk.ts";
import { SyncedWriter } from "../disk/synced_writer.ts";
import { bytesOf, getSafeUint64, setSafeUint64 } from "../log/bytes.ts";

const HEADER_BYTES = 4096;
const SECTIONS_AT = 2048;
const SECTION_ENTRY_BYTES = 12;
const CRC_AT = HEADER_BYTES - 4;
/** Bytes read at a time: calls for more may return less. */
const READ_BYTES = 16 * 1024 * 1024;

/** Bytes of the header that are the owner's. */
const OWN_HEADER_BYTES = SECTIONS_AT;

interface Section {
  byteLength: number;
  crc: number;
}

/** Writes a file of sections. */
export class SectionWriter {
  readonly #file: SyncedWriter;
  readonly #sections: Section[] = [];
  #end = HEADER_BYTES;

  constructor(file: DiskFile) {
    this.#file = new SyncedWriter(file);
  }

  /** Begins the next section. */
  begin(): void {
    this.#sections.push({ byteLength: 0, crc: 0 });
  }

  /** Writes more of the section; the bytes must stay as they are meanwhile. */
  async write(bytes: Uint8Array): Promise<void> {
    const section = this.#sections[this.#sections.length - 1];
    if (section === undefined || bytes.length === 0) return;
    section.crc = crc32(bytes, section.crc);
    section.byteLength += bytes.length;
    await this.#file.writeAt(bytes, this.#end);
    this.#end += bytes.length;
  }

  /**
   * Writes the header, and syncs: from now on the file is whole.
   *
   * @param own The owner's part, at most {@link OWN_HEADER_BYTES}.
   */
  async finish(own: Uint8Array): Promise<void> {
    const { array, view } = bytesOf(new Uint8Array(HEADER_BYTES));
    array.set(own);
    let at = SECTIONS_AT;
    for (const { byteLength, crc } of this.#sections) {
      setSafeUint64(view, at, byteLength);
      view.setUint32(at + 8, crc, true);
      at += SECTION_ENTRY_BYTES;
    }
    view.setUint32(CRC_AT, crc32(array.subarray(0, CRC_AT)), true);
    await this.#file.writeAt(array, 0);
    await this.#file.sync();
  }
}

/** Reads a file of sections. */
export class SectionReader {
  /** The owner's part of the header. */
  readonly header: Uint8Array;
  readonly #file: DiskFile;
  readonly #sections: readonly (Section & { readonly offset: number })[];

  private constructor(
    file: DiskFile,
    header: Uint8Array,
    sections: readonly (Section & { readonly offset: number })[],
  ) {
    this.#file = file;
    this.header = header;
    this.#sections = sections;
  }

  /** Reads the header; undefined when it, or the file's length, is not right. */
  static open(
    file: DiskFile,
    sectionCount: number,
  ): SectionReader | undefined {
    const { array, view } = bytesOf(new Uint8Array(HEADER_BYTES));
    if (file.readAt(array, 0) !== HEADER_BYTES) return undefined;
    const checksum = view.getUint32(CRC_AT, true);
    if (checksum !== crc32(array.subarray(0, CRC_AT))) return undefined;
    let offset = HEADER_BYTES;
    const sections = Array.from({ length: sectionCount }, (_, index) => {
      const at = SECTIONS_AT + index * SECTION_ENTRY_BYTES;
      const byteLength = getSafeUint64(view, at);
      const section = { offset, byteLength, crc: view.getUint32(at + 8, true) };
      offset += byteLength;
      return section;
    });
    if (file.size() !== offset) return undefined;
    const header = array.subarray(0, OWN_HEADER_BYTES);
    return new SectionReader(file, header, sections);
  }

  /** Bytes of a section. */
  byteLengthOf(index: number): number {
    return this.#sections[index]?.byteLength ?? 0;
  }

  /**
   * Reads a section into the start of a typed array.
   *
   * @throws {QuipuError} `corruptRecord` when it is not as it was written.
   */
  readInto<T extends Uint8Array | Uint32Array | Float64Array>(
    index: number,
    into: T,
  ): T {
    const section = this.#sections[index];
    const byteLength = section?.byteLength ?? 0;
    if (section === undefined || byteLength > into.byteLength) {
      throw this.#unreadable(index);
    }
    const bytes = new Uint8Array(into.buffer, into.byteOffset, byteLength);
    for (let have = 0; have < byteLength;) {
      const part = bytes.subarray(have, have + READ_BYTES);
      const count = this.#file.readAt(part, section.offset + have);
      if (count === 0) throw this.#unreadable(index);
      have += count;
    }
    if (crc32(bytes) !== section.crc) throw this.#unreadable(index);
    return into;
  }

  #unreadable(index: number): QuipuError {
    return new QuipuError(
      "corruptRecord",
      `Cannot read section ${index} of "${this.#file.path}"`,
    );
  }
}
