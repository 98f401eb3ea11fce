/**
 * Writes: takes what waits, has it committed by one call, and takes again. One
 * commit is under way at a time; what comes meanwhile is the next group.
 *
 * An answer that does not come leaves in doubt what was written. Then the
 * session is closed, and once the primary is known again everything of the
 * group is decided anew on what is there: ids tell what was written. A group
 * that is given up may still be committed later; its conditions, and those of
 * what takes its place, let only one of them pass.
 *
 * @module
 */

import type { Clock, Timers } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { StoreObserver } from "../../lib/store/store_observer.ts";
import { Batch, type WrittenEvent } from "./batch.ts";
import { closedError, type Database, refusalOfDatabase } from "./database.ts";
import { decide, type Decided, wantFor } from "./decide.ts";
import { type Connection, DatabaseError } from "./driver.ts";
import { addFastUnit, takeGroup, type Taken, type Unit } from "./group.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import { decideImports, isImport, wantForImport } from "./import_runs.ts";
import { Look } from "./look.ts";
import {
  type Asked,
  type Pending,
  type PendingQueue,
  refuse,
} from "./pending.ts";

export interface WriterOptions {
  readonly database: Database;
  readonly queue: PendingQueue;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly observer: StoreObserver;
  readonly newEventId: () => string;
  /** Where commits are told; undefined: nowhere. */
  readonly channel: string | undefined;
  /** Why nothing is written; undefined: it is. */
  readonly refusal: () => QuipuError | undefined;
  /** Is told of the events of each commit, before they are acknowledged. */
  readonly onCommit: (written: readonly WrittenEvent[]) => void;
}

export class Writer {
  readonly #options: WriterOptions;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Has a request written. */
  ask(asked: Asked, reject: (error: Error) => void): void {
    const { queue, timers, refusal } = this.#options;
    const refused = this.#isClosed ? closedError() : refusal();
    if (refused !== undefined) return reject(refused);
    queue.push(asked, reject, timers.nowMs());
    this.#running ??= this.#run();
  }

