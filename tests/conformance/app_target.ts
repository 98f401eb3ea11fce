/**
 * What recorded requests are replayed against: the whole interface over the
 * model store, in this process.
 *
 * @module
 */

import { MaintenanceService } from "../../lib/maintenance/maintenance_service.ts";
import { JobBoard } from "../../lib/maintenance/job_board.ts";
import { ScavengeHistory } from "../../lib/maintenance/scavenge_history.ts";
import { openAuth } from "../../lib/users/open_auth.ts";
import { type App, createApp } from "../../lib/http/app.ts";
import { createHostCheck } from "../../lib/http/hosts.ts";
import {
  type HttpServer,
  serveHttp,
  type ServeOptions,
} from "../../lib/http/server.ts";
import type { Clock, Timers } from "../../lib/model/clock.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { StoreMaintenance } from "../../lib/store/maintenance.ts";
import { createStreamService } from "../../lib/streams/stream_service.ts";
import { showOptions } from "../../lib/cli/options/node_options.ts";
import { resolveOptions } from "../../lib/cli/options/resolve_options.ts";
import type {
  ProjectionService,
  ProjectionStatistics,
} from "../../lib/projections/contract.ts";
import { openProjectionRuns } from "../../lib/projections/running/projection_runs.ts";
import { openProjections } from "../../lib/projections/service.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { openSubscriptions } from "../../lib/subscriptions/service.ts";
import { createManualTimers, watchCalls } from "../support/manual_timers.ts";
import { createTestIds } from "../support/events.ts";
import { createModelStore } from "../support/model_store.ts";
import { isSomethingPending } from "../support/test_store.ts";
import { CHEAP_COST } from "../support/test_auth.ts";
import { inProcessTarget, serverTarget, type Target } from "./target.ts";

/** What the program shows when it is started without any. */
const OPTIONS = showOptions(
  resolveOptions({ args: [], environment: {}, readFile: () => "" }).values,
);

/** So much faster than recorded time passes, of which most is waiting. */
const REAL_TIME_SHARE = 10;

const CLIENT: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 50_000 },
  completed: Promise.resolve(),
};

/**
 * Opens a target with the default users and nothing else. Their password is
 * the published one, as it was on the recorded server.
 */
export async function openTarget(): Promise<Target> {
  return await openAppTarget(createModelStore);
}

/** Makes the store under a target; the target closes it. */
export type OpenStore = (
  options: { readonly clock: Clock; readonly newEventId: () => string },
) => EventStore | Promise<EventStore>;

