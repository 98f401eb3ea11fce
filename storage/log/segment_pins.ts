/**
 * Files of segments that somebody is reading from one end to the other: a
 * backup. Whoever replaces a segment's file by another one removes the old one
 * only once nobody has it pinned.
 *
 * @module
 */

/** Counts who needs which file to stay. */
export class SegmentPins {
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /**
   * Keeps files where they are.
   *
   * @returns A function that lets them go, all of them or the one it is given;
   * what was let go before does not count again.
   */
  pin(paths: readonly string[]): (path?: string) => void {
    const pinned = new Set(paths);
    for (const path of pinned) {
      this.#counts.set(path, (this.#counts.get(path) ?? 0) + 1);
    }
    return (path) => {
      for (const one of path === undefined ? [...pinned] : [path]) {
        if (pinned.delete(one)) this.#unpin(one);
      }
    };
  }

  /** Whether somebody needs a file to stay. */
  isPinned(path: string): boolean {
    return this.#counts.has(path);
  }

  /** Calls `act` once nobody needs the file any more: at once if nobody does. */
  whenFree(path: string, act: () => void): void {
    if (!this.isPinned(path)) {
      act();
      return;
    }
    const waiting = this.#waiting.get(path) ?? [];
    waiting.push(act);
    this.#waiting.set(path, waiting);
  }

  #unpin(path: string): void {
    const count = (this.#counts.get(path) ?? 0) - 1;
    if (count > 0) {
      this.#counts.set(path, count);
      return;
    }
    this.#counts.delete(path);
    const waiting = this.#waiting.get(path) ?? [];
    this.#waiting.delete(path);
    for (const act of waiting) act();
  }
}
