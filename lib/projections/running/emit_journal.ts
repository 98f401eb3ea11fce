/**
 * What a projection notes while it emits, so that nothing is emitted twice
 * after a crash, though a stream may have lost even its newest event by then:
 * the store keeps how many events a stream had, and nothing else.
 *
 *   $projections-<n>-emitted
 *     $Emitting   before the first writes to streams since a position: the
 *                 number of the last event of each
 *     $EmittedTo  everything up to a position is written; whatever of that is
 *                 not done with yet follows as `$Emitting`
 *
 * The position is that of the last checkpoint, or that of `$EmittedTo` if it is
 * later: from there on the same events come again. So the difference between a
 * stream's last number and the noted one says how many are there already. A
 * partition's checkpoint may be later than the root's: `$EmittedTo` is written
 * before it, as the events up to there do not all come again.
 *
 * @module
 */

import type { Limits } from "../../model/limits.ts";
import type { SourcePosition } from "../contract.ts";
import { ADMINS_ACL } from "./checkpoints.ts";
import type { OwnEvent, OwnStreams } from "./own_streams.ts";
import { Cursor, isCoveredBy, type SourcePlan } from "./positions.ts";

/** What is needed to note something. */
export interface EmitJournalParts {
  readonly streams: OwnStreams;
  readonly plan: SourcePlan;
  readonly limits: Pick<Limits, "projectionEmitStreamsMax">;
}

const EMITTING_TYPE = "$Emitting";
const EMITTED_TYPE = "$EmittedTo";
/** Notes after which `$EmittedTo` is due. */
const NOTES_MAX = 1_000;
/** Events that the stream keeps: those since, and what one batch may add. */
const METADATA = `{"$maxCount":${4 * NOTES_MAX},${ADMINS_ACL}}`;
/** Characters of a note, less what one name may take. */
const NOTE_LENGTH_MAX = 256 * 1024;

type StreamNumber = readonly [streamName: string, eventNumber: number];

/** The notes of one run. */
export class EmitJournal {
  readonly #parts: EmitJournalParts;
  readonly #name: string;
  /** Of the checkpoint, or up to where everything is written. */
  #base: SourcePosition;
  #writtenTo: SourcePosition | undefined;
  /** By stream: the last of its events that is done with. */
  readonly #done = new Map<string, number>();
  /** Streams with events of an earlier run that may have to come again. */
  readonly #open = new Set<string>();
  #noteCount = 0;
  #isMade = false;
  /** Not noted yet. */
  #waiting: StreamNumber[] = [];
  #nextNote: Promise<void> | undefined;
  #lastNote: Promise<void> = Promise.resolve();

  private constructor(parts: EmitJournalParts, base: SourcePosition) {
    this.#parts = parts;
    this.#name = parts.streams.nameOf("emitted");
    this.#base = base;
  }

  /**
   * Reads what earlier runs noted.
   *
   * @param root Of the last checkpoint; at first, before all events.
   */
  static async open(
    parts: EmitJournalParts,
    root: SourcePosition,
  ): Promise<EmitJournal> {
    const journal = new EmitJournal(parts, root);
    await journal.#restore(root);
    return journal;
  }

  /** Up to where everything is written, beyond the checkpoint. */
  get writtenTo(): SourcePosition | undefined {
    return this.#writtenTo;
  }

  /** Whether `emittedTo` is due, as there is too much to remember. */
  get isFull(): boolean {
    return this.#noteCount >= NOTES_MAX ||
      this.#done.size > this.#parts.limits.projectionEmitStreamsMax;
  }

  /** Whether anything was emitted since the base. */
  get isEmpty(): boolean {
    return this.#done.size === 0;
  }

  /** Whether a checkpoint of the root would lose what is not done with yet. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Number of the last event that is done with; undefined: none since the base. */
  doneOf(streamName: string): number | undefined {
    return this.#done.get(streamName);
  }

