/**
 * The last lines that a query has logged.
 *
 * @module
 */

import type { LogLine } from "../contract.ts";

/** Keeps lines, the newest ones. */
export class RunLog {
  readonly #most: number;
  readonly #nowUs: () => number;
  #lines: LogLine[] = [];

  /** @param nowUs Microseconds since 1970. */
  constructor(most: number, nowUs: () => number) {
    this.#most = most;
    this.#nowUs = nowUs;
  }

  /** Oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** @param event `number@stream`; empty: no event had them logged. */
  add(event: string, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const atMs = Math.floor(this.#nowUs() / 1000);
    for (const text of lines) this.#lines.push({ atMs, event, text });
    if (this.#lines.length > this.#most) {
      this.#lines = this.#lines.slice(-this.#most);
    }
  }
}
