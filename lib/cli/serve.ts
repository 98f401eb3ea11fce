/**
 * `quipu serve`: puts every part of the server together.
 *
 *   options → listen → open store → services → app … → close in reverse
 *
 * @module
 */

import { createWorkerIndexMaker } from "../../storage/index/worker_index_maker.ts";
import { openStore } from "../../storage/mod.ts";
import { openServices } from "../embed/services.ts";
import { type App, withRequestLog } from "../http/app.ts";
import { createLateApp } from "../http/late_app.ts";
import { createHostCheck } from "../http/hosts.ts";
import {
  type HttpServer,
  serveHttp,
  type ServeOptions,
} from "../http/server.ts";
import type { Limits } from "../model/limits.ts";
import type { LeveledLogger } from "../model/logger.ts";
import { newEventId } from "../runtime/event_ids.ts";
import {
  canOpenFiles,
  onUnhandledError,
  readDeviceSpace,
  readProcessUsage,
  revokePermissions,
  VERSION,
} from "../runtime/process.ts";
import { listenForStopSignals, onVerbositySignal } from "../runtime/signals.ts";
import {
  SYSTEM_CLOCK as clock,
  SYSTEM_TIMERS,
} from "../runtime/system_clock.ts";
import { isDatabaseUrl } from "../store/database_url.ts";
import type { EventStore } from "../store/event_store.ts";
import type { StoreObserver } from "../store/store_observer.ts";
import { readAnonymousRights } from "../streams/access.ts";
import { createLogger, debugToggle } from "../telemetry/logger.ts";
import { ActivityHistory } from "../telemetry/activity_history.ts";
import { processFamilies } from "../telemetry/process_metrics.ts";
import { SlowWarnings } from "../telemetry/slow_warnings.ts";
import { StoreMetrics } from "../telemetry/store_metrics.ts";
import { isLoopbackAddress, parseIpRanges } from "../text/addresses.ts";
import { isLoopbackHost } from "../text/hosts.ts";
import type { Auth } from "../users/open_auth.ts";
import { defineCommand } from "./command.ts";
import { listenError, RunError } from "./failures.ts";
import { limitsOf } from "./options/limit_options.ts";
import { showOptions } from "./options/node_options.ts";
import { OPTION_NAMES, type OptionValues } from "./options/options.ts";
import type { ResolvedOptions } from "./options/resolve_options.ts";
import { parseBaseUrl, parseHosts, parseOrigins } from "./options/text_form.ts";
import { databaseOf, openSharedStore } from "./shared_store.ts";
import {
  addressOf,
  announceDefaultUsers,
  logBug,
  logStart,
  startBanner,
} from "./start_notes.ts";
import { closeInTime, drainInTime } from "./stop_server.ts";
import {
  isErrorTerminal,
  printNote,
  printText,
  wantsColours,
} from "./terminal.ts";
import { readTlsPair, type TlsPair } from "./tls_files.ts";

export const SERVE = defineCommand({
  name: "serve",
  summary: "Run the server until it is told to stop (Ctrl-C or SIGTERM)",
  options: OPTION_NAMES,
}, serve);

/**
 * A server that can hold so many connections gives up the permission to listen
 * again. With fewer files to open, it may need it: connections that use up all
 * of them end the platform's listening for good (`serveHttp`).
 */
const AMPLE_FILES = 2000;

/** Listens as the options say; what few use is loaded where it is used. */
async function listenOn(
  { host, port, reasonPhrases }: OptionValues,
  options: Omit<ServeOptions, "hostname" | "port">,
): Promise<HttpServer> {
  const all = { ...options, hostname: host, port };
  try {
    if (!reasonPhrases) return serveHttp(all);
    const { serveWithPhrases } = await import("../http/phrase_server.ts");
    return await serveWithPhrases(all);
  } catch (error) {
    throw listenError(addressOf({ host, port }), error);
  }
}

