/**
 * Writes what a projection emits: streams beside each other, each in order.
 *
 * @module
 */

import type { Emission } from "./emissions.ts";
import { EmittedStream, type EmittedStreamParts } from "./emitted_stream.ts";

/** What it works with. */
export interface EmitWriterParts extends EmittedStreamParts {
  /** Streams that are written at the same time; 0: any number. */
  readonly maxWritesInFlight: number;
  /** Streams whose ends are remembered. */
  readonly streamsMax: number;
  /** Called once, with why nothing is written any more. */
  readonly onFailure: (error: unknown) => void;
}

/** Writes of one run. */
export class EmitWriter {
  readonly #parts: EmitWriterParts;
  /** In the order of their use. */
  readonly #streams = new Map<string, EmittedStream>();
  /** Those with something to write that nobody writes. */
  readonly #ready = new Set<EmittedStream>();
  readonly #busy = new Set<EmittedStream>();
  #pendingCount = 0;
  #hasFailed = false;
  #waiters: { readonly most: number; readonly resolve: () => void }[] = [];

  constructor(parts: EmitWriterParts) {
    this.#parts = parts;
  }

  /** Events that are not written yet. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** An event is still to come that belongs to what was added. */
  reserve(): void {
    this.#pendingCount++;
  }

  /** Takes the event that was reserved. */
  addReserved(emission: Emission): void {
    this.#pendingCount--;
    this.add(emission);
    if (!this.#hasFailed) this.flush();
  }

  /** Takes an event to be written. */
  add(emission: Emission): void {
    const { streamName } = emission;
    let stream = this.#streams.get(streamName);
    if (stream === undefined) {
      const isOwn = emission.isOwn === true;
      stream = new EmittedStream(streamName, this.#parts, isOwn);
    } else this.#streams.delete(streamName);
    this.#streams.set(streamName, stream);
    stream.add(emission);
    this.#pendingCount++;
    if (!this.#busy.has(stream)) this.#ready.add(stream);
  }

  /** Begins to write what was added. */
  flush(): void {
    const { maxWritesInFlight } = this.#parts;
    for (const stream of this.#ready) {
      if (maxWritesInFlight > 0 && this.#busy.size >= maxWritesInFlight) break;
      this.#ready.delete(stream);
      this.#busy.add(stream);
      void this.#write(stream);
    }
    this.#forgetIdle();
  }

  /** Settles when no more than so many wait, or nothing is written any more. */
  settled(most = 0): Promise<void> {
    this.flush();
    if (this.#hasFailed || this.#pendingCount <= most) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ most, resolve });
    return promise;
  }

  /** Settles when nothing is in flight any more; what waits is given up. */
  async abandon(): Promise<void> {
    this.#hasFailed = true;
    this.#tell();
    while (this.#busy.size > 0) await this.#landed();
  }

  #landings: (() => void)[] = [];

  #landed(): Promise<void> {
    return new Promise((resolve) => this.#landings.push(resolve));
  }

  async #write(stream: EmittedStream): Promise<void> {
    try {
      while (!this.#hasFailed && stream.pendingCount > 0) {
        const count = await stream.writeBatch();
        this.#pendingCount -= count;
        this.#tell();
      }
    } catch (error) {
      const isFirst = !this.#hasFailed;
      this.#hasFailed = true;
      if (isFirst) this.#parts.onFailure(error);
      this.#tell();
    } finally {
      this.#busy.delete(stream);
      for (const resolve of this.#landings.splice(0)) resolve();
      if (!this.#hasFailed) this.flush();
    }
  }

  #tell(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#hasFailed || this.#pendingCount <= waiter.most) {
        waiter.resolve();
      } else this.#waiters.push(waiter);
    }
  }

  /** Streams that were not written lately are looked up again. */
  #forgetIdle(): void {
    const surplus = this.#streams.size - this.#parts.streamsMax;
    if (surplus <= 0) return;
    let count = 0;
    for (const [name, stream] of this.#streams) {
      if (count >= surplus) break;
      if (stream.pendingCount === 0) this.#streams.delete(name);
      count++;
    }
  }
}
