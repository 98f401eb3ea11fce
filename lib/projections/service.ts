/**
 * The service of projections: which there are, who may do what with them, and
 * when they run. Other servers over the same store follow the same streams.
 *
 * @module
 */

import type { Clock, Timers } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import {
  isUnnarrowed,
  type Principal,
  ROLE_ADMINS,
} from "../model/principal.ts";
import type { ProjectionCounts } from "../model/projection_counts.ts";
import { isSystemStream } from "../model/stream_names.ts";
import type { EventStore } from "../store/event_store.ts";
import { LeaseKeeper } from "../store/lease_keeper.ts";
import { StreamAccess } from "../streams/access.ts";
import type { ReadContext } from "../streams/context.ts";
import type {
  Caller,
  CommandOutcome,
  CreateCommand,
  DebugRequest,
  DeleteCommand,
  LogLine,
  ModeFilter,
  ProjectionCommand,
  ProjectionConfig,
  ProjectionService,
  ProjectionStatistics,
  QueryUpdate,
  QueryView,
  SourceRead,
  StateFeed,
  StateView,
  View,
} from "./contract.ts";
import { type DebugOutcome, QueryDebugger } from "./debugger.ts";
import { QueryDefiner } from "./define_query.ts";
import type { ManagedParts, ManagedProjection } from "./managed_projection.ts";
import { createFaultOf, nameFaultOf } from "./create_rules.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { leaseNameOf } from "./projection_life.ts";
import { Projections } from "./projections.ts";
import { readSource, type SourceReadOutcome } from "./read_source.ts";
import {
  DEFAULT_CONFIG,
  type ProjectionRecord,
  storedRunAs,
} from "./record.ts";
import { recordStreamOf, Registry } from "./registry.ts";
import type { ProjectionRuns } from "./run.ts";
import type { FindUser } from "./run_as.ts";
import { RunningSlots } from "./running_slots.ts";
import { isServedByIndex, STANDARD_RECORDS } from "./standard.ts";
import { WatchedStateFeed } from "./state_feed.ts";

/** What the service needs from outside. */
export interface ProjectionOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly timers: Timers;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  readonly logger: Logger;
  readonly limits: Limits;
  /** What runs projections; it is closed with the service. */
  readonly runs: ProjectionRuns;
  /** Which of them run: all, or those whose name starts with `$`. */
  readonly mode: "all" | "system";
  /** Whether nothing runs and nothing is changed. Default: no. */
  readonly isReadOnly?: boolean;
  /** Finds a user as it is now. Default: all are as they were. */
  readonly findUser?: FindUser;
  /** Whether a caller's login still holds. Default: always. */
  readonly isCurrent?: (caller: Principal) => boolean;
  /** Has a function called with each login that changes. Default: none does. */
  readonly onLoginChange?: (listener: (login: string) => void) => unknown;
  /** Finds out what a query describes. Default: its engine does. */
  readonly define?: ManagedParts["define"];
}

