/**
 * Imports an export: run by run, with the numbers, ids and times that the
 * events have. What is there already is recognised, so that an import that was
 * interrupted is simply run again. A store that is not there yet is made when
 * the first run is known to fit it: what cannot be imported leaves nothing.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { JobControl } from "./maintenance.ts";
import { decodeStreamMetadata } from "../model/stream_metadata.ts";
import { isMetastream, isSystemStream } from "../model/stream_names.ts";
import type { ImportReport, NumberedEvent } from "./transfer.ts";
import { refusalOf } from "./append_refusal.ts";
import {
  decideImport,
  EMPTY_VIEW,
  type ImportingStore,
  type ImportRunResult,
  type ImportSession,
} from "./import_run.ts";
import { LineError, parseLine } from "./transfer_line.ts";
import { LineFault, linesOf } from "./transfer_lines.ts";

/** Of the events of one run: what one request can bring, and a little more. */
const RUN_BYTES_MAX = 4 * LIMITS.requestBytesMax;
const RUN_EVENTS_MAX = LIMITS.batchEventsMax + 1;
/** Events, and bytes of them, that wait for the writer, unless one run has more. */
const WAITING_EVENTS_MAX = 4_000;
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** Clocks differ; a time further ahead would stop the store's own clock. */
const AHEAD_US_MAX = 3600 * 1e6;

/** A store that is imported to: one that is open, or one to be made. */
type ImportTarget =
  | { readonly store: ImportingStore }
  | { readonly makeStore: () => Promise<ImportingStore> };

/**
 * Imports what the lines say.
 *
 * @throws {QuipuError} `invalidRequest`, naming the line that cannot be read
 * or does not fit: nothing of its run is written, nor of what follows.
 */
export async function importEvents(
  target: ImportTarget,
  { bytes, length, withSystem = false, clock, control }: {
    readonly bytes: AsyncIterable<Uint8Array>;
    /** How many; 0 if that is not known. */
    readonly length: number;
    /** Whether streams of the system are imported. Default: no. */
    readonly withSystem?: boolean | undefined;
    readonly clock: Clock;
    readonly control: JobControl;
  },
): Promise<ImportReport> {
  let done = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      control.signal.throwIfAborted();
      yield piece;
      done += piece.length;
      control.report({
        phase: "importing",
        done,
        total: length,
        unit: "bytes",
      });
      await control.pause?.();
    }
  };
  return await importBy(target, { clock, withSystem }, async (importing) => {
    for await (const line of linesOf(counted())) await importing.take(line);
  });
}

/**
 * Imports events as `importEvents` does, each as a run by itself. What refuses
 * one names it as a line: the first is line 1.
 *
 * @throws {QuipuError} As `importEvents` does.
 */
