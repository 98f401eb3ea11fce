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

  constructor(options: TailOptions) {
    this.#options = options;
    this.#next = options.next;
    this.#schedule();
    this.#listen();
  }

  /** Position up to which watchers were told. */
  get next(): number {
    return this.#next;
  }

  watch(listener: Listener, isOf: (streamName: string) => boolean): () => void {
    this.#watchers.set(listener, isOf);
    return () => this.#watchers.delete(listener);
  }

  /**
   * Settles when watchers were told of everything before a position. Rejects as
   * reads do.
   */
  async reach(position: number): Promise<void> {
    while (this.#next < position && !this.#isClosed) await this.#look();
  }

  /** Looks soon. */
  poke(): void {
    if (this.#isClosed) return;
    this.#look().catch(() => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    this.#watchers.clear();
    await this.#running?.catch(() => {});
    await this.#listening;
  }

  /** Reads what is new; who asks while it reads is answered by the next read. */
  #look(): Promise<void> {
    if (this.#running !== undefined) {
      if (this.#isAgain) return this.#running;
    }
    const before = this.#running;
    const running = (before ?? Promise.resolve()).catch(() => {})
      .then(() => {
        this.#isAgain = false;
        return this.#read();
      })
      .finally(() => {
        if (this.#running === running) this.#running = undefined;
      });
    this.#isAgain = before !== undefined;
    this.#running = running;
    return running;
  }

  async #read(): Promise<void> {
    const { database } = this.#options;
    const eventsMax = POSTGRES_LIMITS.tailEventsMax;
    for (;;) {
      if (this.#isClosed) return;
      const from = this.#next;
      const rows = await database.read("tail_v1", [from, eventsMax]);
      const last = rows.at(-1);
      if (last === undefined || this.#isClosed) return;
      const position = Number(last[0]);
      if (this.#next === from) this.#next = position + 1;
      this.#options.onRead({ position, id: String(last[5]) });
      this.#tell(rows);
      if (rows.length < eventsMax) return;
    }
  }

  #tell(rows: readonly Row[]): void {
    if (this.#watchers.size === 0) return;
    const hints = new Map<string, CommitHint>();
    for (const row of rows) {
      const hint = hintOf(row);
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
        this.#look().catch(() => {}).finally(() => {
          if (this.#isClosed) return;
          this.#schedule();
          this.#listen();
        });
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
        await session.listen(channel, () => this.poke());
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
