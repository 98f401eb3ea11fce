/**
 * The runs of one projection: taking its lease, starting it with the rights of
 * its creator, trying again while another server has it, stopping it. Calls
 * come one after another.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";
import type { Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { Principal } from "../model/principal.ts";
import type { EventStore } from "../store/event_store.ts";
import type { LeaseKeeper } from "../store/lease_keeper.ts";
import type { Lease } from "../store/leases.ts";
import type { LogLine, StateView } from "./contract.ts";
import { type Definition, scriptOf } from "./define_query.ts";
import type { MemoryBudget, MemoryTaker } from "./memory_budget.ts";
import type { ProjectionRecord } from "./record.ts";
import type {
  DefinedEngine,
  DefinedQuery,
  ProjectionRun,
  ProjectionRuns,
} from "./run.ts";
import { type FindUser, resolveRunAs } from "./run_as.ts";
import type { RunningSlots } from "./running_slots.ts";
import { IndexRun, isServedByIndex } from "./standard.ts";
import type { StatusFacts } from "./status.ts";

/** What projections run by. */
export interface LifeParts {
  readonly store: EventStore;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly leases: LeaseKeeper;
  readonly runs: ProjectionRuns;
  readonly slots: RunningSlots;
  readonly memory: MemoryBudget;
  readonly findUser: FindUser;
  /** Finds out what a query describes. */
  readonly define: (query: DefinedQuery) => Promise<Definition>;
  /** Whether projections of that name run on this server. */
  readonly mayRun: (name: string) => boolean;
}

/** What is started. */
export interface StartedProjection {
  readonly name: string;
  /** Of the registry; -1: it has none. */
  readonly number: number;
  readonly record: ProjectionRecord;
}

/** An engine on its way from the definition of a query to its run. */
export interface EngineInTransit {
  engine: DefinedEngine | undefined;
}

/** Whether an engine has run a projection's query as it is. */
export function isEngineOf(
  { query }: DefinedEngine,
  record: ProjectionRecord,
): boolean {
  return query.query === record.query &&
    query.handlerType === record.handlerType &&
    query.canEmit === record.config.emitEnabled;
}

/** Ends an engine that no run has taken. */
export function discardEngine(transit: EngineInTransit): void {
  transit.engine?.engine[Symbol.dispose]();
  transit.engine = undefined;
}

/** Why a projection does not run that should. */
export interface StartFault {
  readonly kind: NonNullable<StatusFacts["fault"]>;
  readonly reason: string;
}

const NOTHING: StateView = { text: "", position: undefined };

/** What the runs of a projection ask of it. */
export interface LifeOwner {
  /** Whether it stays this server's when it is stopped. */
  readonly keepsLease: boolean;
  /** Called when the lease was lost, or may be free by now. */
  restart(): void;
  /** Does something once no command is under way; what fails is logged. */
  inTurn(work: () => Promise<void>): void;
}

/** One projection's runs, one at a time. */
export class ProjectionLife {
  readonly #parts: LifeParts;
  readonly #listeners = new Set<() => void>();
  #run: ProjectionRun | undefined;
  #lease: Lease | undefined;
  #fault: StartFault | undefined;
  /** Whether the last run was stopped without a checkpoint. */
  #isCutOff = false;
  /** Whether another server has the lease: what it has written is shown. */
  #isElsewhere = false;
  /** Whether somebody has asked for its state meanwhile. */
  #wasAsked = false;
  /** Whose rights the last run has. */
  #actsAs: Principal | undefined;
  /** Lines of earlier runs. */
  #earlierLog: readonly LogLine[] = [];
  #cancelRetry: (() => void) | undefined;
  readonly #owner: LifeOwner;

