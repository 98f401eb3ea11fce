/**
 * One stream that a projection writes to: each event once, in order, and
 * nobody else's among them (spec: projections §6.4).
 *
 * Before the first write its newest events are read. Those of ours from the
 * cause of the first event on were written before a crash: the same events,
 * which come again now, are passed over. The store would know most of them by
 * their ids, but forgets those that were scavenged or deleted softly. If the
 * stream has lost even its newest event, the journal says how many there were.
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import {
  METADATA_EVENT_TYPE,
  withTruncateBefore,
} from "../../model/stream_metadata.ts";
import { metastreamOf } from "../../model/stream_names.ts";
import type { StreamState } from "../../store/event_store.ts";
import { decodeJsonText } from "../../text/utf8.ts";
import type { EmitJournal } from "./emit_journal.ts";
import {
  type Emission,
  madeMetadataOf,
  nameId,
  proposedOf,
} from "./emissions.ts";
import {
  covers,
  membersOf,
  readMark,
  type SourcePlan,
  type WriterMark,
  type WrittenMark,
} from "./positions.ts";
import { RunFault } from "./run_fault.ts";
import type { RunStore } from "./run_store.ts";
import type { StreamTracker } from "./stream_tracker.ts";

/** What a stream is written with. */
export interface EmittedStreamParts {
  readonly store: RunStore;
  readonly plan: SourcePlan;
  readonly mark: WriterMark;
  readonly journal: EmitJournal;
  readonly maxBatchLength: number;
  /** Writes down that it is written to; undefined: that is not asked for. */
  readonly tracker: StreamTracker | undefined;
}

/** Events that are read together. */
const READ_COUNT = 200;
/** Bytes of a batch, less what one event may take. */
const BATCH_LENGTH_MAX = 1024 * 1024;

/** An event of ours that was there already. */
interface WrittenEvent {
  readonly eventNumber: number;
  readonly eventType: string;
  readonly mark: WrittenMark;
}

/** A stream with what waits to be written to it. */
export class EmittedStream {
  readonly name: string;
  readonly #parts: EmittedStreamParts;
  readonly #queue: Emission[] = [];
  readonly #tracked: Promise<void> | undefined;
  /** Number of the last event; undefined: not looked up. */
  #head: number | undefined;
  /** Events that may come again, the next one last. */
  #written: WrittenEvent[] = [];
  /** Mark of the newest event of ours, up to which all are written. */
  #newest: WrittenMark | undefined;
  /** Events that come again and cannot be read any more. */
  #lostCount = 0;

  /** @param isOwn Whether the projection keeps it for itself. */
  constructor(name: string, parts: EmittedStreamParts, isOwn: boolean) {
    this.name = name;
    this.#parts = parts;
    if (!isOwn) this.#tracked = parts.tracker?.track(name);
  }

  get pendingCount(): number {
    return this.#queue.length;
  }

  add(emission: Emission): void {
    this.#queue.push(emission);
  }

  /**
   * Writes a batch of what waits.
   *
   * @returns How many events it has done with.
   * @throws {RunFault} If the stream must not be written to.
   * @throws {QuipuError} As `EventStore.append` does.
   */
  async writeBatch(): Promise<number> {
    const [first] = this.#queue;
    if (first === undefined) return 0;
    if (this.#head === undefined) await this.#lookUp(first);
    const passed = this.#passWritten();
    const batch: Emission[] = [];
    let length = 0;
    for (const emission of this.#queue) {
      length += emission.data.length + emission.metadata.length;
      batch.push(emission);
      const isFull = batch.length >= this.#parts.maxBatchLength ||
        length >= BATCH_LENGTH_MAX;
      if (isFull) break;
    }
    if (batch.length === 0) return passed;
    await this.#parts.journal.begin(this.name, this.#head ?? -1);
    const number = await this.#append(batch);
    if (number === undefined) return passed;
    this.#head = number + batch.length - 1;
    this.#parts.journal.caughtUp(this.name, this.#head);
    this.#queue.splice(0, batch.length);
    for (const [index, emission] of batch.entries()) {
      emission.onWritten?.(number + index);
    }
    return passed + batch.length;
  }

  /** Number of the first; undefined: look again at what is there. */
  async #append(batch: readonly Emission[]): Promise<number | undefined> {
    const { store } = this.#parts;
    const head = this.#head ?? -1;
    const result = await store.append({
      streamName: this.name,
      expectedVersion: head < 0 ? "noStream" : head,
      events: batch.map(proposedOf),
    });
    if (result.kind === "conflict") {
      this.#head = undefined;
      return undefined;
    }
    if (result.kind !== "deleted") return result.firstEventNumber;
    throw new RunFault(
      `Failed to write events to stream: ${this.name}. Reason: StreamDeleted`,
    );
  }

  /** Passes over events that are there already. */
  #passWritten(): number {
    const { journal } = this.#parts;
    let passed = 0;
    for (const emission of this.#queue) {
      const number = this.#numberOf(emission);
      if (number === undefined) break;
      emission.onWritten?.(number);
      passed++;
    }
    if (passed > 0) this.#queue.splice(0, passed);
    if (this.#queue.length > 0) {
      this.#newest = undefined;
      this.#written = [];
      journal.caughtUp(this.name, this.#head ?? -1);
    }
    return passed;
  }

