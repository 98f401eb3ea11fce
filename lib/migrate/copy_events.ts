/**
 * Copies events from the source to the destination, batch by batch: while one
 * is written the next one is read. How far it is, is remembered once a batch is
 * permanent; to go on from an earlier place does no harm.
 *
 * @module
 */

import type { JobProgress } from "../store/maintenance.ts";
import { type Destination, RefusedEvent } from "./destination.ts";
import { Numbering } from "./numbering.ts";
import { ALL_START, commitOf, type EventSource } from "./source.ts";

/** How far a migration is. */
export interface CopyState {
  /** Where to go on in `$all` of the source. */
  readonly position: string;
  /** Entries that were read until then, those that are not taken included. */
  readonly entryCount: number;
}

/** The start of a migration. */
export const COPY_START: CopyState = { position: ALL_START, entryCount: 0 };

/** What copying came to. */
export interface CopyReport extends CopyState {
  readonly importedCount: number;
  readonly knownCount: number;
  /** Numbers that the source lacked and that were filled. */
  readonly filledCount: number;
}

export interface CopyOptions {
  readonly source: EventSource;
  readonly destination: Destination;
  readonly from: CopyState;
  /** Is told how far it is, after each batch that is permanent. */
  readonly remember: (state: CopyState) => Promise<void>;
  readonly report: (progress: JobProgress) => void;
  /**
   * Whether it goes on at the end of the source, and waits for more. Asked each
   * time that nothing is left.
   */
  readonly goesOn: () => boolean;
}

/** Seconds that the source is asked to wait for something new. */
const WAIT_SECONDS = 2;

/**
 * Copies everything from a state on.
 *
 * @throws {ClientError | MigrationError | QuipuError} If one of both sides
 * fails; what was remembered is permanent.
 */
export async function copyEvents(options: CopyOptions): Promise<CopyReport> {
  const { from } = options;
  try {
    return await copyFrom(options, from);
  } catch (error) {
    // Numbers that are missing are known from the start of their stream on.
    const isResumed = from.position !== ALL_START;
    if (!(error instanceof RefusedEvent && error.isGap && isResumed)) {
      throw error;
    }
    return await copyFrom(options, COPY_START);
  }
}

async function copyFrom(
  { source, destination, remember, report, goesOn }: CopyOptions,
  from: CopyState,
): Promise<CopyReport> {
  const numbering = new Numbering();
  let state = from;
  const counts = { importedCount: 0, knownCount: 0 };
  let endOfLog = await source.readEnd();
  let writing: Promise<void> = Promise.resolve();
  for (let isFirst = true; isFirst || goesOn(); isFirst = false) {
    const wait = isFirst ? 0 : WAIT_SECONDS;
    for await (const batch of source.read(state.position, wait)) {
      const events = numbering.fill(batch.events);
      await writing;
      state = {
        position: batch.next,
        entryCount: state.entryCount + batch.entryCount,
      };
      writing = write(events, state);
      // It is awaited after the next batch was read.
      writing.catch(() => {});
    }
    await writing;
    endOfLog = Math.max(endOfLog, commitOf(state.position));
  }
  return { ...state, ...counts, filledCount: numbering.filledCount };

  async function write(
    events: Parameters<Destination["write"]>[0],
    after: CopyState,
  ): Promise<void> {
    const written = await destination.write(events);
    counts.importedCount += written.importedCount;
    counts.knownCount += written.knownCount;
    await remember(after);
    const { entryCount: done, position } = after;
    const share = commitOf(position) / Math.max(1, endOfLog);
    const total = share > 0 ? Math.round(done / Math.min(1, share)) : 0;
    report({ phase: "copying", done, total, unit: "events" });
  }
}
