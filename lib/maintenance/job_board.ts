/**
 * Long jobs of an open server: starts them, one of a kind at a time, tells how
 * far they are, stops them, and keeps what came of the last one.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { JobControl } from "../store/maintenance.ts";
import { createPolitePause } from "./polite_pause.ts";
import { type MeasuredProgress, ProgressMeter } from "./progress_meter.ts";

/** The kind of job: `verify`, `scavenge`, … */
export type JobKind = string;

export type JobState = "running" | "done" | "failed" | "cancelled";

/** The state of a job. */
export interface JobStatus {
  readonly kind: JobKind;
  readonly id: string;
  readonly state: JobState;
  /** Whether it was told to stop and has not done so yet. */
  readonly isStopping: boolean;
  /** Its parameters. */
  readonly request: unknown;
  /** Microseconds since 1970. */
  readonly startedAtUs: number;
  readonly endedAtUs: number | undefined;
  /** The last that it reported. */
  readonly progress: MeasuredProgress | undefined;
  /** Its result, when it is done. */
  readonly result: unknown;
  /** Why it failed. */
  readonly error: string | undefined;
}

/** The outcome of a request for a job. */
export type JobStart =
  | { readonly kind: "started"; readonly status: JobStatus }
  /** One of its kind, or one that it excludes, is under way. */
  | { readonly kind: "busy"; readonly status: JobStatus };

/** A job to start. */
export interface JobRequest {
  readonly kind: JobKind;
  /** Its parameters, shown with its status. */
  readonly request: unknown;
  /** Other kinds that must not be under way at the same time. */
  readonly excludes?: readonly JobKind[];
  /**
   * Does it; what it resolves to is the result.
   *
   * @param id The job's own.
   */
  work(control: JobControl, id: string): Promise<unknown>;
}

export interface JobBoardOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Logger;
}

/** How a job is told to end: the reason its signal is aborted with. */
class Cancelled extends Error {
  override readonly name = "Cancelled";
}

export class JobBoard {
  readonly #options: JobBoardOptions;
  /** The last job of each kind. */
  readonly #jobs = new Map<JobKind, Job>();
  #isClosed = false;

  constructor(options: JobBoardOptions) {
    this.#options = options;
  }

  /**
   * Starts a job.
   *
   * @throws {QuipuError} `storeClosed` once the board is closed.
   */
  start(request: JobRequest): JobStart {
    if (this.#isClosed) {
      throw new QuipuError("storeClosed", "The server is stopping");
    }
    for (const kind of [request.kind, ...(request.excludes ?? [])]) {
      const other = this.#jobs.get(kind);
      if (other?.state === "running") {
        return { kind: "busy", status: other.status() };
      }
    }
    const job = new Job(request, this.#options);
    this.#jobs.set(request.kind, job);
    job.run();
    return { kind: "started", status: job.status() };
  }

  /** The last job of a kind; undefined when there was none. */
  status(kind: JobKind): JobStatus | undefined {
    return this.#jobs.get(kind)?.status();
  }

  /** The last job of each kind. */
  all(): JobStatus[] {
    return [...this.#jobs.values()].map((job) => job.status());
  }

  /**
   * Tells the job of a kind to stop, if it is under way.
   *
   * @returns How it is now; undefined when there never was one.
   */
  cancel(kind: JobKind): JobStatus | undefined {
    const job = this.#jobs.get(kind);
    job?.cancel("cancelled by an operator");
    return job?.status();
  }

  /** Settles once the job of a kind has ended. */
  async finished(kind: JobKind): Promise<void> {
    await this.#jobs.get(kind)?.ended;
  }

  /** Tells all jobs to stop, starts no more, and waits for the end of each. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#jobs.values()) job.cancel("the server is stopping");
    await Promise.all([...this.#jobs.values()].map((job) => job.ended));
  }
}

class Job {
  readonly #request: JobRequest;
  readonly #options: JobBoardOptions;
  readonly #id: string;
  readonly #startedAtUs: number;
  readonly #stopping = new AbortController();
  readonly #meter: ProgressMeter;
  readonly #ended = Promise.withResolvers<void>();
  #endedAtUs: number | undefined;
  /** How far it was when it ended. */
  #lastProgress: MeasuredProgress | undefined;
  #result: unknown;
  #error: string | undefined;
  state: JobState = "running";

  constructor(request: JobRequest, options: JobBoardOptions) {
    this.#request = request;
    this.#options = options;
    this.#id = options.newId();
    this.#startedAtUs = options.clock.nowUs();
    this.#meter = new ProgressMeter(() => performance.now());
  }

  /** Settles once the job has ended, however. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  async run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { kind, work } = this.#request;
    const { signal } = this.#stopping;
    const about = { job: kind, id: this.#id };
    logger.info("job.started", about);
    try {
      this.#result = await work({
        signal,
        report: (progress) => this.#meter.take(progress),
        pause: createPolitePause(signal),
      }, this.#id);
      this.state = "done";
      logger.info("job.done", { ...about, tookMs: this.#tookMs() });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (signal.aborted && error === signal.reason) {
        this.state = "cancelled";
        logger.info("job.cancelled", { ...about, reason });
      } else {
        this.state = "failed";
        this.#error = reason;
        logger.error("job.failed", { ...about, reason });
      }
    }
    this.#endedAtUs = clock.nowUs();
    const progress = this.#meter.measure();
    this.#lastProgress = progress && { ...progress, leftMs: undefined };
    this.#ended.resolve();
  }

  cancel(reason: string): void {
    if (this.state === "running") this.#stopping.abort(new Cancelled(reason));
  }

  status(): JobStatus {
    const isRunning = this.state === "running";
    return {
      kind: this.#request.kind,
      id: this.#id,
      state: this.state,
      isStopping: isRunning && this.#stopping.signal.aborted,
      request: this.#request.request,
      startedAtUs: this.#startedAtUs,
      endedAtUs: this.#endedAtUs,
      progress: isRunning ? this.#meter.measure() : this.#lastProgress,
      result: this.#result,
      error: this.#error,
    };
  }

  #tookMs(): number {
    const nowUs = this.#options.clock.nowUs();
    return Math.round((nowUs - this.#startedAtUs) / 1000);
  }
}
