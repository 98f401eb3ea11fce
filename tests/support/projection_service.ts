/**
 * The service of projections on a model store, with runs that do what a test
 * says, and short ways to ask it.
 *
 * @module
 */

import { LIMITS } from "../../lib/model/limits.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type {
  CommandOutcome,
  CreateCommand,
  ProjectionCommand,
  ProjectionService,
  ProjectionStatistics,
  StateView,
} from "../../lib/projections/contract.ts";
import type {
  ProjectionRun,
  ProjectionRuns,
  RunSettings,
  RunStatus,
} from "../../lib/projections/run.ts";
import {
  openProjections,
  type ProjectionOptions,
} from "../../lib/projections/service.ts";
import { STANDARD_RECORDS } from "../../lib/projections/standard.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";
import { createTestClock, createTestIds, type TestClock } from "./events.ts";
import { createManualTimers, type ManualTimers } from "./manual_timers.ts";
import { createModelStore } from "./model_store.ts";
import { ADMIN } from "./stream_service.ts";

/** A run that stands where a test puts it. */
export class PuppetRun implements ProjectionRun {
  readonly settings: RunSettings;
  readonly prepared = Promise.resolve();
  readonly ended: Promise<void>;
  readonly log: { atMs: number; event: string; text: string }[] = [];
  /** How it was stopped; undefined: it was not. */
  stopped: { readonly withCheckpoint: boolean } | undefined;
  isDisposed = false;
  onChange: (() => void) | undefined;
  /** States by partition. */
  readonly states = new Map<string, string>();
  readonly #end = Promise.withResolvers<void>();
  #status: RunStatus;

  constructor(settings: RunSettings) {
    this.settings = settings;
    this.ended = this.#end.promise;
    this.#status = {
      phase: settings.runs ? "running" : "stopped",
      reason: "",
      isUnprepared: false,
      definition: settings.definition,
      position: { streams: [["s", -1]] },
      lastCheckpoint: { streams: [["s", -1]] },
      progress: -1,
      checkpointStatus: "",
      coreProcessingTimeMs: 0,
      eventsProcessed: 0,
      bufferedEvents: 0,
      partitionsCached: 1,
      readsInProgress: 0,
      writesInProgress: 0,
      pendingWrites: 0,
      eventsPerSecond: 0,
      lagEvents: undefined,
      lagMs: 0,
    };
  }

  get status(): RunStatus {
    return this.#status;
  }

  /** Goes on to another status. */
  become(changes: Partial<RunStatus>): void {
    this.#status = { ...this.#status, ...changes };
    const { phase } = this.#status;
    if (["completed", "faulted", "stopped"].includes(phase)) {
      this.#end.resolve();
    }
    this.onChange?.();
  }

  /** Has another state. */
  show(text: string, partition = ""): void {
    this.states.set(partition, text);
    this.onChange?.();
  }

  state(partition: string): Promise<StateView> {
    const text = this.states.get(partition) ?? "";
    return Promise.resolve({ text, position: undefined });
  }

  result(partition: string): Promise<StateView> {
    return this.state(partition);
  }

  stop(how: { readonly withCheckpoint: boolean }): Promise<void> {
    this.stopped = how;
    this.become({ phase: "stopped" });
    return Promise.resolve();
  }

  dispose(): void {
    this.isDisposed = true;
  }
}

/** A service, what it stands on, and steps to take with it. */
export interface ProjectionFixture {
  readonly service: ProjectionService;
  readonly store: EventStore;
  readonly clock: TestClock;
  readonly timers: ManualTimers;
  /** Those that were started, but for built-in ones; the last one last. */
  readonly started: readonly PuppetRun[];
  /** The last run of a projection. */
  runOf(name: string): PuppetRun;
  /** Creates a continuous one called `p`, unless the changes say otherwise. */
  create(changes?: Partial<CreateCommand>): Promise<CommandOutcome>;
  /** Gives commands to `p`; each must be done. */
  command(...commands: ProjectionCommand[]): Promise<void>;
  statistics(name?: string): ProjectionStatistics;
  /** `status: reason` of a projection. */
  statusOf(name?: string): string;
  /** What the events of a stream hold, each as text; with the type in front. */
  eventsOf(streamName: string): Promise<string[]>;
  /** What the last record of `p` says. */
  lastRecord(name?: string): Promise<Record<string, unknown>>;
  /** Ends the service in order, and opens another on the same store. */
  restart(): Promise<ProjectionFixture>;
}

