/**
 * Exports events in the order of the log, run by run: what one request wrote
 * is there whole, as far as it is selected, or not at all.
 *
 * @module
 */

import type { RecordedEvent } from "../../lib/model/event.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { JobControl } from "../../lib/model/maintenance.ts";
import {
  categoryOf,
  isMetastream,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import type {
  ExportReport,
  ExportSelection,
} from "../../lib/model/transfer.ts";
import { LogRecord } from "../log/log_record.ts";
import { FLAG_RUN_END } from "../log/record.ts";
import type { FileStore } from "../store.ts";
import { eventLine, firstLine, lastLine } from "./transfer_line.ts";

/** Takes text of an export, in order. */
export type ExportSink = (text: string) => Promise<void>;

/** Characters that are gathered before they are handed on. */
const CHUNK_LENGTH = 256 * 1024;

/**
 * Exports what is selected.
 *
 * @throws {QuipuError} `corruptRecord` when the log is damaged.
 */
export async function exportEvents(
  store: FileStore,
  { selection, sink, control }: {
    readonly selection: ExportSelection;
    readonly sink: ExportSink;
    readonly control: JobControl;
  },
): Promise<ExportReport> {
  const exporting = new Exporting(selection, sink);
  await exporting.begin(store.storeId);
  const total = totalOf(selection, store.status().end);
  for (let from = 0, isAtEnd = false; !isAtEnd && !exporting.isOver;) {
    control.signal.throwIfAborted();
    const page = await store.readAll({
      from,
      count: LIMITS.pageEventsMax,
      direction: "forward",
      withBodies: true,
    });
    for (const event of page.events) {
      await exporting.take(event);
      if (exporting.isOver) break;
    }
    from = page.next;
    isAtEnd = page.isAtEnd;
    control.report({
      phase: "exporting",
      done: Math.min(from, total),
      total,
      unit: "bytes",
    });
    await control.pause?.();
  }
  return await exporting.end(store.storeId);
}

function totalOf({ to }: ExportSelection, end: number): number {
  return to !== undefined && "position" in to
    ? Math.min(to.position, end)
    : end;
}

class Exporting {
  /** Whether nothing that comes is wanted. */
  isOver = false;
  readonly #selection: ExportSelection;
  readonly #sink: ExportSink;
  readonly #accepts: (event: RecordedEvent) => boolean;
  /** Lines of the run whose end is yet to come. */
  #run: string[] = [];
  #runStart = -1;
  #runEnd = 0;
  #runTimeUs = 0;
  #lastIndexInRun = -1;
  #text = "";
  #eventCount = 0;
  #runCount = 0;
  #end = 0;

  constructor(selection: ExportSelection, sink: ExportSink) {
    this.#selection = selection;
    this.#sink = sink;
    this.#accepts = filterOf(selection);
  }

  async begin(storeId: string): Promise<void> {
    await this.#write(firstLine(storeId));
  }

  /** Takes the next event of the log. */
  async take(event: RecordedEvent): Promise<void> {
    const { lengthBytes, indexInRun, flags } = placeOf(event);
    // Of a run that was scavenged the last event may be gone.
    if (indexInRun <= this.#lastIndexInRun) await this.#endRun();
    if (this.isOver) return;
    if (this.#runStart < 0) this.#runStart = event.logPosition;
    this.#lastIndexInRun = indexInRun;
    this.#runEnd = event.logPosition + lengthBytes;
    this.#runTimeUs = event.createdAtUs;
    if (this.#accepts(event)) this.#run.push(eventLine(event, this.#runStart));
    if ((flags & FLAG_RUN_END) !== 0) await this.#endRun();
  }

  async end(storeId: string): Promise<ExportReport> {
    if (!this.isOver) await this.#endRun();
    await this.#write(lastLine(this.#eventCount, this.#end));
    await this.#sink(this.#text);
    return {
      storeId,
      eventCount: this.#eventCount,
      runCount: this.#runCount,
      end: this.#end,
    };
  }

  async #endRun(): Promise<void> {
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
      for (const line of this.#run) await this.#write(line);
    }
    this.#run = [];
    this.#runStart = -1;
    this.#lastIndexInRun = -1;
  }

  async #write(line: string): Promise<void> {
    this.#text += line;
    if (this.#text.length < CHUNK_LENGTH) return;
    const text = this.#text;
    this.#text = "";
    await this.#sink(text);
  }
}

/** Events of the store are records. */
function placeOf(event: RecordedEvent): LogRecord {
  if (event instanceof LogRecord) return event;
  throw new TypeError("Cannot export an event that is not of a log");
}

function filterOf(
  { streamName, category, fromUs }: ExportSelection,
): (event: RecordedEvent) => boolean {
  return (event) => {
    if (fromUs !== undefined && event.createdAtUs < fromUs) return false;
    if (streamName === undefined && category === undefined) return true;
    const described = isMetastream(event.streamName)
      ? originalOfMetastream(event.streamName)
      : event.streamName;
    if (streamName !== undefined) {
      return described === streamName || event.streamName === streamName;
    }
    return categoryOf(described) === category;
  };
}
