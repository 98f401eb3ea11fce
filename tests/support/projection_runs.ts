/**
 * Runs of projections over a store in memory, and short ways to look at what
 * they do.
 *
 * @module
 */

import type { ProposedEvent, RecordedEvent } from "../../lib/model/event.ts";
import { LIMITS, type Limits } from "../../lib/model/limits.ts";
import { SYSTEM_PRINCIPAL } from "../../lib/model/principal.ts";
import type { ProjectionConfig } from "../../lib/projections/contract.ts";
import type {
  ProjectionRun,
  ProjectionRuns,
  RunSettings,
} from "../../lib/projections/run.ts";
import { openProjectionRuns } from "../../lib/projections/running/projection_runs.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { anEvent, createTestClock, type TestClock } from "./events.ts";
import { createModelStore } from "./model_store.ts";

/** The original's defaults (spec: projections §4.4). */
export const DEFAULT_CONFIG: ProjectionConfig = {
  emitEnabled: true,
  trackEmittedStreams: false,
  checkpointAfterMs: 0,
  checkpointHandledThreshold: 4000,
  checkpointUnhandledBytesThreshold: 10_000_000,
  pendingEventsThreshold: 5000,
  maxWriteBatchLength: 500,
  maxAllowedWritesInFlight: 0,
};

/** Settings of a run, with what tests change. */
export type RunChanges =
  & Partial<Omit<RunSettings, "config">>
  & { readonly config?: Partial<ProjectionConfig> };

/** A store and what runs over it. */
export interface RunFixture {
  readonly store: EventStore;
  readonly clock: TestClock;
  readonly runs: ProjectionRuns;
  /** Starts a continuous projection that may emit. */
  start(query: string, changes?: RunChanges): Promise<ProjectionRun>;
  /** Appends JSON events of type `evt` with `{n}`. */
  append(streamName: string, ...numbers: readonly number[]): Promise<void>;
  appendEvents(
    streamName: string,
    events: readonly Partial<ProposedEvent>[],
  ): Promise<void>;
  /** All events of a stream, hidden ones too. */
  read(streamName: string): Promise<readonly RecordedEvent[]>;
}

/** Makes that over an empty store, by default a model store. */
export function createRunFixture(
  { limits = {}, openRuns = openProjectionRuns, ...options }: {
    readonly limits?: Partial<Limits>;
    readonly store?: EventStore;
    /** Of another source than the program's. */
    readonly openRuns?: typeof openProjectionRuns;
  } = {},
): RunFixture {
  const clock = createTestClock();
  const newId = () => crypto.randomUUID();
  const store = options.store ??
    createModelStore({ clock, newEventId: newId });
  const runs = openRuns({
    store,
    clock,
    timers: SYSTEM_TIMERS,
    limits: { ...LIMITS, ...limits },
    newId,
  });
  const fixture: RunFixture = {
    store,
    clock,
    runs,
    async start(query, changes = {}) {
      const settings = await settingsOf(store, query, changes);
      return runs.start(settings);
    },
    append: (streamName, ...numbers) =>
      fixture.appendEvents(
        streamName,
        numbers.map((n) => ({ data: `{"n":${n}}` })),
      ),
    async appendEvents(streamName, events) {
      clock.advanceMs(1);
      await store.append({
        streamName,
        expectedVersion: "any",
        events: events.map((event) =>
          anEvent(0, { eventId: newId(), eventType: "evt", ...event })
        ),
      });
    },
    read: (streamName) => readAllOf(store, streamName),
  };
  return fixture;
}

async function settingsOf(
  store: EventStore,
  query: string,
  { config, ...changes }: RunChanges,
): Promise<RunSettings> {
  const name = changes.name ?? "p";
  return {
    name,
    mode: "Continuous",
    handlerType: "JS",
    query,
    hasCheckpoints: true,
    number: 7,
    epoch: -1,
    version: 0,
    runAs: SYSTEM_PRINCIPAL,
    definition: undefined,
    runs: true,
    lease: await store.leases.acquire(`projection:${name} ${++last}`, 60_000),
    ...changes,
    config: { ...DEFAULT_CONFIG, ...config },
  };
}

let last = 0;

async function readAllOf(
  store: EventStore,
  streamName: string,
): Promise<readonly RecordedEvent[]> {
  const { head } = await store.readState(streamName);
  const events: RecordedEvent[] = [];
  for (let from = 0; from <= head;) {
    const { entries, continueFrom } = await store.readStream({
      streamName,
      from,
      count: 1000,
      direction: "forward",
      withBodies: true,
    });
    events.push(...entries.map(({ event }) => event));
    from = continueFrom ?? from + 1000;
  }
  return events;
}

/** Settles when a run has taken everything that there is, or has ended. */
export async function caughtUp(
  run: ProjectionRun,
  isThere: () => boolean | Promise<boolean>,
): Promise<void> {
  const ended = run.ended.then(() => true);
  for (let round = 0; round < 2000; round++) {
    if (await isThere()) return;
    const isOver = await Promise.race([ended, pause()]);
    if (isOver) {
      if (await isThere()) return;
      throw new Error(`The run has ended: ${run.status.reason}`);
    }
  }
  throw new Error(`It does not come to pass: ${JSON.stringify(run.status)}`);
}

function pause(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 5));
}

/** Settles when the state of a partition is that. */
export function hasState(
  run: ProjectionRun,
  text: string,
  partition = "",
): Promise<void> {
  return caughtUp(run, async () => (await run.state(partition)).text === text);
}

/** Settles when a run has faulted; with its reason. */
export async function faultOf(run: ProjectionRun): Promise<string> {
  await run.ended;
  if (run.status.phase === "faulted") return run.status.reason;
  throw new Error(`Expected a fault: ${run.status.phase}`);
}

/** Texts of events, such as `evt {"n":1}`. */
export function textsOf(events: readonly RecordedEvent[]): string[] {
  const decoder = new TextDecoder();
  return events.map(({ eventType, data }) =>
    `${eventType} ${decoder.decode(data)}`
  );
}
