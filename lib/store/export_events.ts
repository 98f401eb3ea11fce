/**
 * Exports events in the order of the log, run by run: what one request wrote
 * is there whole, as far as it is selected, or not at all.
 *
 * @module
 */

import type { PlaceInBatch, RecordedEvent } from "../model/event.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { EventStore } from "./event_store.ts";
import type { JobControl } from "./maintenance.ts";
import { listOfStream } from "../model/lists.ts";
import {
  categoryOf,
  describedStream,
  isSystemStream,
  metastreamOf,
} from "../model/stream_names.ts";
import type { ExportReport, ExportSelection } from "./transfer.ts";
import { eventLine, firstLine, lastLine } from "./transfer_line.ts";

/** The part of a store that an export uses. */
export type ExportedStore = Pick<
  EventStore,
  "readState" | "readAll" | "readEnd" | "findPosition" | "storeId"
>;

/** Takes text of an export, in order. */
export type ExportSink = (text: string) => Promise<void>;

/** Characters that are gathered before they are handed on. */
const CHUNK_LENGTH = 64 * 1024;

/**
 * Exports what is selected of everything that is there when it begins.
 *
 * @throws {QuipuError} `invalidRequest` or `nothingSelected` for what cannot be
 * selected, `corruptRecord` when the log is damaged.
 */
export async function exportEvents(
  store: ExportedStore,
  { selection, sink, control }: {
    readonly selection: ExportSelection;
    readonly sink: ExportSink;
    readonly control: JobControl;
  },
): Promise<ExportReport> {
  const reader = await ExportReader.open(store, selection);
  while (true) {
    control.signal.throwIfAborted();
    const text = await reader.next(LIMITS.pageEventsMax);
    if (text === undefined) return reader.report();
    if (text !== "") await sink(text);
    const { done, total } = reader;
    control.report({ phase: "exporting", done, total, unit: "bytes" });
    await control.pause?.();
  }
}

/** An export that is read piece by piece. */
export class ExportReader {
  readonly #store: ExportedStore;
  readonly #selection: ExportSelection;
  readonly #exporting: Exporting;
  /** Where the log ended when the export began. */
  readonly end: number;
  #from: number | undefined;
  #isOver = false;

  private constructor(
    store: ExportedStore,
    selection: ExportSelection,
    end: number,
  ) {
    this.#store = store;
    this.#selection = selection;
    this.#exporting = new Exporting(selection);
    this.end = end;
  }

  /**
   * Begins an export of everything that is there now.
   *
   * @throws {QuipuError} `invalidRequest` or `nothingSelected` for what cannot
   * be selected.
   */
  static async open(
    store: ExportedStore,
    selection: ExportSelection,
  ): Promise<ExportReader> {
    await requireSelection(store, selection);
    const { end } = await store.readEnd();
    return new ExportReader(store, selection, end);
  }

  /** Bytes of the log that were looked at. */
  get done(): number {
    return Math.min(this.#from ?? 0, this.total);
  }

  /** Bytes of the log that are looked at in all. */
  get total(): number {
    const { to } = this.#selection;
    return to !== undefined && "position" in to
      ? Math.min(to.position, this.end)
      : this.end;
  }

  /**
   * Looks at the next events of the log.
   *
   * @param count How many at most.
   * @returns Text, whenever enough has come together, and none otherwise;
   * undefined once nothing is left.
   */
  async next(count: number): Promise<string | undefined> {
    if (this.#isOver) return undefined;
    const exporting = this.#exporting;
    if (this.#from === undefined) {
      const { fromUs } = this.#selection;
      this.#from = fromUs === undefined
        ? 0
        : await this.#store.findPosition(fromUs);
      return exporting.begin(this.#store.storeId);
    }
    const page = await this.#store.readAll({
      from: this.#from,
      count,
      direction: "forward",
      withBodies: true,
    });
    for (const event of page.events) {
      // Events written since the export began are no part of it.
      if (event.logPosition >= this.end || exporting.isOver) break;
      exporting.take(event);
    }
    this.#from = page.next;
    if (!exporting.isOver && page.next < this.end && !page.isAtEnd) {
      return exporting.text(CHUNK_LENGTH);
    }
    this.#isOver = true;
    return exporting.finish(this.end);
  }

  /** The result of the export, once nothing is left. */
  report(): ExportReport {
    return this.#exporting.report(this.#store.storeId);
  }
}

class Exporting {
  /** Whether nothing that comes is wanted. */
  isOver = false;
  readonly #selection: ExportSelection;
  readonly #accepts: (event: RecordedEvent) => boolean;
  /** Lines of the run whose end is yet to come. */
  #run: string[] = [];
  #runStart = -1;
  #runEnd = 0;
  #runTimeUs = 0;
  #lastIndexInBatch = -1;
  #text = "";
  #eventCount = 0;
  #leftOutCount = 0;
  #runCount = 0;
  #end = 0;

  constructor(selection: ExportSelection) {
    this.#selection = selection;
    this.#accepts = filterOf(selection);
  }

  /** The first line of an export. */
  begin(storeId: string): string {
    return firstLine(storeId);
  }

