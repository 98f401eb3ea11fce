/**
 * The store as a run uses it: it writes under the run's lease and with the
 * rights of its login, and tries again what the store cannot do now.
 *
 * @module
 */

import {
  invariant,
  QuipuError,
  type QuipuErrorCode,
} from "../../model/errors.ts";
import type { Limits } from "../../model/limits.ts";
import type { Principal } from "../../model/principal.ts";
import type { Timers } from "../../model/clock.ts";
import type {
  AppendRequest,
  AppendResult,
  ReadResult,
  StreamState,
} from "../../store/event_store.ts";
import type { Lease } from "../../store/leases.ts";
import type { ReadContext } from "../../streams/context.ts";
import { RunEndedError, RunFault } from "./run_fault.ts";

/** What it works with. */
export interface RunStoreParts {
  readonly context: ReadContext;
  /** Undefined: nothing is written. */
  readonly lease: Lease | undefined;
  readonly runAs: Principal;
  readonly timers: Timers;
  readonly limits: Pick<Limits, "projectionRetryMs">;
  /** Told how many events were written. */
  readonly onWritten: (count: number) => void;
}

/** What may go away by itself. */
const PASSING: readonly QuipuErrorCode[] = [
  "queueFull",
  "storeReadOnly",
  "storeFull",
];

/** Reads and writes for one run. */
export class RunStore {
  readonly #parts: RunStoreParts;
  readonly #ended = Promise.withResolvers<void>();
  #isEnded = false;
  #writesInProgress = 0;
  #readsInProgress = 0;

  constructor(parts: RunStoreParts) {
    this.#parts = parts;
  }

  get writesInProgress(): number {
    return this.#writesInProgress;
  }

  get readsInProgress(): number {
    return this.#readsInProgress;
  }

  /** What is waited for fails from now on; what was handed over is not. */
  end(): void {
    this.#isEnded = true;
    this.#ended.resolve();
  }

  /**
   * Appends, as often as it takes.
   *
   * @throws {RunEndedError} If the run has ended or lost its lease.
   * @throws {RunFault} If the store will never take it.
   */
  async append(request: Omit<AppendRequest, "lease">): Promise<AppendResult> {
    const { context: { store }, lease, onWritten } = this.#parts;
    invariant(lease !== undefined, "A run without a lease writes nothing");
    this.#writesInProgress++;
    try {
      const result = await this.retry(() =>
        store.append({ ...request, lease })
      );
      onWritten(request.events.length);
      return result;
    } catch (error) {
      if (!(error instanceof QuipuError)) throw error;
      throw new RunFault(
        `Failed to write events to stream: ${request.streamName}. ` +
          `Reason: ${error.message}`,
      );
    } finally {
      this.#writesInProgress--;
    }
  }

  /** What is read from now on knows all that was written before. */
  async catchUp(): Promise<void> {
    const { store } = this.#parts.context;
    await this.retry(async () => await store.barrier?.());
  }

  readState(streamName: string): Promise<StreamState> {
    const { store } = this.#parts.context;
    return this.retry(() => store.readState(streamName));
  }

  /** Whether a stream was never written to; undefined: that must be asked. */
  peekIsMissing(streamName: string): boolean | undefined {
    const state = this.#parts.context.store.local?.peekState(streamName);
    return state && state.head < 0;
  }

  /** Events of a stream from a number on back, hidden ones too. */
  async readBackward(
    streamName: string,
    from: number,
    count: number,
  ): Promise<ReadResult> {
    const { store } = this.#parts.context;
    return await this.retry(async () => {
      const near = await store.findNearest(streamName, from, "backward");
      if (near === undefined) return { entries: [], continueFrom: undefined };
      return await store.readStream({
        streamName,
        from: near,
        count,
        direction: "backward",
        withBodies: true,
      });
    });
  }

  /** @throws {RunFault} If the login may not write the stream. */
  async requireWritable(streamName: string): Promise<void> {
    const { context: { access }, runAs } = this.#parts;
    const state = await this.readState(streamName);
    const may = await access.mayChange(runAs, "write", streamName, state);
    if (may) return;
    throw new RunFault(`Not authorized to write "${streamName}"`);
  }

  /**
   * Does something until the store can.
   *
   * @throws {RunEndedError} If the run ends first, or has lost its lease.
   */
  async retry<T>(call: () => Promise<T>): Promise<T> {
    while (true) {
      try {
        this.#readsInProgress++;
        return await call();
      } catch (error) {
        if (!(error instanceof QuipuError)) throw error;
        if (error.code === "leaseLost" || error.code === "storeClosed") {
          throw new RunEndedError(error.message);
        }
        if (!PASSING.includes(error.code)) throw error;
      } finally {
        this.#readsInProgress--;
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const { timers, limits } = this.#parts;
    if (this.#isEnded) throw new RunEndedError("The run has ended");
    const passed = Promise.withResolvers<void>();
    const cancel = timers.setTimer(limits.projectionRetryMs, passed.resolve);
    await Promise.race([passed.promise, this.#ended.promise]);
    cancel();
    if (this.#isEnded) throw new RunEndedError("The run has ended");
  }
}