  constructor(parts: LifeParts, owner: LifeOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  get run(): ProjectionRun | undefined {
    return this.#run;
  }

  /** Whether it is this server's: no other may run it. */
  get holdsLease(): boolean {
    return this.#lease !== undefined;
  }

  /** Whether another server ran it when this one last tried to. */
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  get fault(): StartFault | undefined {
    return this.#fault;
  }

  get core(): StatusFacts["core"] {
    const phase = this.#run?.status.phase;
    if (phase === undefined || this.#isElsewhere) return "none";
    return phase === "stopped" && this.#isCutOff ? "aborted" : phase;
  }

  /** The last lines, oldest first. */
  get log(): readonly LogLine[] {
    const lines = [...this.#earlierLog, ...this.#run?.log ?? []];
    return lines.slice(-this.#parts.limits.projectionLogKeptMax);
  }

  /** Calls a function after each change; the one that is returned ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async state(partition: string): Promise<StateView> {
    this.#wasAsked = true;
    return await this.#run?.state(partition) ?? NOTHING;
  }

  async result(partition: string): Promise<StateView> {
    this.#wasAsked = true;
    return await this.#run?.result(partition) ?? NOTHING;
  }

  /** Says that it cannot run, whatever it is asked. */
  refuse(fault: StartFault): void {
    this.#fault = fault;
    this.#notify();
  }

  /**
   * Starts it; what keeps it from running is its fault, and is logged.
   *
   * @param transit An engine that has its query, which is taken.
   */
  async start(
    started: StartedProjection,
    transit: EngineInTransit,
  ): Promise<void> {
    const { name, record } = started;
    this.#cancelRetry?.();
    this.#fault = undefined;
    try {
      if (!isServedByIndex(name) && !await this.claim(name)) {
        this.#isElsewhere = true;
        const isAsked = this.#run === undefined || this.#wasAsked;
        if (isAsked) await this.#loadRun(started);
        this.#wasAsked = false;
        this.#notify();
        this.#retryLater();
        return;
      }
      const fault = await this.#begin(started, transit);
      if (fault === undefined) {
        const { version } = record;
        this.#note("projection.started", { name, version });
        return;
      }
      this.refuse({ kind: "notStarted", reason: fault });
      this.#complain(name, fault);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.logger.warn("projection.not_started", { name, reason });
      this.#retryLater();
    } finally {
      discardEngine(transit);
    }
  }

  /** Whether its creator has other rights than when it was started. */
  async hasOtherRights({ runAs }: ProjectionRecord): Promise<boolean> {
    const found = await resolveRunAs(runAs, this.#parts.findUser);
    if ("fault" in found || this.#fault !== undefined) return true;
    const { roles } = found.principal;
    const before = this.#actsAs?.roles;
    return before === undefined || before.size !== roles.size ||
      [...roles].some((role) => !before.has(role));
  }

  /** Shows a stopped projection as its checkpoint says, once that is read. */
  async load(started: StartedProjection): Promise<void> {
    const { members } = this.#parts.store;
    const lease = leaseNameOf(started.name);
    const owner = await members?.ownerOf(lease);
    // It may still be writing its last checkpoint.
    this.#isElsewhere = owner !== undefined;
    await this.#loadRun(started);
    if (this.#isElsewhere) this.#retryLater();
  }

  async #loadRun(
    { name, number, record }: StartedProjection,
  ): Promise<void> {
    this.#fault = undefined;
    if (isServedByIndex(name)) {
      this.#replace(new IndexRun(this.#parts.store, false));
      return;
    }
    const { runAs, definition } = record;
    if (definition === undefined) return;
    const run = this.#parts.runs.start({
      ...settingsOf({ name, number, record }),
      // Nothing is read with it but what the projection wrote.
      runAs: {
        login: runAs.name,
        roles: new Set(runAs.roles),
        isReadOnly: false,
      },
      runs: false,
      lease: undefined,
    });
    this.#replace(run);
    await run.prepared;
  }

  /** Ends its run, which can still be looked at, and gives back the lease. */
  async stop(
    name: string,
    { withCheckpoint }: { readonly withCheckpoint: boolean },
  ): Promise<void> {
    this.#cancelRetry?.();
    if (this.#fault?.kind === "notStarted") this.#fault = undefined;
    const run = this.#run;
    const isUnderWay = run !== undefined && !isOver(run);
    if (isUnderWay) {
      this.#isCutOff = !withCheckpoint;
      await run.stop({ withCheckpoint });
      this.#note("projection.stopped", { name });
    }
    if (!this.#owner.keepsLease) await this.#release();
    this.#notify();
  }

  /** Ends it for good, and what is waited for with it. */
  async end(name: string): Promise<void> {
    await this.stop(name, { withCheckpoint: true });
    await this.#release();
    this.#run?.dispose();
    this.#run = undefined;
    this.#notify();
    this.#listeners.clear();
  }

  /** Makes it this server's; false: it is another's. */
  async claim(name: string): Promise<boolean> {
    this.#lease ??= await this.#parts.leases.acquire(
      leaseNameOf(name),
      () => {
        this.#lease = undefined;
        this.#owner.restart();
      },
    );
    return this.#lease !== undefined;
  }

  async #release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#parts.leases.release(lease);
  }

  /** @returns Why it cannot run. */
  async #begin(
    started: StartedProjection,
    transit: EngineInTransit,
  ): Promise<string | undefined> {
    const { store, runs, slots, memory, findUser } = this.#parts;
    const { name, record } = started;
    this.#isElsewhere = false;
    if (isServedByIndex(name)) {
      this.#replace(new IndexRun(store, true));
      return undefined;
    }
    const runAs = await resolveRunAs(record.runAs, findUser);
    if ("fault" in runAs) return runAs.fault;
    const found = scriptOf(record.handlerType, record.query);
    if ("fault" in found) return found.fault;
    const giveBack = slots.take(record.mode);
    if (giveBack === undefined) return slots.fullReason;
    this.#actsAs = runAs.principal;
    const { engine } = transit;
    transit.engine = undefined;
    const run = runs.start({
      ...settingsOf(started),
      query: found.script,
      showsEventIds: found.showsEventIds,
      runAs: runAs.principal,
      runs: true,
      lease: this.#lease,
      ...(engine !== undefined && { engine }),
    });
    this.#replace(run);
    const taker: MemoryTaker = {
      giveUp: (reason) =>
        this.#owner.inTurn(() => this.#giveUp(run, { name, reason })),
    };
    run.onChange = () => {
      const { phase, memoryBytes = 0 } = run.status;
      if (phase === "running") memory.note(taker, memoryBytes);
      this.#notify();
    };
    void run.ended.then(() => {
      giveBack();
      memory.note(taker, 0);
      const { phase, reason } = run.status;
      if (phase === "faulted") this.#complain(name, reason);
      if (phase === "completed") {
        this.#note("projection.completed", { name });
      }
    });
    // Whoever gave the command finds the state as of the checkpoint.
    await run.prepared;
    return undefined;
  }

  /** Ends a run that takes too much. */
  async #giveUp(
    run: ProjectionRun,
    { name, reason }: { readonly name: string; readonly reason: string },
  ): Promise<void> {
    if (this.#run !== run || isOver(run)) return;
    await this.stop(name, { withCheckpoint: true });
    this.refuse({ kind: "notStarted", reason });
    this.#complain(name, reason);
  }

  #replace(run: ProjectionRun): void {
    this.#earlierLog = this.log;
    if (this.#run !== undefined) {
      this.#run.onChange = undefined;
      this.#run.dispose();
    }
    this.#isCutOff = false;
    this.#run = run;
    run.onChange = () => this.#notify();
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #retryLater(): void {
    const { timers, limits } = this.#parts;
    this.#cancelRetry?.();
    this.#cancelRetry = timers.setTimer(
      limits.projectionRetryMs,
      () => this.#owner.restart(),
    );
  }

  /** Logs a step of its life; nothing starts or stops what the index serves. */
  #note(event: string, fields: { readonly name: string; version?: number }) {
    if (isServedByIndex(fields.name)) return;
    this.#parts.logger.info(event, fields);
  }

  #complain(name: string, reason: string): void {
    this.#parts.logger.warn("projection.faulted", { name, reason });
  }
}

/** Name of the lease under which a projection runs. */
export function leaseNameOf(name: string): string {
  return `projection:${name}`;
}

/** Whether a run has come to its end. */
export function isOver({ status: { phase } }: ProjectionRun): boolean {
  return phase === "stopped" || phase === "completed" || phase === "faulted";
}

function settingsOf({ name, number, record }: StartedProjection) {
  const { mode, query, config, hasCheckpoints, definition } = record;
  const { epoch, version } = record;
  return {
    name,
    mode,
    handlerType: record.handlerType,
    query,
    config,
    hasCheckpoints,
    definition,
    number,
    epoch,
    version,
  };
}
