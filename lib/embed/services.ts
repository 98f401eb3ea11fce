/**
 * Everything between a store and a socket: services and the app over them, for
 * `quipu serve` and for programs that have the store inside.
 *
 * @module
 */

import { type App, type AppOptions, createApp } from "../http/app.ts";
import type { ObservationOptions } from "../http/observation.ts";
import { openMaintenance } from "../maintenance/maintenance_service.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import { newEventId } from "../runtime/event_ids.ts";
import { readProcessUsage, VERSION } from "../runtime/process.ts";
import {
  SYSTEM_CLOCK as clock,
  SYSTEM_TIMERS as timers,
} from "../runtime/system_clock.ts";
import { openProjectionRuns } from "../projections/running/projection_runs.ts";
import { openProjections } from "../projections/service.ts";
import type { EventStore } from "../store/event_store.ts";
import { createStreamService } from "../streams/stream_service.ts";
import { openSubscriptions } from "../subscriptions/service.ts";
import { counter } from "../telemetry/metric.ts";
import { projectionFamilies } from "../telemetry/projection_metrics.ts";
import { storeFamilies } from "../telemetry/store_metrics.ts";
import { subscriptionFamilies } from "../telemetry/subscription_metrics.ts";
import { type Auth, type AuthOptions, openAuth } from "../users/open_auth.ts";

/** What `/info` calls the choices of which projections run. */
const PROJECTION_MODES = {
  none: "None",
  system: "System",
  all: "All",
} as const;

/** What a server decides about its services. */
export interface ServiceOptions {
  /** The store; it stays the caller's to close. */
  readonly store: EventStore;
  readonly logger: Logger;
  /** Default: `LIMITS`. */
  readonly limits?: Limits;
  readonly auth: Pick<
    AuthOptions,
    "isLoopbackServer" | "adminPassword" | "isTrustedPeer"
  >;
  /** Which projections run. */
  readonly projections: keyof typeof PROJECTION_MODES;
  /** Whether nothing is written: then there are no subscriptions. */
  readonly isReadOnly: boolean;
  /** Where the server listens, and how long its scavenges are remembered. */
  readonly history: {
    readonly nodeEndpoint: string;
    readonly maxAgeDays: number;
  };
  readonly app:
    & Pick<
      AppOptions,
      | "scheme"
      | "publicUrl"
      | "isTrustedProxy"
      | "answersHost"
      | "corsOrigins"
      | "shutDown"
    >
    & { readonly options?: AppOptions["node"]["options"] & object };
  readonly observation: Partial<ObservationOptions>;
}

/** Services and their app. */
export interface Services {
  readonly app: App;
  readonly defaultUsers: Auth["defaultUsers"];
  /** Ends what is held and what runs in the background. */
  close(): Promise<void>;
}

/**
 * Opens the services of a store.
 *
 * @throws {QuipuError} As `openAuth` and `openSubscriptions` do.
 */
export async function openServices(options: ServiceOptions): Promise<Services> {
  const { store, logger, limits = LIMITS, isReadOnly, observation } = options;
  const auth = await openAuth({
    store,
    clock,
    timers,
    newEventId,
    logger,
    ...options.auth,
  });
  const { authenticator, users, tokens, defaultUsers } = auth;
  const logins = {
    isCurrent: authenticator.isCurrent.bind(authenticator),
    onLoginChange: authenticator.onChange.bind(authenticator),
  };
  const maintenance = await openMaintenance({
    store,
    clock,
    newEventId,
    logger,
    version: VERSION,
    history: isReadOnly ? undefined : options.history,
  });
  const subscriptions = isReadOnly ? undefined : await openSubscriptions({
    store,
    clock,
    timers,
    newId: newEventId,
    logger,
    limits,
    ...logins,
  });
  const projections = options.projections === "none"
    ? undefined
    : await openProjections({
      store,
      clock,
      timers,
      newId: newEventId,
      logger,
      limits,
      runs: openProjectionRuns({
        store,
        clock,
        timers,
        newId: newEventId,
        limits,
      }),
      mode: options.projections,
      isReadOnly,
      findUser: auth.findUser,
      ...logins,
    });
  const { options: nodeOptions, ...settings } = options.app;
  const app = createApp({
    store,
    streams: createStreamService({
      store,
      clock,
      ...logins,
    }),
    authenticate: authenticator.authenticate.bind(authenticator),
    authenticateAccessToken: authenticator.authenticateAccessToken.bind(
      authenticator,
    ),
    users,
    tokens,
    logger,
    newId: newEventId,
    node: {
      version: VERSION,
      projectionsMode: PROJECTION_MODES[options.projections],
      ...(nodeOptions && { options: nodeOptions }),
    },
    ...settings,
    limits,
    maintenance,
    ...(subscriptions && { subscriptions }),
    ...(projections && { projections }),
    observation: {
      clock,
      processUsage: readProcessUsage,
      ...observation,
      metricSources: [
        () => subscriptionFamilies(subscriptions?.counts() ?? []),
        () => projectionFamilies(projections?.counts() ?? []),
        () => [counter(
          "quipu_failed_logins_total",
          "Logins that were refused: wrong passwords, unknown users and tokens.",
          auth.failedLoginCount(),
        )],
        () => storeFamilies(store),
        ...observation.metricSources ?? [],
      ],
    },
  });
  return {
    app,
    defaultUsers,
    async close() {
      authenticator.close();
      await Promise.all([subscriptions?.close(), projections?.close()]);
      // Downloads that clients did not take in time.
      app.close();
      await maintenance.close();
    },
  };
}
