/**
 * The bound of names. The names of streams, categories and event types stay in
 * memory for as long as the store is open, even without events, so they are
 * bounded in all: an append that needs a new one beyond the bound is refused.
 * Existing names go on working, and a store that is above the bound opens.
 *
 * Deleting a stream and writing its metadata are always admitted: both are ways
 * to get rid of data. So the metastream of each stream can be added to a full
 * store, once.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { type ListKind, membershipsOf } from "../../lib/model/lists.ts";
import type { Logger } from "../../lib/model/logger.ts";
import { METADATA_EVENT_TYPE } from "../../lib/model/stream_metadata.ts";
import { describedStream } from "../../lib/model/stream_names.ts";
import {
  type ListDirectory,
  NAME_OVERHEAD_BYTES,
  NO_LIST,
} from "../index/list_directory.ts";
import { utf8Length } from "../../lib/text/utf8.ts";

/** Share of the bound at which a warning is logged. */
const WARNING_SHARE = 0.8;
/** More than the names of one request take. */
const REQUEST_NAMES_BYTES = 128 * 1024 * 1024;

/** Whether a type is one of the few that the server writes itself. */
function isOfServer(eventType: string): boolean {
  return eventType === METADATA_EVENT_TYPE;
}

export class NameRoom {
  readonly #lists: ListDirectory;
  readonly #logger: Logger;
  readonly #bytesMax: number;
  /** Below it any request fits, and nothing is checked. */
  #watchFromBytes: number;
  #hasWarned = false;

  constructor(
    { lists, logger, bytesMax }: {
      readonly lists: ListDirectory;
      readonly logger: Logger;
      /** Memory that names may take; `Infinity` for no bound. */
      readonly bytesMax: number;
    },
  ) {
    this.#lists = lists;
    this.#logger = logger;
    this.#bytesMax = bytesMax;
    this.#watchFromBytes = Math.min(
      bytesMax * WARNING_SHARE,
      bytesMax - REQUEST_NAMES_BYTES,
    );
  }

  /**
   * Checks that the names that an append would add fit.
   *
   * @throws {QuipuError} `namesFull`.
   */
  admit(streamName: string, events: readonly ProposedEvent[]): void {
    if (this.#lists.namesBytes < this.#watchFromBytes) return;
    this.#warnOnce();
    const neededBytes = this.#neededBytes(streamName, events);
    if (neededBytes === 0) return;
    if (this.#lists.namesBytes + neededBytes <= this.#bytesMax) return;
    throw new QuipuError(
      "namesFull",
      "Cannot add a stream, category or event type: names take up all of the " +
        `${this.#bytesMax} bytes that --max-names-size leaves them. Those that ` +
        "exist go on working",
    );
  }

  #warnOnce(): void {
    const sizeBytes = this.#lists.namesBytes;
    if (this.#hasWarned || sizeBytes < this.#bytesMax * WARNING_SHARE) return;
    this.#hasWarned = true;
    this.#logger.warn("names.nearly_full", {
      sizeBytes,
      limitBytes: this.#bytesMax,
    });
  }

  #neededBytes(streamName: string, events: readonly ProposedEvent[]): number {
    const sizes = new Map<string, number>();
    const need = (kind: ListKind, name: string) => {
      const key = `${kind} ${name}`;
      if (sizes.has(key) || this.#lists.find(kind, name) !== NO_LIST) return;
      sizes.set(key, NAME_OVERHEAD_BYTES + utf8Length(name));
    };
    const described = describedStream(streamName);
    if (this.#lists.find("stream", described) === NO_LIST) {
      need("stream", streamName);
      need("stream", described);
    }
    let eventType: string | undefined;
    for (const event of events) {
      if (event.eventType === eventType) continue;
      eventType = event.eventType;
      const listed = membershipsOf({ streamName, eventType, eventNumber: 0 });
      if (listed.eventType !== undefined && !isOfServer(listed.eventType)) {
        need("eventType", listed.eventType);
      }
      const { category, categoryOfStream } = listed;
      if (category !== undefined) need("category", category);
      if (categoryOfStream !== undefined) {
        need("categoryStreams", categoryOfStream);
      }
    }
    let neededBytes = 0;
    for (const size of sizes.values()) neededBytes += size;
    return neededBytes;
  }
}
