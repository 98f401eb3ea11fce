/**
 * Streams in which a projection keeps what it needs after a restart. Events of
 * other projections of the same name, and of other epochs, are nothing to it.
 *
 * @module
 */

import { METADATA_EVENT_TYPE } from "../../model/stream_metadata.ts";
import { metastreamOf } from "../../model/stream_names.ts";
import { decodeUtf8Leniently } from "../../text/utf8.ts";
import type { SourcePosition } from "../contract.ts";
import { metadataOf } from "./emissions.ts";
import { readMark, type WriterMark } from "./positions.ts";
import { RunFault } from "./run_fault.ts";
import type { RunStore } from "./run_store.ts";

/** What such streams are written with. */
export interface OwnStreamsParts {
  readonly store: RunStore;
  readonly projection: string;
  readonly mark: WriterMark;
  readonly newId: () => string;
}

/** An event of such a stream. */
export interface OwnEvent {
  readonly eventType: string;
  readonly position: SourcePosition;
  /** JSON, or other text. */
  readonly data: string;
}

/** Events that are read together when more than a few are wanted. */
const READ_COUNT = 200;

/** Reads and writes such streams of one projection. */
export class OwnStreams {
  readonly #parts: OwnStreamsParts;

  constructor(parts: OwnStreamsParts) {
    this.#parts = parts;
  }

  /** Name of the stream, `$projections-<projection>-<suffix>`. */
  nameOf(suffix: string): string {
    return `$projections-${this.#parts.projection}-${suffix}`;
  }

  /** Whether it was never written to; undefined: that must be asked. */
  peekIsMissing(streamName: string): boolean | undefined {
    return this.#parts.store.peekIsMissing(streamName);
  }

  /** Gives a stream its metadata, unless it has some. */
  async make(streamName: string, metadata: string): Promise<void> {
    const { store, newId } = this.#parts;
    const { metadataNumber } = await store.readState(streamName);
    if (metadataNumber >= 0) return;
    await store.append({
      streamName: metastreamOf(streamName),
      expectedVersion: "any",
      events: [{
        eventId: newId(),
        eventType: METADATA_EVENT_TYPE,
        isJson: true,
        data: metadata,
        metadata: "",
      }],
    });
  }

  /**
   * Appends events, all or none.
   *
   * @throws {RunFault} If the stream takes none any more.
   */
  async append(streamName: string, events: readonly OwnEvent[]): Promise<void> {
    const { store, mark, newId } = this.#parts;
    const { kind } = await store.append({
      streamName,
      expectedVersion: "any",
      events: events.map(({ eventType, position, data }) => ({
        eventId: newId(),
        eventType,
        isJson: true,
        data,
        metadata: metadataOf(mark, position),
      })),
    });
    if (kind === "appended" || kind === "duplicate") return;
    throw new RunFault(`Failed to write a checkpoint to "${streamName}"`);
  }

  /** Events of this epoch, the newest first, up to the first other one. */
  async *readNewest(
    streamName: string,
    pageCount = READ_COUNT,
  ): AsyncGenerator<OwnEvent> {
    const { store, mark } = this.#parts;
    const { head, metadata } = await store.readState(streamName);
    const { truncateBefore = 0 } = metadata;
    for (let from = head; from >= truncateBefore;) {
      const { entries } = await store.readBackward(streamName, from, pageCount);
      const last = entries.at(-1);
      if (last === undefined) return;
      for (const { event } of entries) {
        const { eventNumber, eventType, data, metadata } = event;
        if (eventNumber < truncateBefore) return;
        const written = readMark(metadata);
        const isOurs = written?.number === mark.number &&
          written.epoch === mark.epoch;
        if (!isOurs) return;
        const { position } = written;
        yield { eventType, position, data: decodeUtf8Leniently(data) };
      }
      from = last.event.eventNumber - 1;
    }
  }

  /** Data of the events of this epoch, the oldest first. */
  async readTexts(streamName: string): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const { data } of this.readNewest(streamName)) texts.push(data);
    return texts.reverse();
  }
}
