/**
 * Follows the log, so that watchers hear what any server wrote. NOTIFY wakes
 * it, and a poll finds what no NOTIFY told: that one carries a hint, never
 * data. It goes on behind the last row that was read, never at what was told.
 *
 * @module
 */

import type { Timers } from "../../lib/model/clock.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import type { Logger } from "../../lib/model/logger.ts";
import { metastreamOf } from "../../lib/model/stream_names.ts";
import type { CommitHint } from "../../lib/store/event_store.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";
import type { Database } from "./database.ts";
import type { Row } from "./driver.ts";
import type { LogPlace } from "./history_check.ts";
import { POSTGRES_LIMITS } from "./limits.ts";

type Listener = (hints: readonly CommitHint[]) => void;

export interface TailOptions {
  readonly database: Database;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Channel to listen to; undefined: nothing is told, the poll is enough. */
  readonly channel: string | undefined;
  /** Position to go on from. */
  readonly next: number;
  /** Is told of the last event that was read. */
  readonly onRead: (last: LogPlace) => void;
  /** Is told of all events, before watchers are. */
  readonly onEvents: (events: readonly CommitHint[]) => void;
}

export class Tail {
  readonly #options: TailOptions;
  readonly #watchers = new Map<Listener, (streamName: string) => boolean>();
  #next: number;
  #running: Promise<void> | undefined;
  #isAgain = false;
  #isClosed = false;
  #stopTimer = () => {};
  #listening: Promise<void> | undefined;
  /** When the last read began that came to the end. */
  #caughtUpMs: number;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#next = options.next;
    this.#caughtUpMs = options.timers.nowMs();
    this.#schedule();
    this.#listen();
  }

  /** Position up to which watchers were told. */
  get next(): number {
    return this.#next;
  }

  /** Milliseconds since watchers knew everything that was written. */
  get ageMs(): number {
    return this.#options.timers.nowMs() - this.#caughtUpMs;
  }

  watch(listener: Listener, isOf: (streamName: string) => boolean): () => void {
    this.#watchers.set(listener, isOf);
    return () => this.#watchers.delete(listener);
  }

  /**
   * Reads everything that is there, and tells watchers. Rejects as reads do.
   *
   * @param name `tail_v1`, or `synced_tail_v1`, which waits for the standbys.
   */
  async catchUp(name: "tail_v1" | "synced_tail_v1"): Promise<void> {
    const { database, timers } = this.#options;
    const eventsMax = POSTGRES_LIMITS.tailEventsMax;
    for (;;) {
      if (this.#isClosed) return;
      const beganMs = timers.nowMs();
      const rows = await database.read(name, [this.#next, eventsMax]);
      if (this.#isClosed) return;
      this.#take(rows);
      if (rows.length < eventsMax) {
        this.#caughtUpMs = beganMs;
        return;
      }
    }
  }

  /** Looks soon, unless everything before a position was told already. */
  poke(end = Infinity): void {
    if (this.#isClosed || end <= this.#next) return;
    if (this.#running !== undefined) {
      this.#isAgain = true;
      return;
    }
    this.#isAgain = false;
    this.#running = this.catchUp("tail_v1").catch(() => {}).finally(() => {
      this.#running = undefined;
      if (this.#isAgain) this.poke(end);
    });
  }

  /** Takes what this server has committed, or reads it with what is before. */
  takeOwn(written: readonly CommitHint[]): void {
    const [first] = written;
    if (this.#isClosed || first === undefined) return;
    const end = first.logPosition + written.length;
    if (first.logPosition !== this.#next) return this.poke(end);
    this.#next = end;
    this.#tell(written);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    this.#watchers.clear();
    await this.#running;
    await this.#listening;
  }

  /** Takes rows of a read; another one may have been faster. */
  #take(all: readonly Row[]): void {
    const rows = all.filter(([position]) => Number(position) >= this.#next);
    const last = rows.at(-1);
    if (last === undefined) return;
    const position = Number(last[0]);
    this.#next = position + 1;
    this.#options.onRead({ position, id: String(last[5]) });
    this.#tell(rows.map(hintOf));
  }

  #tell(events: readonly CommitHint[]): void {
    this.#options.onEvents(events);
    if (this.#watchers.size === 0) return;
    const hints = new Map<string, CommitHint>();
    for (const hint of events) {
      const key = `${hint.eventType}\u0000${hint.streamName}`;
      if (!hints.has(key)) hints.set(key, hint);
    }
    const all = [...hints.values()];
    for (const [listener, isOf] of [...this.#watchers]) {
      const wanted = all.filter(({ streamName }) => isOf(streamName));
      if (wanted.length === 0) continue;
      try {
        listener(wanted);
      } catch (error) {
        // What a listener does wrong must not keep others from hearing.
        this.#options.logger.error("store.listener_failed", {
          reason: String(error),
        });
      }
    }
  }

  #schedule(): void {
    this.#stopTimer = this.#options.timers.setTimer(
      POSTGRES_LIMITS.pollMs,
      () => {
        this.poke();
        this.#schedule();
        this.#listen();
      },
    );
  }

  /** Listens, unless it does already; the poll tries again what failed. */
  #listen(): void {
    const { database, channel } = this.#options;
    if (channel === undefined || this.#listening !== undefined) return;
    this.#listening = (async () => {
      try {
        const session = await database.session("listener");
        await session.listen(channel, (end) => this.poke(Number(end)));
        session.onEnd(() => {
          this.#listening = undefined;
        });
        // What was told before is not told again.
        this.poke();
      } catch {
        this.#listening = undefined;
      }
    })();
  }
}

function hintOf([position, number, name, isMeta, type]: Row): CommitHint {
  const stream = nameOf(name);
  const eventNumber = Number(number);
  return {
    streamName: isMeta === true ? metastreamOf(stream) : stream,
    eventType: nameOf(type),
    eventNumber: Math.min(eventNumber, TOMBSTONE_EVENT_NUMBER),
    logPosition: Number(position),
  };
}

function nameOf(value: unknown): string {
  return value instanceof Uint8Array ? decodeUtf8(value) : "";
}
