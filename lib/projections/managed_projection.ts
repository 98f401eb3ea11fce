/**
 * A projection and the commands that change it (spec: projections §5). Each
 * change is written first, and then its run follows: a crash in between ends
 * with what was written.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import type {
  CommandOutcome,
  DeleteCommand,
  ProjectionConfig,
  ProjectionStatistics,
  QueryUpdate,
} from "./contract.ts";
import { deleteStreamsOf, deletionOf } from "./delete_streams.ts";
import {
  discardEngine,
  type EngineInTransit,
  isEngineOf,
  type LifeParts,
  ProjectionLife,
} from "./projection_life.ts";
import type { DefinedEngine } from "./run.ts";
import type { ProjectionRecord } from "./record.ts";
import type { Registration, Registry } from "./registry.ts";
import { isServedByIndex, listQueryFault } from "./standard.ts";
import { type ProjectionStatus, statusOf } from "./status.ts";

/** Times that a change is decided anew because of others' changes. */
const CONFLICTS_MAX = 20;

/** What projections work with. */
export interface ManagedParts extends LifeParts {
  readonly registry: Registry;
  /** Whether nothing may be written. */
  readonly isReadOnly: boolean;
}

/** A projection before it is changed for the first time here. */
export interface ManagedSetup {
  readonly name: string;
  /** Undefined: it is not registered, since it is transient or built in. */
  readonly registration: Registration | undefined;
  readonly record: ProjectionRecord;
  /** Why its query describes nothing, if that is known. */
  readonly queryFault?: string | undefined;
  /** An engine that has run its query already. */
  readonly engine?: DefinedEngine | undefined;
}

/** How the run follows a change. */
type Effect = "stop" | "abort" | "restart" | "none";

type Change =
  | CommandOutcome
  | { readonly record: ProjectionRecord; readonly effect: Effect };

const REFUSED = {
  config:
    "Cannot update the config of a projection that hasn't been stopped or faulted.",
  delete: "Cannot delete a projection that hasn't been stopped or faulted.",
} as const;

/** One projection. */
export class ManagedProjection {
  readonly name: string;
  readonly life: ProjectionLife;
  readonly #parts: ManagedParts;
  #registration: Registration | undefined;
  #record: ProjectionRecord;
  /** Version and epoch with which it was last started or prepared. */
  #shown: { readonly version: number; readonly epoch: number };
  #isAborted = false;
  #isEnded = false;
  /** Why the query describes nothing, as far as it was asked. */
  #queryFault: string | undefined;
  /** Where the query was looked at last, until a run takes it. */
  readonly #transit: EngineInTransit = { engine: undefined };
  /** Changes, one after another. */
  #turns: Promise<unknown> = Promise.resolve();
  #accessedAtMs: number;
  /** Times that it has heard of others' changes and not followed yet. */
  #heardCount = 0;

  constructor(setup: ManagedSetup, parts: ManagedParts) {
    const { name, registration, record, queryFault } = setup;
    this.name = name;
    this.#parts = parts;
    this.#registration = registration;
    this.#record = record;
    this.#queryFault = queryFault;
    this.#transit.engine = setup.engine;
    this.#shown = record;
    this.#accessedAtMs = parts.timers.nowMs();
    this.life = new ProjectionLife(parts, {
      // No other server knows of it.
      keepsLease: record.mode === "Transient",
      inTurn: (work) => void this.#doInTurn(work),
      restart: () => void this.#doInTurn(() => this.#restart()),
    });
  }

  get record(): ProjectionRecord {
    return this.#record;
  }

  get registration(): Registration | undefined {
    return this.#registration;
  }

  get status(): ProjectionStatus {
    const { life } = this;
    return statusOf({
      isEnabled: this.#isToRun,
      isAborted: this.#isAborted,
      fault: life.run?.status.isUnprepared === true
        ? "unprepared"
        : life.fault?.kind,
      core: life.core,
    });
  }

