/**
 * Writes the file of a scavenged segment; see `log/scavenged_segment.ts` for its format.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { QuipuError } from "../../lib/model/errors.ts";
import type { DiskFile } from "../disk/disk.ts";
import { SyncedWriter } from "../disk/synced_writer.ts";
import { GrowingBytes } from "./bytes.ts";
import type { LogRecord } from "./log_record.ts";
import {
  chainAfter,
  type ListEnd,
  SCAVENGED_HEADER_BYTES,
  type ScavengedHeader,
  STRETCH_BYTES,
} from "./scavenged_segment.ts";
import { offsetOf, type Segment } from "./segment.ts";
import { encodeSegmentHeader, type SegmentHeader } from "./segment_header.ts";

/** Bytes that are gathered before they are written. */
const WRITE_BYTES = 256 * 1024;
/** Ends of lists that are written between two pauses. */
const ENDS_PER_PAUSE = 1024;
/** Offsets are 32 bits wide. */
const FILE_BYTES_MAX = 2 ** 32 - 1;

interface ScavengedWriterOptions {
  /** Called before bytes are written; throws when there is no room for them. */
  readonly onWrite?: ((byteCount: number) => void) | undefined;
  /** Lets others work. */
  readonly pause?: (() => Promise<void>) | undefined;
}

export class ScavengedWriter {
  readonly #file: SyncedWriter;
  readonly #segment: Segment;
  readonly #onWrite: (byteCount: number) => void;
  readonly #pause: () => Promise<void>;
  readonly #buffer = new GrowingBytes(WRITE_BYTES * 2);
  readonly #places = new GrowingBytes(4096);
  #placeCount = 0;
  /** Where the buffer's first byte goes. */
  #offset = SCAVENGED_HEADER_BYTES;
  #lastPlace = -Infinity;
  #chain = 0;
  recordCount = 0;

  constructor(
    file: DiskFile,
    segment: Segment,
    { onWrite = () => {}, pause = () => Promise.resolve() }:
      ScavengedWriterOptions,
  ) {
    this.#file = new SyncedWriter(file);
    this.#segment = segment;
    this.#onWrite = onWrite;
    this.#pause = pause;
  }

  /** Whether `flush()` should be called before more is added. */
  get isFull(): boolean {
    return this.#buffer.length >= WRITE_BYTES;
  }

  /** Adds a record that stays. */
  add(record: LogRecord): void {
    const at = this.#offset + this.#buffer.length;
    if (at - this.#lastPlace >= STRETCH_BYTES) {
      this.#places.pushUint32(offsetOf(this.#segment, record.logPosition));
      this.#places.pushUint32(at);
      this.#placeCount++;
      this.#lastPlace = at;
    }
    this.#buffer.push(record.bytes);
    this.#chain = chainAfter(this.#chain, record.headerCrc);
    this.recordCount++;
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    await this.#write(this.#buffer);
  }

  /** Writes what was gathered in a buffer behind all that was before. */
  async #write(buffer: GrowingBytes): Promise<void> {
    const bytes = buffer.bytes();
    if (bytes.length === 0) return;
    if (this.#offset + bytes.length > FILE_BYTES_MAX) {
      throw new QuipuError(
        "damaged",
        `Segment ${this.#segment.number} holds more than a segment can`,
      );
    }
    this.#onWrite(bytes.length);
    await this.#file.writeAt(bytes, this.#offset);
    this.#offset += bytes.length;
    buffer.clear(WRITE_BYTES * 2);
  }

  /**
   * Writes the rest, and the header: the file is whole then, and synced.
   *
   * @returns What the header says of what stayed.
   */
  async finish(
    header: SegmentHeader,
    ends: Iterable<ListEnd>,
    rest: Pick<
      ScavengedHeader,
      "lastPosition" | "lastCreatedAtUs" | "scavengedAtUs"
    >,
  ): Promise<ScavengedHeader> {
    await this.flush();
    const tables = this.#places;
    const placesOffset = this.#offset;
    const endsOffset = placesOffset + tables.length;
    let tablesCrc = crc32(tables.bytes());
    let endCount = 0;
    await this.#write(tables);
    for (const { kind, name, next } of ends) {
      tables.pushUint8(kind);
      tables.pushUint8(0);
      tables.pushText(name);
      tables.pushUint64(next);
      endCount++;
      if (tables.length >= WRITE_BYTES) {
        tablesCrc = crc32(tables.bytes(), tablesCrc);
        await this.#write(tables);
      }
      if (endCount % ENDS_PER_PAUSE === 0) await this.#pause();
    }
    tablesCrc = crc32(tables.bytes(), tablesCrc);
    await this.#write(tables);
    const { endPosition, checksum } = this.#segment;
    const scavenged: ScavengedHeader = {
      ...rest,
      endPosition,
      checksum,
      recordCount: this.recordCount,
      chain: this.#chain,
      placesOffset,
      placeCount: this.#placeCount,
      endsOffset,
      endCount,
      fileBytes: this.#offset,
      tablesCrc,
    };
    this.#onWrite(SCAVENGED_HEADER_BYTES);
    await this.#file.writeAt(encodeSegmentHeader({ ...header, scavenged }), 0);
    await this.#file.sync();
    return scavenged;
  }
}
