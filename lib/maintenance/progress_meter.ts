/**
 * How fast a job is and how long it will take, from what it reports.
 *
 * @module
 */

import type { JobProgress } from "../store/maintenance.ts";

/** Reported progress, and estimates from it. */
export interface MeasuredProgress extends JobProgress {
  /** `unit`s a second, lately; undefined until it can be told. */
  readonly ratePerSecond: number | undefined;
  /** Milliseconds until this phase ends; undefined until it can be told. */
  readonly leftMs: number | undefined;
}

interface Sample {
  readonly atMs: number;
  readonly done: number;
}

/** The rate is that of the last seconds: of so many samples so far apart. */
const SAMPLES_MAX = 20;
const SAMPLE_MS = 500;
/** A rate over less time than this would jump about. */
const RATE_MS_LEAST = 200;

export class ProgressMeter {
  readonly #nowMs: () => number;
  #latest: JobProgress | undefined;
  #samples: Sample[] = [];

  /** @param nowMs Tells a time that never goes back. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Takes what a job reports. */
  take(progress: JobProgress): void {
    const before = this.#latest;
    this.#latest = progress;
    const isNewPhase = before?.phase !== progress.phase ||
      before.unit !== progress.unit || progress.done < before.done;
    if (isNewPhase) this.#samples = [];
    const atMs = this.#nowMs();
    const newest = this.#samples.at(-1);
    if (newest !== undefined && atMs - newest.atMs < SAMPLE_MS) return;
    this.#samples.push({ atMs, done: progress.done });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** How far the job is; undefined before its first report. */
  measure(): MeasuredProgress | undefined {
    const latest = this.#latest;
    if (latest === undefined) return undefined;
    const oldest = this.#samples[0];
    const tookMs = oldest === undefined ? 0 : this.#nowMs() - oldest.atMs;
    const ratePerSecond = oldest === undefined || tookMs < RATE_MS_LEAST
      ? undefined
      : (latest.done - oldest.done) / tookMs * 1000;
    const isKnown = ratePerSecond !== undefined && ratePerSecond > 0 &&
      latest.total >= latest.done;
    const leftMs = isKnown
      ? (latest.total - latest.done) / ratePerSecond * 1000
      : undefined;
    return { ...latest, ratePerSecond, leftMs };
  }
}