/** What a query describes in these tests. */
export const DEFINITION = {
  allEvents: true,
  categories: [],
  events: [],
  streams: ["s"],
  options: { definesFold: true },
} as const;

/** A query that cannot be prepared in these tests. */
export const BAD_QUERY = "bad";

/** Makes a service on a store, by default an empty model store. */
export async function openProjectionFixture(
  options: Partial<ProjectionOptions> & {
    readonly clock?: TestClock;
    readonly timers?: ManualTimers;
  } = {},
): Promise<ProjectionFixture> {
  const clock = options.clock ?? createTestClock();
  const newId = options.newId ?? createTestIds();
  const store = options.store ?? createModelStore({ clock, newEventId: newId });
  const timers = options.timers ?? createManualTimers();
  const all: PuppetRun[] = [];
  const started: PuppetRun[] = [];
  const runs: ProjectionRuns = {
    start(settings) {
      const run = new PuppetRun(settings);
      all.push(run);
      if (!STANDARD_RECORDS.has(settings.name)) started.push(run);
      return run;
    },
    close: () => Promise.resolve(),
  };
  const service = await openProjections({
    logger: SILENT_LOGGER,
    limits: LIMITS,
    mode: "all",
    runs,
    define: ({ query }) =>
      Promise.resolve(
        query === BAD_QUERY
          ? { fault: "It is bad" }
          : { definition: DEFINITION },
      ),
    ...options,
    store,
    clock,
    newId,
    timers,
  });
  const fixture: ProjectionFixture = {
    service,
    store,
    clock,
    timers,
    started,
    runOf(name) {
      const run = all.findLast(({ settings }) => settings.name === name);
      if (run === undefined) throw new Error(`${name} was never started`);
      return run;
    },
    async create(changes = {}) {
      const outcome = await service.create(ADMIN, aProjection(changes));
      await timers.pass(0);
      return outcome;
    },
    async command(...commands) {
      for (const command of commands) {
        const outcome = await service.command(ADMIN, "p", command);
        if (outcome.kind !== "done") throw new Error(outcome.kind);
        await timers.pass(0);
      }
    },
    statistics(name = "p") {
      const statistics = service.statistics(name);
      if (statistics === undefined) throw new Error(`There is no ${name}`);
      return statistics;
    },
    statusOf(name = "p") {
      const { status, stateReason } = fixture.statistics(name);
      return `${status}: ${stateReason}`;
    },
    async eventsOf(streamName) {
      const { entries } = await store.readStream({
        streamName,
        from: 0,
        count: 1000,
        direction: "forward",
        withBodies: true,
      });
      return entries.map(({ event }) =>
        `${event.eventType} ${decodeUtf8(event.data)}`
      );
    },
    async lastRecord(name = "p") {
      const events = await fixture.eventsOf(`$projections-${name}`);
      const text = events.at(-1) ?? "";
      return JSON.parse(text.slice(text.indexOf(" ")));
    },
    async restart() {
      await service.close();
      return await openProjectionFixture({
        ...options,
        store,
        clock,
        newId,
        timers: createManualTimers(),
      });
    },
  };
  await timers.pass(0);
  return fixture;
}

/** A continuous projection called `p` to be created. */
export function aProjection(
  changes: Partial<CreateCommand> = {},
): CreateCommand {
  return {
    mode: "Continuous",
    name: "p",
    handlerType: "JS",
    query: "fromStream('s')",
    isEnabled: true,
    hasCheckpoints: false,
    emitEnabled: false,
    trackEmittedStreams: false,
    ...changes,
  };
}
