/**
 * Both sides of a migration: how the source is asked, and what the destination
 * is by its name.
 *
 * @module
 */

import {
  ClientError,
  type Credentials,
  Projections,
  Subscriptions,
  Users,
} from "../client/mod.ts";
import { Transport } from "../client/transport.ts";
import {
  type Destination,
  localDestination,
  remoteDestination,
} from "../migrate/destination.ts";
import { PlainDestination } from "../migrate/plain_destination.ts";
import type { ServerSettings } from "../migrate/settings.ts";
import { EventSource } from "../migrate/source.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { SYSTEM_CLOCK as clock } from "../runtime/system_clock.ts";
import { databaseOf, openSharedStore } from "./shared_store.ts";
import { isDatabaseUrl } from "../store/database_url.ts";
import type { EventStore } from "../store/event_store.ts";
import type { ImportingStore } from "../store/import_run.ts";
import { DEFAULT_PASSWORD } from "../users/default_password.ts";
import { RunError, UsageError } from "./failures.ts";
import { firstLineOf } from "./named_files.ts";
import { storePartsOf } from "./offline_work.ts";
import { limitsOf } from "./options/limit_options.ts";
import type { OptionValues } from "./options/options.ts";
import { parseBaseUrl } from "./options/text_form.ts";
import { isInputTerminal, readSecret } from "./terminal.ts";
import {
  type ClientValues,
  credentialsOf,
  httpClientOf,
} from "./client_commands/client_command.ts";

/** What the options say. */
type SideValues = OptionValues & Omit<ClientValues, "url"> & {
  readonly from: string;
  readonly fromLogin: string;
  readonly fromPasswordFile: string | undefined;
  readonly to: string;
  readonly isPlain: boolean;
  readonly pageEvents: number;
  readonly readers: number;
};

/** Both sides, open. */
interface Sides extends AsyncDisposable {
  readonly source: EventSource;
  readonly destination: Destination;
  readonly openSettings: () => Promise<
    AsyncDisposable & {
      readonly source: ServerSettings;
      readonly destination: ServerSettings;
    }
  >;
}

/** Where one answer may take its time: a page of large events. */
const TIMEOUT_MS = 120_000;
const TRIES_MAX = 8;

/**
 * Opens both sides.
 *
 * @throws {RunError | UsageError} If one cannot be opened.
 */