export async function importNumbered(
  target: ImportTarget,
  { events, clock, signal }: {
    readonly events: readonly NumberedEvent[];
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<ImportReport> {
  const options = { clock, withSystem: true };
  return await importBy(target, options, async (importing) => {
    for (const event of events) {
      signal.throwIfAborted();
      await importing.takeEvent(event);
    }
  });
}

interface ImportingOptions {
  readonly clock: Clock;
  readonly withSystem: boolean;
}

async function importBy(
  target: ImportTarget,
  options: ImportingOptions,
  takeAll: (importing: Importing) => Promise<void>,
): Promise<ImportReport> {
  const importing = new Importing(target, options);
  try {
    await takeAll(importing);
    return await importing.end();
  } catch (error) {
    // The refusal of an earlier line comes first.
    const first = await importing.settle() ?? error;
    if (!(first instanceof LineFault)) throw first;
    const { line, message } = first;
    throw new QuipuError(
      "invalidRequest",
      `Cannot import line ${line}: ${message}; ` +
        (importing.hasImported
          ? "the runs before its own are imported"
          : "nothing was imported"),
    );
  }
}

/** Runs that were handed to the writer. */
interface WaitingRun {
  readonly events: number;
  readonly system: readonly NumberedEvent[];
  readonly bytes: number;
  readonly result: Promise<ImportRunResult>;
}

class Importing {
  readonly #target: ImportTarget;
  readonly #clock: Clock;
  readonly #withSystem: boolean;
  readonly #made = new SystemCounts();
  #leftOutCount = 0;
  readonly #session: ImportSession = { isBroken: false };
  readonly #waiting: WaitingRun[] = [];
  #waitingBytes = 0;
  #waitingEvents = 0;
  #events: NumberedEvent[] = [];
  #lines: number[] = [];
  #run: number | undefined;
  #runBytes = 0;
  #line = 0;
  #importedCount = 0;
  #knownCount = 0;
  /** Events since the first line of an export; undefined outside of one. */
  #eventsSinceFirst: number | undefined;
  #hasLines = false;
  #store: ImportingStore | undefined;

  constructor(target: ImportTarget, options: ImportingOptions) {
    this.#target = target;
    this.#clock = options.clock;
    this.#withSystem = options.withSystem;
  }

  /** Takes the next line. */
  async take(text: string): Promise<void> {
    this.#line++;
    if (text.trim() === "") return;
    const line = this.#parse(text);
    this.#hasLines = true;
    if (line.kind === "event") {
      const { event, run } = line;
      if (run === undefined || run !== this.#run) await this.#endRun();
      this.#run = run;
      if (this.#withSystem || !isSystemStream(event.streamName)) {
        this.#add(event, text.length);
      } else this.#leftOutCount++;
      if (this.#eventsSinceFirst !== undefined) this.#eventsSinceFirst++;
      if (run === undefined) await this.#endRun();
      return;
    }
    await this.#endRun();
    if (line.kind === "first") {
      this.#refuseOpenExport();
      this.#eventsSinceFirst = 0;
      return;
    }
    if (this.#eventsSinceFirst !== line.events) {
      throw new LineFault(
        this.#line,
        `it says that ${line.events} events are before it, but there are ` +
          `${this.#eventsSinceFirst ?? "none of its export"}`,
      );
    }
    this.#eventsSinceFirst = undefined;
  }

  /** Takes an event as the next line, a run by itself. */
  async takeEvent(event: NumberedEvent): Promise<void> {
    this.#line++;
    this.#hasLines = true;
    const { data, metadata } = event.event;
    this.#checked(() => this.#refuse(event));
    this.#add(event, data.length + metadata.length);
    await this.#endRun();
  }

  async end(): Promise<ImportReport> {
    await this.#endRun();
    this.#line++;
    this.#refuseOpenExport();
    // Even an export of nothing has two lines.
    if (!this.#hasLines) throw new LineFault(1, "there is none");
    while (this.#waiting.length > 0) await this.#settleOldest();
    const store = await this.#openStore([]);
    return {
      lineCount: this.#line - 1,
      importedCount: this.#importedCount,
      knownCount: this.#knownCount,
      leftOutCount: this.#leftOutCount,
      ...this.#made.counts,
      end: (await store.readEnd()).end,
    };
  }

  /** Waits for what is under way; returns the first error of it. */
  async settle(): Promise<unknown> {
    let first: unknown = undefined;
    while (this.#waiting.length > 0) {
      await this.#settleOldest().catch((error) => first ??= error);
    }
    return first;
  }

  /** Whether any run was, or was known. */
  get hasImported(): boolean {
    return this.#importedCount + this.#knownCount > 0;
  }

  #parse(text: string): ReturnType<typeof parseLine> {
    return this.#checked(() => {
      const line = parseLine(text);
      if (line.kind === "event") this.#refuse(line.event);
      return line;
    });
  }

  #refuse(event: NumberedEvent): void {
    const isAhead = event.createdAtUs > this.#clock.nowUs() + AHEAD_US_MAX;
    if (isAhead) throw new LineError(`"time" is in the future`);
    refuse(event);
  }

  /** Has a failure name the line. */
  #checked<Result>(check: () => Result): Result {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      throw new LineFault(this.#line, error.message);
    }
  }

  #add(event: NumberedEvent, length: number): void {
    this.#events.push(event);
    this.#lines.push(this.#line);
    this.#runBytes += length;
    const isTooLarge = this.#events.length > RUN_EVENTS_MAX ||
      this.#runBytes > RUN_BYTES_MAX;
    if (isTooLarge) throw new LineFault(this.#line, "its run is too large");
  }

  /** Hands the run that was gathered to the writer. */
  async #endRun(): Promise<void> {
    const events = this.#events;
    const lines = this.#lines;
    if (events.length === 0) return;
    const store = this.#store ?? await this.#openStore(events);
    const bytes = this.#runBytes;
    while (
      this.#waiting.length > 0 &&
      (this.#waitingEvents + events.length > WAITING_EVENTS_MAX ||
        this.#waitingBytes + bytes > WAITING_BYTES_MAX)
    ) await this.#settleOldest();
    // Else all that two segments hold would be in memory, and what it takes to
    // write one of them down; an import is the faster of the two.
    if (store.sealing !== undefined) await store.sealing;
    const result = store.importRun({ session: this.#session, events })
      .then((result) => {
        if (result.kind !== "conflict") return result;
        throw new LineFault(lines[result.index] ?? 0, result.reason);
      }, (error: unknown) => {
        this.#session.isBroken = true;
        throw error;
      });
    // The awaiting caller is told; until then it must not count as unhandled.
    result.catch(() => {});
    this.#waiting.push({
      events: events.length,
      system: events.filter(({ streamName }) => isSystemStream(streamName)),
      bytes,
      result,
    });
    this.#waitingEvents += events.length;
    this.#waitingBytes += bytes;
    this.#events = [];
    this.#lines = [];
    this.#run = undefined;
    this.#runBytes = 0;
  }

  /** @param events The first run. */
  async #openStore(events: readonly NumberedEvent[]): Promise<ImportingStore> {
    if (this.#store !== undefined) return this.#store;
    const target = this.#target;
    if ("store" in target) return this.#store = target.store;
    const decided = decideImport(EMPTY_VIEW, events);
    if (!Array.isArray(decided)) {
      throw new LineFault(this.#lines[decided.index] ?? 0, decided.reason);
    }
    return this.#store = await target.makeStore();
  }

  async #settleOldest(): Promise<void> {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#waitingBytes -= oldest.bytes;
    this.#waitingEvents -= oldest.events;
    const result = await oldest.result;
    if (result.kind !== "imported") return;
    this.#importedCount += result.importedCount;
    if (result.importedCount > 0) oldest.system.forEach(this.#made.count);
    this.#knownCount += result.knownCount;
  }

  #refuseOpenExport(): void {
    if (this.#eventsSinceFirst === undefined) return;
    throw new LineFault(
      this.#line,
      "the export before it has no last line: it is not whole",
    );
  }
}

/** Counts what of the system was written. */
class SystemCounts {
  readonly #users = new Set<string>();
  #rightsCount = 0;
  #settingsCount = 0;

  get counts() {
    return {
      userCount: this.#users.size,
      rightsCount: this.#rightsCount,
      settingsCount: this.#settingsCount,
    };
  }

  readonly count = ({ streamName, event }: NumberedEvent): void => {
    if (streamName.startsWith("$user-")) this.#users.add(streamName);
    if (streamName === "$settings") this.#settingsCount++;
    const setsRights = isMetastream(streamName) &&
      decodeStreamMetadata(event).acl !== undefined;
    if (setsRights) this.#rightsCount++;
  };
}

/** Refuses what no append may bring either. */
function refuse({ streamName, event }: NumberedEvent): void {
  const refusal = refusalOf(streamName, [event]);
  if (refusal !== undefined) throw new LineError(refusal.message);
}
