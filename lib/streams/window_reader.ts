/**
 * Reading the numbers of a page out of the store.
 *
 * @module
 */

import type { ListEntry, ReadResult } from "../store/event_store.ts";
import type { StreamContext } from "./context.ts";
import type { PageWindow } from "./page_window.ts";

/** What is read. */
export interface WindowSource {
  readonly streamName: string;
  readonly window: PageWindow;
  /** Older events are left out; microseconds since 1970. */
  readonly sinceUs: number;
  /** The stream's only event, where it is not in the store. */
  readonly made: ListEntry | undefined;
}

/** Reads a page's window from the top down: entries are listed newest first. */
export class WindowReader {
  readonly #context: StreamContext;
  readonly #source: WindowSource;

  constructor(context: StreamContext, source: WindowSource) {
    this.#context = context;
    this.#source = source;
  }

  /**
   * Visible entries from a number downwards.
   *
   * @throws {QuipuError} As `EventStore.readStream` does.
   */
  async read(from: number, withBodies: boolean): Promise<ReadResult> {
    const { streamName, window, sinceUs, made } = this.#source;
    const count = from - window.low + 1;
    if (count <= 0) return { entries: [], continueFrom: undefined };
    if (made !== undefined) return { entries: [made], continueFrom: undefined };
    const read = await this.#context.store.readStream({
      streamName,
      from,
      count,
      direction: "backward",
      withBodies,
    });
    if (sinceUs === -Infinity) return read;
    const entries = read.entries.filter(({ event }) =>
      event.createdAtUs >= sinceUs
    );
    return { entries, continueFrom: read.continueFrom };
  }
}