  /** Finishes what was asked, and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { queue, logger } = this.#options;
    // What comes in the same turn is in the first group.
    await Promise.resolve();
    while (!queue.isEmpty) {
      try {
        await this.#writeGroup();
      } catch (error) {
        logger.error("postgres.group_failed", { reason: String(error) });
        const reason = error instanceof Error
          ? error
          : new Error(String(error));
        for (const pending of queue.requests) refuse(pending, reason);
      }
      queue.sweep();
    }
    this.#running = undefined;
  }

  async #writeGroup(): Promise<void> {
    const { database, queue } = this.#options;
    this.#refuseLate();
    queue.sweep();
    let session: Connection;
    try {
      session = await database.session("writer");
    } catch (error) {
      if (!(error instanceof QuipuError)) throw error;
      // Those whose fate is not known go on waiting, the others need not.
      const isGone = error.code === "storeClosed";
      for (const pending of queue.requests) {
        if (isGone || !pending.isInDoubt) refuse(pending, error);
      }
      return;
    }
    const { fast, looking } = takeGroup(queue.requests);
    const taken = [
      ...fast.flatMap(({ members }) => members.map(({ pending }) => pending)),
      ...looking,
    ];
    try {
      await this.#commit(session, fast, looking);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.#onFailure(error, taken);
    }
  }

  async #commit(
    session: Connection,
    fast: Taken["fast"],
    looking: readonly Pending[],
  ): Promise<void> {
    const { clock, queue, observer } = this.#options;
    const nowUs = clock.nowUs();
    const batch = new Batch();
    const units = fast.map((unit) => addFastUnit(batch, unit, nowUs));
    const answers = await this.#decide(session, looking, {
      batch,
      units,
      nowUs,
    });
    let written = 0;
    if (batch.eventCount > 0) {
      const requests = units.reduce(
        (sum, unit) => sum + unit.requests.length,
        0,
      );
      observer.groupEncoded(requests, batch.eventCount, batch.bodyBytes);
      written = await this.#append(session, batch, units);
    }
    if (written === 0 && answers.length > 0) {
      // What others wrote may be there and be lost with the primary; a commit
      // of ours would say the same.
      await session.call("barrier_v1", []);
    }
    for (const { answer } of answers) answer();
    queue.sweep();
  }

  /** Decides those that look; adds the units of what they write. */
  async #decide(
    session: Connection,
    looking: readonly Pending[],
    { batch, units, nowUs }: {
      readonly batch: Batch;
      readonly units: Unit[];
      readonly nowUs: number;
    },
  ): Promise<{ readonly answer: () => void }[]> {
    if (looking.length === 0) return [];
    const { newEventId } = this.#options;
    const look = new Look();
    const imports = looking.filter(isImport);
    for (const pending of looking) wantFor(look, pending);
    for (const pending of imports) wantForImport(look, pending);
    await look.look(session);
    const answers: { readonly answer: () => void }[] = [];
    /** Streams that this group writes to, so that what was read is old. */
    const written = new Set<string>();
    const deciding = { look, batch, nowUs, newEventId };
    const take = (decided: Decided) => {
      if ("number" in decided) units.push(decided);
      else answers.push(decided);
    };
    if (imports.length > 0) {
      (await decideImports(imports, deciding, session)).forEach(take);
      for (const { streams } of imports) streams.forEach((s) => written.add(s));
    }
    for (const pending of looking) {
      pending.mustLook = true;
      if (isImport(pending)) continue;
      if (pending.streams.some((name) => written.has(name))) continue;
      const decided = decide(pending, deciding);
      take(decided);
      if (!("number" in decided)) continue;
      for (const name of pending.streams) written.add(name);
    }
    return answers;
  }

  /** Has a batch committed; tells how many events were. */
  async #append(
    session: Connection,
    batch: Batch,
    units: readonly Unit[],
  ): Promise<number> {
    const { channel, timers, observer, onCommit } = this.#options;
    const sinceMs = timers.nowMs();
    const [row] = await session.call(
      "append_v1",
      batch.toArguments(channel),
    );
    observer.committed(timers.nowMs() - sinceMs);
    const [met, lost, heads, base, written] = row ?? [];
    if (!isNumbers(lost) || !isNumbers(heads) || !Array.isArray(met)) {
      throw new Error("append_v1 answers in another way than it should");
    }
    if (Number(written) > 0) {
      onCommit(batch.writtenEvents({ met, heads, base: Number(base) }));
    }
    for (const { number, requests, answer } of units) {
      if (met[number - 1] === true) {
        answer(heads);
      } else if (lost.includes(number)) {
        refuseLeaseLost(requests);
      } else {
        for (const pending of requests) pending.mustLook = true;
      }
    }
    return Number(written);
  }

  #onFailure(error: DatabaseError, taken: readonly Pending[]): void {
    const { database, logger } = this.#options;
    database.dropIfLost(error);
    const refusal = refusalOfDatabase(error);
    const isRefused = error.state !== undefined && !isPassing(error.state);
    logger.warn("postgres.append_failed", {
      state: error.state,
      reason: error.message,
      requests: taken.length,
    });
    for (const pending of taken) {
      if (pending.isSettled) continue;
      if (isRefused) {
        refuse(pending, refusal);
      } else {
        pending.mustLook = true;
        pending.isInDoubt = true;
      }
    }
  }

  /** Refuses those that have waited too long to learn what became of them. */
  #refuseLate(): void {
    const { queue, timers } = this.#options;
    const leastMs = timers.nowMs() - POSTGRES_LIMITS.doubtMs;
    for (const pending of queue.requests) {
      if (pending.sinceMs >= leastMs || !pending.isInDoubt) continue;
      refuse(
        pending,
        new QuipuError(
          "storeReadOnly",
          "The database did not answer: the append may be written or not; " +
            "send it again",
        ),
      );
    }
  }
}

/**
 * Whether an error passes: the session is lost, two appends met without their
 * lock, or a wait for it was too long.
 */
function isPassing(state: string): boolean {
  return state.startsWith("08") || state.startsWith("57") ||
    state.startsWith("40") || state === "25006" || state === "53300" ||
    state === "23505" || state === "55P03";
}

function refuseLeaseLost(requests: readonly Pending[]): void {
  for (const pending of requests) {
    const { asked } = pending;
    const name = asked.kind === "append"
      ? asked.request.lease?.name
      : undefined;
    refuse(
      pending,
      new QuipuError("leaseLost", `The lease of "${name ?? ""}" is lost`),
    );
  }
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((item) => typeof item === "number");
}