/** Runs the server until a signal asks it to stop. */
async function serve(options: ResolvedOptions): Promise<void> {
  const { values } = options;
  const database = databaseOf(values);
  const hasColours = wantsColours();
  // Who names a format, or wants no colours, has a program read the log.
  const isReadByPeople = isErrorTerminal() && hasColours &&
    options.origins.logFormat === "default";
  const logger = createLogger({
    level: values.logLevel,
    format: isReadByPeople ? "terminal" : values.logFormat,
    clock,
    writer: Deno.stderr,
  });
  // From the beginning, so that no signal ends the program halfway through
  // opening the store.
  using signals = listenForStopSignals();
  onUnhandledError((error) => logBug(logger, error));
  logStart(logger, { version: VERSION, options });
  // The driver of the database looks into the environment when it connects.
  revokePermissions(
    database === undefined ? ["run", "ffi", "env"] : ["run", "ffi"],
    logger,
  );
  using _verbosity = onVerbositySignal(debugToggle(logger, values.logLevel));
  const tls = readTls(values);
  const limits = limitsOf(values);
  const shutdown = Promise.withResolvers<"shutdown" | "lost">();
  const late = createLateApp(limits);
  // Before the store is opened: a start in vain must not leave a new one.
  const server = await listenOn(values, {
    app: late.app,
    tls,
    logger,
    times: limits,
    onLost: () => shutdown.resolve("lost"),
  });
  const storeMetrics = new StoreMetrics(
    new SlowWarnings({
      logger,
      event: "store.slow",
      thresholdMs: values.slowSyncMs,
    }),
  );

  const storeParts = { limits, logger, observer: storeMetrics };
  const store = database === undefined
    ? await openFiles(values, storeParts)
    : await openSharedStore(values, { address: database, ...storeParts });
  // At once, so that nobody connects meanwhile: it uses files up.
  const hasAmpleFiles = canOpenFiles(AMPLE_FILES);
  let closeMsMax: number | undefined;
  let isLost = false;
  try {
    let isStopping = false;
    const services = await startServices(store, {
      values,
      limits,
      tls,
      logger,
      storeMetrics,
      port: server.port,
      isStopping: () => isStopping,
      shutDown: () => shutdown.resolve("shutdown"),
    });
    late.become(services.app);
    const { hostname, port } = server;
    logger.info("http.listening", {
      scheme: tls === undefined ? "http" : "https",
      hostname,
      port,
    });
    const { defaultUsers } = services;
    // Default users may take a while: signals count meanwhile.
    const bannerShown = isErrorTerminal() && values.logFormat === "text"
      ? printBanner(store, { values, port, defaultUsers, hasColours })
      : undefined;
    // Of files nothing but the socket needs it.
    if (hasAmpleFiles && database === undefined) {
      revokePermissions(["net"], logger);
    } else logger.debug("permissions.kept", { names: "net" });
    const signal = await Promise.race([signals.first, shutdown.promise]);
    isStopping = true;
    logger.info("program.stopping", { signal });
    closeMsMax = await drainInTime(server, logger);
    await services.close();
    await bannerShown;
    isLost = signal === "lost";
  } finally {
    await closeInTime(store, closeMsMax);
  }
  logger.info("program.stopped");
  if (isLost) {
    throw new RunError("Stopped: no more connections can be accepted");
  }
}

interface StorePartsOfServer {
  readonly limits: Limits;
  readonly logger: LeveledLogger;
  readonly observer: StoreObserver;
}

/** Opens a store of files, or one in memory. */
function openFiles(
  values: OptionValues,
  { limits, logger, observer }: StorePartsOfServer,
): Promise<EventStore> {
  return openStore({
    directory: values.isInMemory ? undefined : values.directory,
    segmentSizeBytes: values.segmentSizeBytes,
    clock,
    newEventId,
    logger,
    observer,
    queue: {
      eventsMax: limits.appendQueueEventsMax,
      bytesMax: limits.appendQueueBytesMax,
    },
    names: limits,
    ballastBytes: limits.ballastBytes,
    isReadOnly: values.isReadOnly,
    ...(values.isInMemory
      ? {}
      : { indexMaker: createWorkerIndexMaker({ logger }) }),
  });
}

