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

interface Wait {
  readonly startedAtTick: number;
  readonly expire: () => void;
}

class TickingDeadlines implements Deadlines {
  readonly #tickMs: number;
  /** In the order in which they began. */
  readonly #waits = new Set<Wait>();
  #tick = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(durationMs: number) {
    this.#tickMs = Math.max(1, Math.ceil(durationMs / TICKS));
  }

  race<T>(promise: Promise<T>, expire: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        startedAtTick: this.#tick,
        expire: () => reject(expire()),
      };
      this.#waits.add(wait);
      this.#timer ??= setTimeout(() => this.#look(), this.#tickMs);
      promise.then((value) => {
        this.#waits.delete(wait);
        resolve(value);
      }, (error) => {
        this.#waits.delete(wait);
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
    for (const wait of this.#waits) {
      if (this.#tick - wait.startedAtTick <= TICKS) break;
      this.#waits.delete(wait);
      wait.expire();
    }
    if (this.#waits.size > 0) {
      this.#timer = setTimeout(() => this.#look(), this.#tickMs);
    }
  }
}