  /** Notes a stream's last number, before it is written to. */
  begin(streamName: string, head: number): Promise<void> {
    if (this.#done.has(streamName)) return Promise.resolve();
    this.#done.set(streamName, head);
    this.#waiting.push([streamName, head]);
    this.#nextNote ??= this.#lastNote.then(() => {
      this.#nextNote = undefined;
      const noted = this.#note();
      this.#lastNote = noted.catch(() => {});
      return noted;
    });
    return this.#nextNote;
  }

  /** An event came again that has this number. */
  cameAgain(streamName: string, eventNumber: number): void {
    if (this.#done.has(streamName)) this.#done.set(streamName, eventNumber);
  }

  /** Everything up to a number is done with. */
  caughtUp(streamName: string, head: number): void {
    this.#open.delete(streamName);
    if (this.#done.has(streamName)) this.#done.set(streamName, head);
  }

  /** Everything up to a position is written; what is still open is noted. */
  async emittedTo(position: SourcePosition): Promise<void> {
    if (this.#isBehind(position)) return;
    await this.#make();
    const open: StreamNumber[] = [];
    for (const name of this.#open) {
      open.push([name, this.#done.get(name) ?? -1]);
    }
    await this.#parts.streams.append(this.#name, [
      { eventType: EMITTED_TYPE, position, data: "[]" },
      ...notesOf(open, position),
    ]);
    this.#writtenTo = position;
    this.covered(position);
  }

  /** A checkpoint covers everything up to a position. */
  covered(position: SourcePosition): void {
    if (this.#isBehind(position)) return;
    this.#base = position;
    this.#noteCount = 0;
    for (const name of this.#done.keys()) {
      if (!this.#open.has(name)) this.#done.delete(name);
    }
  }

  async #restore(root: SourcePosition): Promise<void> {
    const { streams, plan } = this.#parts;
    const rootInPlan = new Cursor(plan, root).position;
    let base: SourcePosition | undefined;
    for await (
      const { eventType, position, data } of streams.readNewest(this.#name)
    ) {
      const isOfRoot = isSame(position, root);
      const isOlder = !isOfRoot &&
        isCoveredBy(new Cursor(plan, position).position, rootInPlan);
      if (isOlder || base !== undefined && !isSame(position, base)) break;
      base = position;
      if (!isOfRoot) this.#writtenTo = position;
      if (eventType !== EMITTING_TYPE) break;
      this.#noteCount++;
      for (const [name, number] of numbersOf(data)) {
        this.#done.set(name, number);
        this.#open.add(name);
      }
    }
    this.#base = base ?? root;
  }

  /** Whether a position is not beyond the one that the notes are about. */
  #isBehind(position: SourcePosition): boolean {
    const { plan } = this.#parts;
    return isCoveredBy(position, new Cursor(plan, this.#base).position);
  }

  async #note(): Promise<void> {
    await this.#make();
    const waiting = this.#waiting;
    this.#waiting = [];
    const notes = notesOf(waiting, this.#base);
    this.#noteCount += notes.length;
    await this.#parts.streams.append(this.#name, notes);
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    await this.#parts.streams.make(this.#name, METADATA);
    this.#isMade = true;
  }
}

function isSame(one: SourcePosition, other: SourcePosition): boolean {
  return isCoveredBy(one, other) && isCoveredBy(other, one);
}

/** Notes of so many numbers as one takes, each an object by streams' names. */
function notesOf(
  numbers: readonly StreamNumber[],
  position: SourcePosition,
): OwnEvent[] {
  const notes: OwnEvent[] = [];
  let members: string[] = [];
  let length = 0;
  const finish = () => {
    const data = `{${members.join(",")}}`;
    notes.push({ eventType: EMITTING_TYPE, position, data });
    members = [];
    length = 0;
  };
  for (const [name, number] of numbers) {
    const member = `${JSON.stringify(name)}:${number}`;
    members.push(member);
    length += member.length;
    if (length >= NOTE_LENGTH_MAX) finish();
  }
  if (members.length > 0) finish();
  return notes;
}

function numbersOf(data: string): StreamNumber[] {
  const parsed: unknown = JSON.parse(data);
  return Object.entries({ ...parsed as Record<string, unknown> }).flatMap(
    ([name, number]) => typeof number === "number" ? [[name, number]] : [],
  );
}
