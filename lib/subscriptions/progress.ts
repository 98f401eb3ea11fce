/**
 * How far a group has come: which messages were handed out and are not done,
 * and which ones after the first of those are done already.
 *
 * Messages are begun in the order of their places, so those that are done form
 * runs between those that are not. There are never more runs than outstanding
 * messages: whoever bounds those bounds the runs as well.
 *
 * @module
 */

/** A run of messages that are done, by the places of its first and last one. */
export type DoneRange = readonly [first: number, last: number];

/** What is done: everything up to a place, and runs above it, in order. */
export interface Done {
  readonly donePlace: number;
  readonly doneRanges: readonly DoneRange[];
}

interface Run {
  firstTurn: number;
  lastTurn: number;
  first: number;
  last: number;
}

/** Turns that are kept behind before the queue is cut. */
const CUT_COUNT = 1024;

/** The progress of one group through its source, from where it was before. */
export class Progress {
  /** Turns of the outstanding messages, by place. */
  readonly #turns = new Map<number, number>();
  /** Places by turn, from turn `#cutTurn` on; undefined: done. */
  readonly #queue: (number | undefined)[] = [];
  #cutTurn = 0;
  /** Turn of the first outstanding message; the next turn without any. */
  #firstTurn = 0;
  /** Above the first outstanding message, in order; none touches another. */
  #runs: Run[] = [];
  #lastPlace: number;
  /** What was done before the start, and is not begun yet; in order. */
  #doneBefore: readonly DoneRange[];

  constructor({ donePlace, doneRanges }: Done) {
    this.#lastPlace = donePlace;
    this.#doneBefore = doneRanges;
  }

  /** How many messages were handed out and are not done. */
  get outstandingCount(): number {
    return this.#turns.size;
  }

  /** How many messages were handed out before the first that is not done. */
  get settledCount(): number {
    return this.#firstTurn;
  }

  /** Place of the first message that is not done; undefined: all are. */
  get lowest(): number | undefined {
    return this.#queue[this.#firstTurn - this.#cutTurn];
  }

  /** Place up to which everything that was handed out is done. */
  get value(): number {
    const { lowest } = this;
    return lowest === undefined ? this.#lastPlace : lowest - 1;
  }

  /** How many runs of messages are done above the value, or one more. */
  get rangeCount(): number {
    return this.#runs.length + this.#doneBefore.length;
  }

  /** What is done, where the next life has to go on from. */
  get done(): Done {
    this.#forgetBegun();
    const runs = this.#runs.map(({ first, last }) => [first, last] as const);
    return {
      donePlace: this.value,
      doneRanges: [...runs, ...this.#doneBefore],
    };
  }

  /** Whether a message that is not begun was done before the start. */
  wasDone(place: number): boolean {
    return this.#doneBefore.length > 0 && isWithin(this.#doneBefore, place);
  }

  /**
   * Notes that a message was handed out for the first time.
   *
   * @param place More than that of any message before.
   */
  begin(place: number): void {
    this.#turns.set(place, this.#cutTurn + this.#queue.length);
    this.#queue.push(place);
    this.#lastPlace = place;
  }

  /** Notes that a message is done; false if it was, or was never begun. */
  finish(place: number): boolean {
    const turn = this.#turns.get(place);
    if (turn === undefined) return false;
    this.#turns.delete(place);
    this.#queue[turn - this.#cutTurn] = undefined;
    if (turn === this.#firstTurn) this.#advance();
    else this.#addToRuns(turn, place);
    return true;
  }

  /**
   * Notes that the source holds nothing to hand out up to a place, as when a
   * filter leaves everything out.
   */
  pass(place: number): void {
    if (place > this.#lastPlace) this.#lastPlace = place;
  }

  #forgetBegun(): void {
    const next = this.#lastPlace + 1;
    const [first] = this.#doneBefore;
    if (first === undefined || first[0] >= next) return;
    this.#doneBefore = this.#doneBefore.flatMap(([from, to]) =>
      to >= next ? [[Math.max(from, next), to] as const] : []
    );
  }

  /** Goes on to the next message that is not done. */
  #advance(): void {
    const end = this.#queue.length;
    let index = this.#firstTurn - this.#cutTurn;
    while (index < end && this.#queue[index] === undefined) index++;
    this.#firstTurn = this.#cutTurn + index;
    let covered = 0;
    while ((this.#runs[covered]?.lastTurn ?? Infinity) < this.#firstTurn) {
      covered++;
    }
    if (covered > 0) this.#runs.splice(0, covered);
    if (index >= CUT_COUNT || index === end) {
      this.#queue.splice(0, index);
      this.#cutTurn = this.#firstTurn;
    }
  }

  #addToRuns(turn: number, place: number): void {
    const runs = this.#runs;
    const index = this.#indexAfter(turn);
    const left = runs[index - 1];
    const right = runs[index];
    const joinsLeft = left !== undefined && left.lastTurn === turn - 1;
    const joinsRight = right !== undefined && right.firstTurn === turn + 1;
    if (joinsLeft && joinsRight) {
      left.lastTurn = right.lastTurn;
      left.last = right.last;
      runs.splice(index, 1);
    } else if (joinsLeft) {
      left.lastTurn = turn;
      left.last = place;
    } else if (joinsRight) {
      right.firstTurn = turn;
      right.first = place;
    } else {
      runs.splice(index, 0, {
        firstTurn: turn,
        lastTurn: turn,
        first: place,
        last: place,
      });
    }
  }

  /** Index of the first run that begins after a turn. */
  #indexAfter(turn: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.firstTurn ?? Infinity) < turn) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a place lies in one of some ranges, which are in order. */
export function isWithin(ranges: readonly DoneRange[], place: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const [first, last] = ranges[middle] ?? [0, 0];
    if (place < first) high = middle - 1;
    else if (place > last) low = middle + 1;
    else return true;
  }
  return false;
}