/** Opens a target in this process whose requests go over a socket. */
export async function openSocketTarget(
  serve: (options: ServeOptions) => HttpServer | Promise<HttpServer> =
    serveHttp,
): Promise<Target> {
  const opened = await openApp(createModelStore, SYSTEM_TIMERS);
  const server = await serve({
    app: opened.app,
    hostname: "127.0.0.1",
    port: 0,
    logger: SILENT_LOGGER,
  });
  const target = serverTarget(`http://127.0.0.1:${server.port}`);
  return {
    ...target,
    async [Symbol.asyncDispose]() {
      await target[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await opened.close();
    },
  };
}

/** Opens a target in this process over a store. */
export async function openAppTarget(openStore: OpenStore): Promise<Target> {
  let isBusy = () => false;
  const timers = createManualTimers(() => isBusy());
  const openWatched: OpenStore = async (options) => {
    const store = await openStore(options);
    const isCalled = watchCalls(store);
    isBusy = () => isCalled() || isSomethingPending();
    return store;
  };
  const { app, clock, close, projections } = await openApp(
    openWatched,
    timers,
  );
  return inProcessTarget({
    async handle(request) {
      await projections.settle();
      return await app(request, CLIENT);
    },
    async advance(durationMs) {
      clock.advanceMs(durationMs);
      await timers.pass(durationMs);
      // Queries run in workers, whose time is real.
      if (projections.hasQueries()) await delay(durationMs / REAL_TIME_SHARE);
    },
    async close() {
      app.close();
      await close();
    },
  });
}

interface OpenedApp {
  readonly app: App;
  readonly clock: TickingClock;
  readonly projections: WatchedProjections;
  /** Closes what the app stands on. */
  readonly close: () => Promise<void>;
}

async function openApp(
  openStore: OpenStore,
  timers: Timers,
): Promise<OpenedApp> {
  const clock = createTickingClock();
  const newEventId = createTestIds();
  const store = await openStore({ clock, newEventId });
  const { authenticator, users, tokens, findUser } = await openAuth({
    timers: SYSTEM_TIMERS,
    store,
    clock,
    newEventId,
    logger: SILENT_LOGGER,
    isLoopbackServer: true,
    adminPassword: undefined,
    passwordCost: CHEAP_COST,
  });
  const jobs = new JobBoard({
    clock,
    newId: newEventId,
    logger: SILENT_LOGGER,
  });
  const maintenance = maintenanceOf(store);
  const scavengeHistory = new ScavengeHistory({
    store,
    clock,
    newEventId,
    logger: SILENT_LOGGER,
    nodeEndpoint: "127.0.0.1:2113",
    maxAgeDays: 30,
  });
  const subscriptions = await openSubscriptions({
    store,
    clock,
    timers,
    newId: newEventId,
    logger: SILENT_LOGGER,
  });
  const inReal = {
    store,
    clock,
    timers: SYSTEM_TIMERS,
    newId: newEventId,
    limits: LIMITS,
  };
  const projections = await openProjections({
    ...inReal,
    logger: SILENT_LOGGER,
    runs: openProjectionRuns(inReal),
    mode: "all",
    findUser,
  });
  const app = createApp({
    store,
    subscriptions,
    projections,
    maintenance: new MaintenanceService({
      store: Object.assign(store, { maintenance }),
      jobs,
      clock,
      logger: SILENT_LOGGER,
      version: "0.0.0",
      scavengeHistory,
    }),
    // As of a server with default options.
    answersHost: createHostCheck({ listensOn: "127.0.0.1" }),
    streams: createStreamService({ store, clock }),
    authenticate: (authorization, request) =>
      authenticator.authenticate(authorization, request),
    users,
    tokens,
    logger: SILENT_LOGGER,
    newId: newEventId,
    node: { version: "0.0.0", projectionsMode: "All", options: OPTIONS },
  });
  return {
    app,
    clock,
    projections: new WatchedProjections(projections),
    async close() {
      authenticator.close();
      await subscriptions.close();
      await projections.close();
      await jobs.close();
      await scavengeHistory.close();
      await store.close();
    },
  };
}

const NO_CACHE = { hits: 0, misses: 0 };

/** For a store without maintenance: requests for it are taken, and refused. */
function maintenanceOf(
  store: EventStore,
): StoreMaintenance {
  if (store.maintenance !== undefined) return store.maintenance;
  const refuse = (): never => {
    throw new QuipuError("storeReadOnly", "This store has no maintenance");
  };
  return {
    isReadOnly: false,
    figures: () => ({
      segmentCount: 1,
      streamCount: 0,
      openFileCount: 0,
      caches: { records: NO_CACHE, indexBlocks: NO_CACHE },
    }),
    verify: refuse,
    openBackup: refuse,
    scavenge: refuse,
  };
}

/** Longest time that a request waits for projections before it. */
const SETTLE_MS_MAX = 5_000;
const LOOK_MS = 4;

/**
 * Knows when projections have come to rest. Requests were recorded one after
 * the other by hand, so to speak: in between, the recorded server had done what
 * there was to do.
 */
class WatchedProjections {
  readonly #service: ProjectionService;
  readonly #standardCount: number;

  constructor(service: ProjectionService) {
    this.#service = service;
    this.#standardCount = service.list("any").length;
  }

  /** Whether there are any besides the standard ones. */
  hasQueries(): boolean {
    return this.#service.list("any").length > this.#standardCount;
  }

  async settle(): Promise<void> {
    if (!this.hasQueries()) return;
    let last: string | undefined;
    for (let waitedMs = 0; waitedMs < SETTLE_MS_MAX; waitedMs += LOOK_MS) {
      const list = this.#service.list("any");
      const now = list.some(isUnderWay) ? undefined : JSON.stringify(
        list.map(({ position, lastCheckpoint, status, version }) => [
          position,
          lastCheckpoint,
          status,
          version,
        ]),
      );
      if (now !== undefined && now === last) return;
      last = now;
      await delay(LOOK_MS);
    }
  }
}

function isUnderWay(
  { status, progress, lagEvents, writesInProgress }: ProjectionStatistics,
): boolean {
  // How many events are left is not known of the whole log.
  const isBehind = lagEvents === undefined ? progress === -1 : lagEvents > 0;
  return /\/St(art|opp)ing$/.test(status) || writesInProgress > 0 ||
    status === "Running" && isBehind;
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

interface TickingClock extends Clock {
  advanceMs(durationMs: number): void;
}

/** A clock that no two callers see alike, so that every event has its time. */
function createTickingClock(): TickingClock {
  let nowUs = Date.UTC(2026, 0, 1) * 1000;
  return {
    nowUs: () => ++nowUs,
    advanceMs(durationMs) {
      nowUs += durationMs * 1000;
    },
  };
}