  /** Number that an event was written with; undefined: it was not. */
  #numberOf(emission: Emission): number | undefined {
    const { plan, journal } = this.#parts;
    const { cause: { at } } = emission;
    // What stood there was scavenged: nobody can follow a link to it.
    const unknown = 0;
    const { writtenTo } = journal;
    if (writtenTo !== undefined && covers(writtenTo, plan, at)) {
      return this.#match(emission)?.eventNumber ?? unknown;
    }
    let number: number | undefined;
    if (this.#lostCount > 0) {
      number = (this.#head ?? -1) + 1 - this.#lostCount--;
    } else if (this.#newest && covers(this.#newest.position, plan, at)) {
      number = this.#match(emission)?.eventNumber;
      if (number === undefined) return unknown;
    }
    if (number !== undefined) journal.cameAgain(this.name, number);
    return number;
  }

  /** The event that an emission was written as; undefined: it was not. */
  #match({ cause, eventType }: Emission): WrittenEvent | undefined {
    const position = membersOf(cause.position);
    for (let next = this.#written.at(-1); next; next = this.#written.at(-1)) {
      const { mark } = next;
      // One that does not come again.
      const isPassed = !covers(mark.position, this.#parts.plan, cause.at);
      if (isPassed) {
        this.#written.pop();
        continue;
      }
      if (membersOf(mark.position) !== position) return undefined;
      if (next.eventType === eventType) return this.#written.pop();
      throw new RunFault(
        `An event emitted in recovery for stream ${this.name} differs from ` +
          `the originally emitted event. Existing('${next.eventType}', ` +
          `'{${membersOf(mark.position)}}'). New('${eventType}', ` +
          `'{${position}}')`,
      );
    }
    return undefined;
  }

  /** Finds out what is there, and makes the stream if nothing is. */
  async #lookUp(first: Emission): Promise<void> {
    const { store, mark, plan, journal } = this.#parts;
    if (first.isOwn !== true) await store.requireWritable(this.name);
    await this.#tracked;
    await store.catchUp();
    const state = await store.readState(this.name);
    this.#written = [];
    this.#newest = undefined;
    this.#lostCount = 0;
    if (state.head < 0) {
      await Promise.all([
        state.metadataNumber < 0 ? this.#describe(state) : undefined,
        journal.begin(this.name, -1),
      ]);
      this.#head = -1;
      return;
    }
    const { truncateBefore = 0 } = state.metadata;
    let from = state.head;
    while (from >= 0) {
      const { entries, continueFrom } = await store.readBackward(
        this.name,
        from,
        this.#written.length === 0 ? 1 : READ_COUNT,
      );
      if (from === state.head && entries[0]?.ordinal !== from) {
        this.#lostCount = from - (journal.doneOf(this.name) ?? from);
        break;
      }
      let isOver = entries.length === 0;
      for (const { event } of entries) {
        const isHidden = event.eventNumber < truncateBefore;
        const found = this.#judge(event, isHidden);
        const isWanted = found !== undefined && found.mark.epoch === mark.epoch;
        if (!isWanted || !covers(found.mark.position, plan, first.cause.at)) {
          const isOfOldEpoch = found !== undefined && !isWanted && !isHidden;
          if (isOfOldEpoch && !await this.#describe(state)) {
            return await this.#lookUp(first);
          }
          isOver = true;
          break;
        }
        this.#newest ??= found.mark;
        this.#written.push(found);
      }
      if (isOver) break;
      from = continueFrom ?? (entries.at(-1)?.event.eventNumber ?? 0) - 1;
    }
    this.#head = state.head;
  }

  /** Undefined: it is somebody else's, and hidden. Throws if it is not. */
  #judge(event: RecordedEvent, isHidden: boolean): WrittenEvent | undefined {
    const { number } = this.#parts.mark;
    const { eventNumber, eventType } = event;
    const mark = readMark(event.metadata);
    if (mark?.number === number) return { eventNumber, eventType, mark };
    // What was there before ours says nothing any more.
    if (isHidden || this.#written.length > 0) return undefined;
    throw new RunFault(
      mark === undefined
        ? `The '${this.name}' stream managed by projection ${number} has been` +
          " written to from the outside."
        : "Multiple projections emitting to the same stream detected.  " +
          `Stream: '${this.name}'. Last event projection: '${mark.number}'.  ` +
          `Emitting projection: '${number}'`,
    );
  }

  /**
   * Writes the stream's metadata; what was written before a reset is hidden.
   *
   * @returns False: they have just changed.
   */
  async #describe({ head, metadataNumber }: StreamState): Promise<boolean> {
    const { store, mark } = this.#parts;
    const data = head < 0
      ? madeMetadataOf(this.name)
      : await this.#truncated(metadataNumber, head + 1);
    const { kind } = await store.append({
      streamName: metastreamOf(this.name),
      expectedVersion: metadataNumber < 0 ? "noStream" : metadataNumber,
      events: [{
        eventId: nameId("metadata", this.name, mark.number, mark.epoch, data),
        eventType: METADATA_EVENT_TYPE,
        isJson: true,
        data,
        metadata: "",
      }],
    });
    return kind !== "conflict";
  }

  /** Metadata that hide the events below a number, and keep what was said. */
  async #truncated(
    metadataNumber: number,
    truncateBefore: number,
  ): Promise<string> {
    const made = madeMetadataOf(this.name);
    const { entries } = await this.#parts.store.readBackward(
      metastreamOf(this.name),
      metadataNumber,
      1,
    );
    const data = entries[0]?.event.data;
    const text = data === undefined ? made : decodeJsonText(data);
    return text === made
      ? madeMetadataOf(this.name, { truncateBefore })
      : withTruncateBefore(text, truncateBefore) ??
        madeMetadataOf(this.name, { truncateBefore });
  }
}