export async function openSides(
  values: SideValues,
  { environment, signal }: {
    readonly environment: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<Sides> {
  await using resources = new AsyncDisposableStack();
  const http = httpClientOf(values.caCertFile);
  if (http !== undefined) resources.use(http);
  const transportTo = (url: string, credentials: Credentials | undefined) =>
    new Transport({
      url,
      credentials,
      timeoutMs: TIMEOUT_MS,
      retry: { triesMax: TRIES_MAX },
      ...(http && {
        fetch: (input: string | URL | Request, init?: RequestInit) =>
          fetch(input, { ...init, client: http }),
      }),
    });
  const { pageEvents, readers } = values;
  const sourceOf = (transport: Transport) =>
    new EventSource({ transport, pageEvents, readers, signal });
  const from = transportTo(values.from, {
    login: values.fromLogin,
    password: await fromPasswordOf(values),
  });
  const source = sourceOf(from);
  await checkSource(source, values.from);
  const url = parseBaseUrl(values.to);
  if (url === undefined && /^https?:/.test(values.to)) {
    throw new UsageError(`--to is no address of a server: ${values.to}`);
  }
  const side = url === undefined
    ? await openStoreSide(values, signal, resources)
    : serverSide(
      transportTo(
        url,
        await credentialsOf({ ...values, url }, environment),
      ),
      values.isPlain ? sourceOf : undefined,
      signal,
    );
  const kept = resources.move();
  return {
    source,
    destination: side.destination,
    async openSettings() {
      const { settings, ...opened } = await side.openSettings();
      return { ...opened, source: settingsOf(from), destination: settings };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function settingsOf(transport: Transport): ServerSettings {
  return {
    transport,
    users: new Users(transport),
    subscriptions: new Subscriptions(transport),
    projections: new Projections(transport),
  };
}

/** Says what is wrong with the source before anything is made. */
async function checkSource(source: EventSource, url: string): Promise<void> {
  try {
    await source.readEnd();
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new RunError(
      `Cannot read $all of ${url}: ${error.message}` +
        (error.code === "unauthorized"
          ? "; the user of --from-user must be in $admins"
          : ""),
      { cause: error },
    );
  }
}

/** What a destination is, besides where events go. */
interface Side {
  readonly destination: Destination;
  openSettings(): Promise<
    AsyncDisposable & { readonly settings: ServerSettings }
  >;
}

function serverSide(
  transport: Transport,
  sourceOf: ((transport: Transport) => EventSource) | undefined,
  signal: AbortSignal,
): Side {
  return {
    destination: sourceOf === undefined
      ? remoteDestination(transport, signal)
      : new PlainDestination({
        transport,
        source: sourceOf(transport),
        signal,
      }),
    openSettings: () =>
      Promise.resolve({
        settings: settingsOf(transport),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

/** A store that this process opens. */
async function openStoreSide(
  values: SideValues,
  signal: AbortSignal,
  resources: AsyncDisposableStack,
): Promise<Side> {
  if (values.isPlain) {
    throw new UsageError("--plain writes to an Event Store: --to is its URL");
  }
  const store = resources.use(await openTarget(values));
  return {
    destination: localDestination(store, { clock, signal }),
    async openSettings() {
      const { openServices } = await import("../embed/services.ts");
      const { adminPassword } = values;
      const { logger } = storePartsOf(values);
      const services = await openServices({
        store,
        // What is changed is audited, as a server does; the rest is no news.
        logger: { ...SILENT_LOGGER, audit: logger.audit.bind(logger) },
        auth: { isLoopbackServer: true, adminPassword },
        // What is created here runs when a server has the store.
        projections: "system",
        isReadOnly: false,
        history: { nodeEndpoint: "migration", maxAgeDays: 1 },
        app: {},
        observation: {},
      });
      await services.defaultUsers;
      const url = "http://127.0.0.1";
      const { login = "admin", password = adminPassword } = values;
      const info: Deno.ServeHandlerInfo = {
        remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
        completed: Promise.resolve(),
      };
      const transport = new Transport({
        url,
        credentials: { login, password: password ?? DEFAULT_PASSWORD },
        fetch: (input, init) =>
          Promise.resolve(services.app(new Request(input, init), info)),
      });
      return {
        settings: settingsOf(transport),
        [Symbol.asyncDispose]: () => services.close(),
      };
    },
  };
}

async function openTarget(
  values: SideValues,
): Promise<EventStore & ImportingStore> {
  const target = { ...values, directory: values.to, isInMemory: false };
  if (isDatabaseUrl(values.to)) {
    const address = databaseOf(target);
    if (address === undefined) throw new UsageError("--to is no database");
    return await openSharedStore(target, {
      address,
      limits: limitsOf(values),
      logger: SILENT_LOGGER,
      isTool: true,
    });
  }
  const { openStore } = await import("../embed/store.ts");
  const store = await openStore({ directory: values.to });
  return store as EventStore & ImportingStore;
}

async function fromPasswordOf(values: SideValues): Promise<string> {
  const { fromPasswordFile, fromLogin } = values;
  if (fromPasswordFile !== undefined && fromPasswordFile !== "-") {
    return firstLineOf(fromPasswordFile);
  }
  if (fromPasswordFile === undefined && !isInputTerminal()) {
    throw new RunError(
      `The password of ${fromLogin} at the source is missing: give ` +
        "--from-password-file",
    );
  }
  return await readSecret(`Password of ${fromLogin} at the source: `);
}