/** Puts everything between the store and the socket together. */
async function startServices(
  store: EventStore,
  options: {
    readonly values: OptionValues;
    readonly limits: Limits;
    readonly tls: TlsPair | undefined;
    readonly logger: LeveledLogger;
    readonly storeMetrics: StoreMetrics;
    /** Where the server listens. */
    readonly port: number;
    readonly isStopping: () => boolean;
    readonly shutDown: () => void;
  },
): Promise<{
  readonly app: App;
  readonly defaultUsers: Auth["defaultUsers"];
  close(): Promise<void>;
}> {
  const { values, limits, tls, logger, storeMetrics, port } = options;
  const { host } = values;
  const { trustedProxies, publicUrl, allowedHosts, corsOrigins } = values;
  const trustedRanges = ifGiven(trustedProxies, parseIpRanges);
  const isTrustedProxy = trustedRanges ?? isLoopbackAddress;
  const isOnDisk = !values.isInMemory && !isDatabaseUrl(values.directory);
  const deviceSpace = () =>
    isOnDisk ? readDeviceSpace(values.directory) : undefined;
  const { app, defaultUsers, close } = await openServices({
    store,
    logger,
    limits,
    auth: {
      // Whoever names proxies or a public address is reached from elsewhere.
      isLoopbackServer: isLoopbackHost(host) && trustedProxies === undefined &&
        publicUrl === undefined,
      adminPassword: values.adminPassword,
      isTrustedPeer: values.isTrustedAuthEnabled ? trustedRanges : undefined,
    },
    projections: values.runProjections,
    isReadOnly: values.isReadOnly,
    history: {
      nodeEndpoint: addressOf({ host, port }),
      maxAgeDays: values.scavengeHistoryDays,
    },
    app: {
      options: showOptions(values),
      scheme: tls === undefined ? "http" : "https",
      publicUrl: ifGiven(publicUrl, parseBaseUrl),
      isTrustedProxy,
      answersHost: createHostCheck({
        listensOn: host,
        publicUrl,
        allowedHosts: ifGiven(allowedHosts, parseHosts),
      }),
      corsOrigins: ifGiven(corsOrigins, parseOrigins),
      shutDown: options.shutDown,
    },
    observation: {
      storeMetrics,
      metricSources: [
        () => storeMetrics.families(),
        () =>
          processFamilies(readProcessUsage(), {
            device: deviceSpace(),
            version: VERSION,
          }),
      ],
      deviceSpace,
      activity: new ActivityHistory(SYSTEM_TIMERS),
      areMetricsPublic: values.areMetricsPublic,
      isStopping: options.isStopping,
      log: logger,
      slowRequestMs: values.slowRequestMs,
      namesRequests: values.logRequests,
    },
  });
  const announced = announceDefaultUsers(defaultUsers, {
    logger,
    print: printText,
  });
  return {
    app: values.logRequests
      ? withRequestLog(app, { clock, logger, isTrustedProxy })
      : app,
    defaultUsers,
    async close() {
      await close();
      // A password that was made is shown, or it would be lost.
      await announced;
    },
  };
}

/** Shows a person at the terminal what has started. */
async function printBanner(
  store: EventStore,
  { values, port, defaultUsers, hasColours }: {
    readonly values: OptionValues;
    readonly port: number;
    readonly defaultUsers: Auth["defaultUsers"];
    readonly hasColours: boolean;
  },
): Promise<void> {
  const facts = {
    ...values,
    version: VERSION,
    port,
    // The log says why there are none, if that failed.
    defaultUsers: await defaultUsers.catch(() => NO_DEFAULT_USERS),
    anonymous: await readAnonymousRights(store, newEventId()),
  };
  printNote(startBanner(facts, hasColours));
}

const NO_DEFAULT_USERS = { generated: [], withDefaultPassword: [] };

/** What an option's text stands for; undefined if it is not given. */
function ifGiven<Parsed>(
  text: string | undefined,
  parse: (text: string) => Parsed,
): Parsed | undefined {
  return text === undefined ? undefined : parse(text);
}

/** The pair that options name; undefined: no HTTPS. */
function readTls(values: OptionValues): TlsPair | undefined {
  const { tlsCertificate, tlsKey } = values;
  if (tlsCertificate === undefined || tlsKey === undefined) return undefined;
  return readTlsPair({
    certPath: tlsCertificate,
    keyPath: tlsKey,
    nowMs: clock.nowUs() / 1000,
  });
}
