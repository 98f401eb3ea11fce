/**
 * One deadline for many waits: all last equally long, so they run out in the
 * order in which they began, and one slow timer serves them all. A timer for
 * each request would cost more than reading its body.
 *
 * @module
 */

/** Waits that end in an error when they last too long. */
export interface Deadlines {
  /**
   * The promise's result, if it comes in time.
   *
   * @param expire Called when time is up; what it returns is thrown.
   */
  race<T>(promise: Promise<T>, expire: () => Error): Promise<T>;
  /** Stops the timer; what is being waited for is waited for without a bound. */
  close(): void;
}

/** Parts of the duration between looks: a wait may last so much longer. */
const TICKS = 16;

/** Makes deadlines of `durationMs`; none lasts more than a sixteenth longer. */
export function createDeadlines(durationMs: number): Deadlines {
  return new TickingDeadlines(durationMs);
}

class TickingDeadlines implements Deadlines {
  readonly #tickMs: number;
  /** In the order in which they began. */
  readonly #waits = new WaitList();
  #tick = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(durationMs: number) {
    this.#tickMs = Math.max(1, Math.ceil(durationMs / TICKS));
  }

  race<T>(promise: Promise<T>, expire: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait = new Wait(this.#tick, () => reject(expire()));
      this.#waits.add(wait);
      this.#timer ??= setTimeout(() => this.#look(), this.#tickMs);
      promise.then((value) => {
        this.#waits.remove(wait);
        resolve(value);
      }, (error) => {
        this.#waits.remove(wait);
        reject(error);
      });
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waits.clear();
  }

  #look(): void {
    this.#timer = undefined;
    this.#tick++;
    let { first } = this.#waits;
    while (first !== undefined && this.#tick - first.startedAtTick > TICKS) {
      this.#waits.remove(first);
      first.expire();
      first = this.#waits.first;
    }
    if (first !== undefined) {
      this.#timer = setTimeout(() => this.#look(), this.#tickMs);
    }
  }
}

class Wait {
  readonly startedAtTick: number;
  readonly expire: () => void;
  before: Wait | undefined;
  after: Wait | undefined;

  constructor(startedAtTick: number, expire: () => void) {
    this.startedAtTick = startedAtTick;
    this.expire = expire;
  }
}

/**
 * Waits that know their neighbours.
 *
 * No `Set`: one through which each request goes soon throws its table away, and
 * each table thrown away leads to the next. As soon as a full collection met
 * one, those behind it seemed to be in use to all smaller collections, and with
 * them the requests that they once held.
 */
class WaitList {
  first: Wait | undefined;
  #last: Wait | undefined;

  add(wait: Wait): void {
    wait.before = this.#last;
    if (this.#last === undefined) this.first = wait;
    else this.#last.after = wait;
    this.#last = wait;
  }

  /** Removes a wait; one that is not in the list stays what it is. */
  remove(wait: Wait): void {
    const { before, after } = wait;
    if (before !== undefined) before.after = after;
    else if (this.first === wait) this.first = after;
    if (after !== undefined) after.before = before;
    else if (this.#last === wait) this.#last = before;
    wait.before = undefined;
    wait.after = undefined;
  }

  clear(): void {
    this.first = undefined;
    this.#last = undefined;
  }
}