/**
 * Reads which projections there are, and begins to start them.
 *
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function openProjections(
  options: ProjectionOptions,
): Promise<ProjectionService> {
  const service = new Service(options);
  await service.open();
  return service;
}

class Service implements ProjectionService {
  readonly #options: ProjectionOptions;
  readonly #context: ReadContext;
  readonly #debugger: QueryDebugger;
  readonly #parts: ManagedParts;
  readonly #projections: Projections;
  readonly #feeds = new Set<WatchedStateFeed>();
  #isStopping = false;

  constructor(options: ProjectionOptions) {
    const { store, clock, newId, timers, limits, mode } = options;
    const isReadOnly = options.isReadOnly ?? false;
    const definer = new QueryDefiner({ timers, limits });
    this.#options = options;
    this.#context = { store, clock, access: new StreamAccess(store) };
    this.#debugger = new QueryDebugger(this.#context, { timers, limits });
    this.#parts = {
      ...options,
      isReadOnly,
      leases: new LeaseKeeper(store.leases, timers),
      registry: new Registry({ store, clock, newId }),
      slots: new RunningSlots(limits.projectionsRunningMax),
      memory: new MemoryBudget(limits.projectionsMemoryBytesMax),
      findUser: options.findUser ?? (() => Promise.resolve("unknown")),
      define: options.define ?? definer.define.bind(definer),
      mayRun: (name) => !isReadOnly && (mode === "all" || isSystemStream(name)),
    };
    this.#projections = new Projections(this.#parts);
    options.onLoginChange?.((login) => {
      this.#projections.recheckRights(login);
      for (const feed of this.#feeds) feed.wake();
    });
  }

  async open(): Promise<void> {
    await this.#projections.open();
  }

  // ── Changes ──────────────────────────────────────────────────────────────

  async create(
    caller: Caller,
    command: CreateCommand,
  ): Promise<CommandOutcome> {
    const { mode, query } = command;
    const name = command.name ||
      (mode === "Continuous" ? "" : this.#options.newId());
    if (name === "") return refused("Projection name is required");
    const mayCreate = caller !== undefined && isUnnarrowed(caller) &&
      (mode === "Transient" || caller.roles.has(ROLE_ADMINS));
    if (!mayCreate) return { kind: "unauthorized" };
    this.#refuseReadOnly();
    const { limits, store } = this.#options;
    const fault = createFaultOf(command, limits) ??
      nameFaultOf(name, store.limits) ??
      this.#countFault(caller, mode);
    if (fault !== undefined) return refused(fault);
    if (this.#projections.find(name) !== undefined) return conflict(name);
    const { handlerType } = command;
    const canEmit = command.emitEnabled && mode !== "Transient";
    const config = {
      ...DEFAULT_CONFIG,
      emitEnabled: canEmit,
      trackEmittedStreams: canEmit && command.trackEmittedStreams,
    };
    return await this.#createDefined(name, {
      handlerType,
      query,
      mode,
      isEnabled: command.isEnabled,
      config,
      hasCheckpoints: mode === "Continuous" ||
        mode === "OneTime" && command.hasCheckpoints,
      definition: undefined,
      epoch: -1,
      version: 0,
      runAs: storedRunAs(caller),
    });
  }

  /** Finds out what its query describes, and creates it. */
  async #createDefined(
    name: string,
    record: ProjectionRecord,
  ): Promise<CommandOutcome> {
    const canEmit = record.config.emitEnabled;
    const defined = await this.#parts.define({ ...record, canEmit });
    const { definition, engine, fault: queryFault } = {
      definition: undefined,
      engine: undefined,
      fault: undefined,
      ...defined,
    };
    let isCreated = false;
    try {
      isCreated = await this.#projections.create({
        name,
        record: { ...record, definition },
        queryFault,
        engine,
      });
      return isCreated ? { kind: "done", name } : conflict(name);
    } finally {
      if (!isCreated) engine?.engine[Symbol.dispose]();
    }
  }

  async updateQuery(
    caller: Caller,
    update: QueryUpdate,
  ): Promise<CommandOutcome> {
    const managed = this.#changeable(caller, update.name);
    if ("kind" in managed) return managed;
    const { projectionQueryLengthMax } = this.#options.limits;
    return update.query.length > projectionQueryLengthMax
      ? refused(`The query is longer than ${projectionQueryLengthMax}`)
      : await managed.updateQuery(update);
  }

  async updateConfig(
    caller: Caller,
    name: string,
    config: Partial<ProjectionConfig>,
  ): Promise<CommandOutcome> {
    const managed = this.#changeable(caller, name);
    return "kind" in managed ? managed : await managed.updateConfig(config);
  }

  async command(
    caller: Caller,
    name: string,
    command: ProjectionCommand,
  ): Promise<CommandOutcome> {
    const managed = this.#changeable(caller, name);
    return "kind" in managed ? managed : await managed[command]();
  }

  async delete(
    caller: Caller,
    command: DeleteCommand,
  ): Promise<CommandOutcome> {
    const { name } = command;
    if (STANDARD_RECORDS.has(name)) {
      return refused(
        "We currently don't allow for the deletion of System Projections.",
      );
    }
    const managed = this.#changeable(caller, name);
    if ("kind" in managed) return managed;
    const outcome = await managed.delete(command);
    if (outcome.kind === "done") this.#projections.forget(managed);
    return outcome;
  }

  // ── What there is ────────────────────────────────────────────────────────

  async ownerElsewhere(name: string): Promise<string | undefined> {
    const { members } = this.#options.store;
    if (members === undefined || isServedByIndex(name)) return undefined;
    const find = () => this.#projections.find(name);
    const known = find();
    if (known?.life.holdsLease && !known.isBehind) return undefined;
    // What others have written is heard of by now, and followed in turn.
    if (known === undefined) await this.#projections.settle();
    await find()?.settle();
    if (find()?.life.holdsLease) return undefined;
    const owner = await members.ownerOf(leaseNameOf(name));
    if (owner === undefined) await find()?.takeOver();
    return owner?.url;
  }

  list(filter: ModeFilter, which?: "own"): readonly ProjectionStatistics[] {
    const isListed = ({ record: { mode }, life }: ManagedProjection) =>
      (which === undefined || life.holdsLease) && (filter === "any" ||
        (filter === "all-non-transient"
          ? mode !== "Transient"
          : mode === filter));
    return this.#projections.all.filter(isListed).map(({ statistics }) =>
      statistics
    );
  }

  statistics(name: string): ProjectionStatistics | undefined {
    return this.#find(name)?.statistics;
  }

  query(_caller: Caller, name: string): View<QueryView> {
    const managed = this.#find(name);
    if (managed === undefined) return NOT_FOUND;
    const { query, config, definition } = managed.record;
    const view = {
      name,
      query,
      emitEnabled: config.emitEnabled,
      definition,
      resultStreamName: definition === undefined ? "" : resultStreamOf(managed),
    };
    return { kind: "found", view };
  }

  config(_caller: Caller, name: string): View<ProjectionConfig> {
    const managed = this.#find(name);
    return managed === undefined
      ? NOT_FOUND
      : { kind: "found", view: managed.record.config };
  }

  state(
    caller: Caller,
    name: string,
    partition: string,
  ): Promise<View<StateView>> {
    return this.#view(caller, name, ({ life }) => life.state(partition));
  }

  result(
    caller: Caller,
    name: string,
    partition: string,
  ): Promise<View<StateView>> {
    return this.#view(caller, name, ({ life }) => life.result(partition));
  }

  log(caller: Caller, name: string): Promise<View<readonly LogLine[]>> {
    return this.#view(caller, name, ({ life }) => life.log);
  }

  watch(
    caller: Caller,
    name: string,
    what: "state" | "result",
    partition: string,
  ): Promise<View<StateFeed>> {
    return this.#view(caller, name, (managed) => {
      const { life } = managed;
      // When another server begins to run it, the client asks that one.
      const wasElsewhere = life.isElsewhere;
      const isThere = async () =>
        !this.#isStopping && !managed.isEnded &&
        (wasElsewhere || !life.isElsewhere) &&
        await this.#maySee(caller, managed);
      const feed = new WatchedStateFeed({
        listen: (listener) => life.listen(listener),
        read: async () => {
          if (!await isThere()) return undefined;
          managed.touch();
          return await life[what](partition);
        },
      }, () => this.#feeds.delete(feed));
      this.#feeds.add(feed);
      return feed;
    });
  }

  async readEvents(
    caller: Caller,
    read: SourceRead,
  ): Promise<SourceReadOutcome> {
    return await readSource(this.#context, caller, read);
  }

  async debug(caller: Caller, request: DebugRequest): Promise<DebugOutcome> {
    return await this.#debugger.debug(caller, request);
  }

  counts(): readonly ProjectionCounts[] {
    return this.#projections.all.map(({ name, status, life }) => {
      const { eventsProcessed = 0, lagEvents } = life.run?.status ?? {};
      return {
        name,
        isRunning: life.core === "running",
        isFaulted: status.managed === "Faulted",
        eventsProcessed,
        lagEvents,
      };
    });
  }

  // ── The end ──────────────────────────────────────────────────────────────

  endWaiting(): void {
    this.#isStopping = true;
    for (const feed of [...this.#feeds]) feed.close();
  }

  async close(): Promise<void> {
    this.endWaiting();
    await this.#projections.close();
    await this.#parts.runs.close();
  }

  // ── Below ────────────────────────────────────────────────────────────────

  /** One that is asked for, and stays the longer for it. */
  #find(name: string): ManagedProjection | undefined {
    const managed = this.#projections.find(name);
    managed?.touch();
    return managed;
  }

  #changeable(
    caller: Caller,
    name: string,
  ):
    | ManagedProjection
    | Extract<CommandOutcome, { kind: "notFound" | "unauthorized" }> {
    const managed = this.#find(name);
    if (managed === undefined) return NOT_FOUND;
    const isAllowed = caller !== undefined && isUnnarrowed(caller) &&
      (caller.roles.has(ROLE_ADMINS) ||
        managed.record.mode === "Transient" && isCreator(caller, managed));
    if (!isAllowed) return { kind: "unauthorized" };
    this.#refuseReadOnly();
    return managed;
  }

  async #view<T>(
    caller: Caller,
    name: string,
    read: (managed: ManagedProjection) => T | Promise<T>,
  ): Promise<View<T>> {
    const managed = this.#find(name);
    if (managed === undefined) return NOT_FOUND;
    if (!await this.#maySee(caller, managed)) return { kind: "unauthorized" };
    return { kind: "found", view: await read(managed) };
  }

  /** Its creator, administrators, and readers of its results. */
  async #maySee(caller: Caller, managed: ManagedProjection): Promise<boolean> {
    if (caller === undefined) return false;
    if (this.#options.isCurrent?.(caller) === false) return false;
    if (isCreator(caller, managed) || caller.roles.has(ROLE_ADMINS)) {
      return true;
    }
    const { store, access } = this.#context;
    const streamName = resultStreamOf(managed);
    const state = store.local?.peekState(streamName) ??
      await store.readState(streamName);
    const right = await access.readAccess(caller, streamName, state);
    return right !== "denied";
  }

  #refuseReadOnly(): void {
    if (!this.#parts.isReadOnly) return;
    throw new QuipuError("storeReadOnly", "The store is read-only");
  }

  #countFault(caller: Principal, mode: string): string | undefined {
    const { projectionsMax, projectionTransientsPerUserMax } =
      this.#options.limits;
    const { all } = this.#projections;
    if (all.length >= projectionsMax) {
      return `There are as many projections as there may be: ${projectionsMax}`;
    }
    if (mode !== "Transient") return undefined;
    const own = all.filter((managed) =>
      managed.record.mode === "Transient" && isCreator(caller, managed)
    );
    return own.length < projectionTransientsPerUserMax
      ? undefined
      : "The user has as many transient projections as one may have: " +
        projectionTransientsPerUserMax;
  }
}

const NOT_FOUND = { kind: "notFound" } as const;

function refused(reason: string): CommandOutcome {
  return { kind: "refused", reason };
}

function conflict(name: string): CommandOutcome {
  const reason = `Duplicate projection name: ${name}`;
  return { kind: "conflict", reason };
}

function isCreator({ login }: Principal, { record }: ManagedProjection) {
  return record.runAs.name === login;
}

function resultStreamOf({ name, record }: ManagedProjection): string {
  return record.definition?.options.resultStreamName ??
    `${recordStreamOf(name)}-result`;
}