  /** Takes the next event of the log. */
  take(event: RecordedEvent): void {
    const { inBatch } = event;
    const { index, isLast, end } = inBatch ?? aloneInBatch(event);
    // Of a run that was scavenged the last event may be gone.
    if (index <= this.#lastIndexInBatch) this.#endRun();
    if (this.isOver) return;
    if (this.#runStart < 0) this.#runStart = event.logPosition;
    this.#lastIndexInBatch = index;
    this.#runEnd = end;
    this.#runTimeUs = event.createdAtUs;
    if (this.#accepts(event)) {
      const isLeftOut = this.#selection.withSystem !== true &&
        isSystemStream(event.streamName);
      if (isLeftOut) this.#leftOutCount++;
      else {
        const run = inBatch && this.#runStart;
        this.#run.push(eventLine(event, run));
      }
    }
    if (isLast) this.#endRun();
  }

  /** The text that has come together, if it is that long; else none. */
  text(lengthMin: number): string {
    if (this.#text.length < lengthMin) return "";
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /**
   * The rest of the text.
   *
   * @param end Where the log ended, of which all was taken that is wanted.
   */
  finish(end: number): string {
    if (!this.isOver) this.#endRun();
    if (!this.isOver) this.#end = end;
    return this.text(0) + lastLine(this.#eventCount, this.#end);
  }

  report(storeId: string): ExportReport {
    return {
      storeId,
      eventCount: this.#eventCount,
      leftOutCount: this.#leftOutCount,
      runCount: this.#runCount,
      end: this.#end,
    };
  }

  #endRun(): void {
    if (this.#runStart < 0) return;
    const { to } = this.#selection;
    this.isOver = to !== undefined &&
      ("position" in to
        ? this.#runEnd > to.position
        : this.#runTimeUs >= to.timeUs);
    if (!this.isOver) {
      this.#end = this.#runEnd;
      this.#eventCount += this.#run.length;
      if (this.#run.length > 0) this.#runCount++;
      for (const line of this.#run) this.#text += line;
    }
    this.#run = [];
    this.#runStart = -1;
    this.#lastIndexInBatch = -1;
  }
}

/** Where a store does not tell runs, each event is one. */
function aloneInBatch({ logPosition }: RecordedEvent): PlaceInBatch {
  return { index: 0, isLast: true, end: logPosition + 1 };
}

function filterOf(
  { streamName, category, fromUs }: ExportSelection,
): (event: RecordedEvent) => boolean {
  return (event) => {
    if (fromUs !== undefined && event.createdAtUs < fromUs) return false;
    if (streamName === undefined && category === undefined) return true;
    const described = describedStream(event.streamName);
    if (streamName !== undefined) {
      return described === streamName || event.streamName === streamName;
    }
    return categoryOf(described) === category;
  };
}

/**
 * Refuses what would silently be an export of nothing.
 *
 * @throws {QuipuError} `invalidRequest` for a selection that makes no sense,
 * `nothingSelected` for a stream or category that never was.
 */
async function requireSelection(
  store: ExportedStore,
  { streamName, category, fromUs, to, withSystem }: ExportSelection,
): Promise<void> {
  if (streamName !== undefined && category !== undefined) {
    throw refusal("either a stream or a category can be selected, not both");
  }
  const isBackwards = fromUs !== undefined && to !== undefined &&
    "timeUs" in to && to.timeUs <= fromUs;
  if (isBackwards) throw refusal("it would end before it begins");
  if (streamName !== undefined) {
    await requireStream(store, streamName);
    if (withSystem !== true && isSystemStream(streamName)) {
      throw refusal(
        `${JSON.stringify(streamName)} is a stream of the system: it is ` +
          "exported only --with-system, or ?with-system=true",
      );
    }
  }
  if (category !== undefined) await requireCategory(store, category);
}

async function requireStream(
  store: ExportedStore,
  streamName: string,
): Promise<void> {
  const quoted = JSON.stringify(streamName);
  if (streamName === "$all") {
    throw refusal(`${quoted} is everything: select no stream`);
  }
  const { kind, name } = listOfStream(streamName);
  if (kind === "category") {
    throw refusal(
      `${quoted} lists events of other streams: select the category ` +
        `${JSON.stringify(name)} instead (--category, or ?category=)`,
    );
  }
  if (kind !== "stream") {
    throw refusal(
      `${quoted} lists events of other streams: select one of these, a ` +
        `category, or everything`,
    );
  }
  const state = await store.readState(streamName);
  const isThere = state.head >= 0 || state.isTombstoned ||
    (await store.readState(metastreamOf(streamName))).head >= 0;
  if (!isThere) throw nothing(`there is no stream ${quoted}`);
}

async function requireCategory(
  store: ExportedStore,
  category: string,
): Promise<void> {
  // Streams of the system are in no list of a category.
  if (isSystemStream(category)) return;
  const { head } = await store.readState(`$ce-${category}`);
  if (head >= 0) return;
  throw nothing(
    `there is no stream of category ${JSON.stringify(category)}`,
  );
}

function refusal(why: string): QuipuError {
  return new QuipuError("invalidRequest", `Cannot export that: ${why}`);
}

function nothing(why: string): QuipuError {
  return new QuipuError("nothingSelected", `Cannot export that: ${why}`);
}
