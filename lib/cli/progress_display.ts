/**
 * Shows on standard error how far a command is: one line that is written over
 * itself on a terminal, a new one now and then anywhere else.
 *
 * @module
 */

import {
  type MeasuredProgress,
  ProgressMeter,
} from "../maintenance/progress_meter.ts";
import type { JobProgress } from "../store/maintenance.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";

/** Where progress is shown. */
export interface ProgressOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Milliseconds that never go back. */
  nowMs(): number;
}

const TERMINAL_MS = 200;
const LINE_MS = 5_000;
const CLEAR_LINE = "\r\x1b[K";

export class ProgressDisplay {
  readonly #output: ProgressOutput;
  readonly #meter: ProgressMeter;
  #shownAtMs: number;
  #isLineOpen = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.#meter = new ProgressMeter(() => output.nowMs());
    this.#shownAtMs = output.nowMs();
  }

  /** Takes what a job reports, and shows it if it is time to. */
  take(progress: JobProgress): void {
    this.#meter.take(progress);
    const { isTerminal, nowMs } = this.#output;
    const now = nowMs();
    if (now - this.#shownAtMs < (isTerminal ? TERMINAL_MS : LINE_MS)) return;
    this.#shownAtMs = now;
    const measured = this.#meter.measure();
    if (measured === undefined) return;
    const line = showProgress(measured);
    this.#output.write(isTerminal ? CLEAR_LINE + line : `${line}\n`);
    this.#isLineOpen = isTerminal;
  }

  /** Leaves a clean line behind. */
  end(): void {
    if (this.#isLineOpen) this.#output.write(CLEAR_LINE);
    this.#isLineOpen = false;
  }
}

/** Progress in words: `checking segments: 45 %, 1.1 GiB/s, 23 s left`. */
export function showProgress(progress: MeasuredProgress): string {
  const { phase, done, total, unit, ratePerSecond, leftMs } = progress;
  const parts = [
    total > 0
      ? `${Math.min(100, Math.floor(done / total * 100))} % of ` +
        showAmount(total, unit)
      : showAmount(done, unit),
  ];
  if (ratePerSecond !== undefined) {
    parts.push(`${showAmount(ratePerSecond, unit)}/s`);
  }
  if (leftMs !== undefined) parts.push(`${showDuration(leftMs)} left`);
  return `${phase}: ${parts.join(", ")}`;
}

function showAmount(amount: number, unit: JobProgress["unit"]): string {
  return unit === "bytes" ? showBytes(amount) : `${showCount(amount)} ${unit}`;
}