  /** Whether it was deleted, or the server stops. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** When somebody last asked for it, on the timers' clock. */
  get accessedAtMs(): number {
    return this.#accessedAtMs;
  }

  /** Notes that somebody asks for it. */
  touch(): void {
    this.#accessedAtMs = this.#parts.timers.nowMs();
  }

  /**
   * Starts it if it is to run; else shows it as it was stopped. A deletion that
   * was begun is ended.
   */
  open(): Promise<void> {
    return this.#inTurn(() =>
      this.#record.deletion === undefined
        ? this.#settle()
        : this.#finishDeletion()
    );
  }

  enable(): Promise<CommandOutcome> {
    return this.#change(async (record) => {
      if (this.status.managed === "Running") return this.#done;
      // A limit may be another by now.
      this.#queryFault = undefined;
      return {
        record: { ...await this.#redefined(record), isEnabled: true },
        effect: "restart",
      };
    });
  }

  disable(): Promise<CommandOutcome> {
    return this.#change((record) => {
      this.#isAborted = false;
      return { record: { ...record, isEnabled: false }, effect: "stop" };
    });
  }

  abort(): Promise<CommandOutcome> {
    return this.#change((record) => {
      this.#isAborted ||= this.status.managed !== "Stopped";
      return { record: { ...record, isEnabled: false }, effect: "abort" };
    });
  }

  reset(): Promise<CommandOutcome> {
    return this.#change(async (record) => ({
      record: { ...await this.#redefined(record), epoch: record.version + 1 },
      effect: "restart",
    }));
  }

  updateQuery(update: QueryUpdate): Promise<CommandOutcome> {
    const { query, handlerType, emitEnabled } = update;
    return this.#change(async (record) => {
      if (isServedByIndex(this.name)) {
        const reason = listQueryFault(this.name, update);
        if (reason !== undefined) return { kind: "refused", reason };
        return { record, effect: "restart" };
      }
      const { config, mode, version, epoch } = record;
      const isOver = this.status.managed === "Completed";
      const canEmit = mode !== "Transient" &&
        (emitEnabled ?? config.emitEnabled);
      const updated = {
        ...record,
        query,
        handlerType: handlerType ?? record.handlerType,
        config: { ...config, emitEnabled: canEmit },
        definition: undefined,
        epoch: isOver ? version + 1 : epoch,
      };
      this.#queryFault = undefined;
      return { record: await this.#redefined(updated), effect: "restart" };
    });
  }

  updateConfig(config: Partial<ProjectionConfig>): Promise<CommandOutcome> {
    return this.#change((record) => {
      if (!this.#mayBeChanged) {
        return { kind: "refused", reason: REFUSED.config };
      }
      const changed = { ...record.config, ...config };
      return { record: { ...record, config: changed }, effect: "none" };
    });
  }

  /** Deletes it with streams of it, and strikes it out of the registry. */
  delete(command: DeleteCommand): Promise<CommandOutcome> {
    return this.#inTurn(async () => {
      if (!this.#mayBeChanged) {
        return { kind: "refused", reason: REFUSED.delete };
      }
      const deletion = deletionOf(this.#record, command);
      if (deletion.doneCount > 0) {
        const record = { ...this.#record, isEnabled: false, deletion };
        const outcome = await this.#write(() => ({ record, effect: "stop" }));
        if (outcome.kind !== "done") return outcome;
      }
      await this.#finishDeletion();
      return this.#done;
    });
  }

  /** Takes over what somebody else has written. */
  async followRecord(): Promise<void> {
    this.#heardCount++;
    try {
      await this.#inTurn(async () => {
        if (!this.#isEnded) await this.#reload();
      });
    } finally {
      this.#heardCount--;
    }
  }

  /** Whether somebody else has written what is not taken over yet. */
  get isBehind(): boolean {
    return this.#heardCount > 0;
  }

  /** Waits for the changes that are under way. */
  async settle(): Promise<void> {
    await this.#turns;
  }

  /** Has this server run or show it, now that no other has it. */
  async takeOver(): Promise<void> {
    await this.#doInTurn(async () => {
      if (this.life.isElsewhere) await this.#restart();
    });
  }

  /** Its creator may have other rights by now. */
  recheckRights(): Promise<void> {
    return this.#inTurn(async () => {
      const isConcerned = !this.#isEnded && this.#isToRun &&
        await this.life.hasOtherRights(this.#record);
      if (isConcerned) await this.#follow("stop", "restart");
    });
  }

  /** Ends it on this server, with a checkpoint. */
  end(): Promise<void> {
    this.#isEnded = true;
    return this.#inTurn(async () => {
      discardEngine(this.#transit);
      await this.life.end(this.name);
    });
  }

  // ── Below ────────────────────────────────────────────────────────────────

  get #done(): CommandOutcome {
    return { kind: "done", name: this.name };
  }

  get #isToRun(): boolean {
    return this.#record.isEnabled && this.#parts.mayRun(this.name);
  }

  get #mayBeChanged(): boolean {
    const { managed } = this.status;
    return this.#record.mode === "Transient" || managed === "Stopped" ||
      managed === "Faulted";
  }

  #change(
    decide: (record: ProjectionRecord) => Change | Promise<Change>,
  ): Promise<CommandOutcome> {
    return this.#inTurn(() => this.#write(decide));
  }

  /** Decides, writes, and lets the run follow. */
  async #write(
    decide: (record: ProjectionRecord) => Change | Promise<Change>,
  ): Promise<CommandOutcome> {
    for (let attempt = 0; attempt < CONFLICTS_MAX; attempt++) {
      if (this.#isEnded) return { kind: "notFound" };
      const change = await decide(this.#record);
      if ("kind" in change) return change;
      const version = this.#record.version + 1;
      const written = await this.#store({ ...change.record, version });
      if (written === undefined) {
        await this.#reload();
        continue;
      }
      this.#record = written;
      if (change.effect !== "none") {
        if (change.effect !== "abort") this.#isAborted = false;
        await this.#follow(
          change.effect === "abort" ? "abort" : "stop",
          change.effect,
        );
      }
      return this.#done;
    }
    return { kind: "refused", reason: "Too many changes at once, try again" };
  }

  /** @returns The record as it was written; undefined: somebody was faster. */
  async #store(
    record: ProjectionRecord,
  ): Promise<ProjectionRecord | undefined> {
    const { registry, isReadOnly } = this.#parts;
    if (record.mode === "Transient") {
      if (!isReadOnly) return record;
      throw new QuipuError("storeReadOnly", "The store is read-only");
    }
    if (this.#registration !== undefined) {
      const isWritten = await registry.writeRecords(this.name, [record]);
      return isWritten ? record : undefined;
    }
    // A built-in one is registered when it is first changed.
    const registration = registry.find(this.name) ??
      await registry.register(this.name);
    if (registration === undefined) return undefined;
    const version = await registry.nextVersion(this.name);
    const changed = {
      ...record,
      version: version + 1,
      epoch: record.epoch < 0 ? -1 : version + 1,
    };
    const records = [{ ...this.#record, version }, changed] as const;
    if (!await registry.writeRecords(this.name, records)) return undefined;
    this.#registration = registration;
    return changed;
  }

  /** Reads what was written by others. */
  async #reload(): Promise<void> {
    const { registry } = this.#parts;
    const registration = registry.find(this.name);
    if (registration === undefined) return;
    const record = await registry.readRecord(registration);
    if (record === undefined) return;
    this.#registration = registration;
    if (record.version === this.#record.version) return;
    const before = this.#record;
    this.#record = record;
    this.#isAborted = false;
    this.#queryFault = undefined;
    const isRestart = record.isEnabled || record.epoch !== before.epoch ||
      record.query !== before.query;
    await this.#follow("stop", isRestart ? "restart" : "stop");
  }

  async #restart(): Promise<void> {
    if (!this.#isEnded) await this.#follow("abort", "restart");
  }

  async #follow(how: "stop" | "abort", effect: Effect): Promise<void> {
    await this.life.stop(this.name, { withCheckpoint: how === "stop" });
    if (effect === "restart" && !this.#isEnded) await this.#settle();
  }

  /** Work that nobody waits for. */
  async #doInTurn(work: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn(work);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const { name } = this;
      this.#parts.logger.warn("projection.failed", { name, reason });
    }
  }

  /** Starts it if it is to run; else shows it as it was stopped. */
  async #settle(): Promise<void> {
    const { name } = this;
    const record = await this.#redefined(this.#record);
    this.#record = record;
    if (record.definition === undefined) {
      const isNew = this.life.run === undefined;
      if (isNew) this.#shown = { version: -1, epoch: -1 };
      const reason = this.#queryFault ?? "";
      this.life.refuse({ kind: "unprepared", reason });
      return;
    }
    const number = this.#registration?.number ?? -1;
    const started = { name, number, record };
    const { engine } = this.#transit;
    if (engine !== undefined && !isEngineOf(engine, record)) {
      discardEngine(this.#transit);
    }
    if (this.#isToRun) await this.life.start(started, this.#transit);
    else {
      discardEngine(this.#transit);
      await this.life.load(started);
    }
    this.#shown = record;
  }

  /** The record with what its query describes, if it describes anything. */
  async #redefined(record: ProjectionRecord): Promise<ProjectionRecord> {
    const isKnown = record.definition !== undefined ||
      this.#queryFault !== undefined;
    if (isKnown) return record;
    discardEngine(this.#transit);
    const { config: { emitEnabled: canEmit } } = record;
    const defined = await this.#parts.define({ ...record, canEmit });
    if ("fault" in defined) {
      this.#queryFault = defined.fault;
      return record;
    }
    this.#transit.engine = defined.engine;
    return { ...record, definition: defined.definition };
  }

  async #finishDeletion(): Promise<void> {
    const { store, registry } = this.#parts;
    const { deletion } = this.#record;
    if (deletion !== undefined) {
      await deleteStreamsOf(store, this.name, deletion);
    }
    while (registry.find(this.name)?.number === this.#registration?.number) {
      if (this.#registration === undefined) break;
      await registry.strike(this.name);
    }
    this.#isEnded = true;
    discardEngine(this.#transit);
    await this.life.end(this.name);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => {});
    return turn;
  }

  /** What is known of it at this moment. */
  get statistics(): ProjectionStatistics {
    const { life } = this;
    const { mode, runAs, definition } = this.#record;
    const status = life.run?.status;
    const { text, managed } = this.status;
    const isShown = managed === "Faulted" && this.#record.isEnabled ||
      life.fault !== undefined;
    return {
      name: this.name,
      mode,
      version: this.#shown.version,
      epoch: this.#shown.epoch,
      status: text,
      stateReason: isShown ? life.fault?.reason ?? status?.reason ?? "" : "",
      position: status?.position,
      lastCheckpoint: status?.lastCheckpoint,
      progress: status?.progress ?? 0,
      checkpointStatus: status?.checkpointStatus ?? "",
      coreProcessingTimeMs: status?.coreProcessingTimeMs ?? 0,
      eventsProcessedAfterRestart: status?.eventsProcessed ?? 0,
      bufferedEvents: status?.bufferedEvents ?? 0,
      partitionsCached: status?.partitionsCached ?? 0,
      readsInProgress: status?.readsInProgress ?? 0,
      writesInProgress: status?.writesInProgress ?? 0,
      writePendingEventsBeforeCheckpoint: 0,
      writePendingEventsAfterCheckpoint: status?.pendingWrites ?? 0,
      resultStreamName: definition?.options.resultStreamName,
      eventsPerSecond: status?.eventsPerSecond ?? 0,
      lagEvents: status?.lagEvents,
      lagMs: status?.lagMs ?? 0,
      runAs: runAs.name === "$system" ? undefined : runAs.name,
    };
  }
}
