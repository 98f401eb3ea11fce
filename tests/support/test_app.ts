/**
 * The interface over a store in memory, called without a socket.
 *
 * @module
 */

import type { Authentication } from "../../lib/users/contract.ts";
import type { Authenticator } from "../../lib/users/authenticator.ts";
import type { TokenService } from "../../lib/users/tokens.ts";
import type { UserService } from "../../lib/users/users.ts";
import { type App, type AppOptions, createApp } from "../../lib/http/app.ts";
import type { EventStore, StoreStatus } from "../../lib/store/event_store.ts";
import { LIMITS, type Limits } from "../../lib/model/limits.ts";
import { type Logger, SILENT_LOGGER } from "../../lib/model/logger.ts";
import {
  ROLE_ADMINS,
  ROLE_BACKUP,
  ROLE_OPS,
} from "../../lib/model/principal.ts";
import { JobBoard } from "../../lib/maintenance/job_board.ts";
import { MaintenanceService } from "../../lib/maintenance/maintenance_service.ts";
import { createStreamService } from "../../lib/streams/stream_service.ts";
import { createTestClock, createTestIds, type TestClock } from "./events.ts";
import { createTestStore } from "./test_store.ts";
import { encodePathSegment } from "../../lib/text/path_segment.ts";
import { decodeUtf8Leniently } from "../../lib/text/utf8.ts";

/** Base of the links in answers. */
export const TEST_BASE_URL = "http://127.0.0.1:2113";

/** `Authorization` headers that the test app knows. */
export const TEST_LOGINS = {
  admin: "Basic " + btoa("admin:changeit"),
  ops: "Basic " + btoa("ops:changeit"),
  backup: "Basic " + btoa("backup:changeit"),
  /** A user without groups. */
  user: "Basic " + btoa("user:changeit"),
  wrong: "Basic " + btoa("admin:wrong"),
} as const;

/** What a test may choose. */
export interface TestAppOptions {
  /** Default: an empty model store. The app does not close it. */
  readonly store?: EventStore;
  /** How the store says that it is; default: as it does. */
  readonly status?: () => StoreStatus;
  readonly clock?: TestClock;
  readonly logger?: Logger;
  /** Whom users, tokens and logins are of; default: the `TEST_LOGINS` alone. */
  readonly auth?: {
    readonly authenticator: Authenticator;
    readonly users: UserService;
    readonly tokens: TokenService;
  };
  /** Limits other than `LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Anything else that the app takes. */
  readonly app?: Partial<AppOptions>;
}

/** Headers and body of a request; the method is GET, or POST with a body. */
export interface TestRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with its Content-Length. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** An answer with its body read. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** An app and what it stands on. */
export interface TestApp extends AsyncDisposable {
  readonly app: App;
  readonly store: EventStore;
  readonly clock: TestClock;
  /** Sends a request to a path, or to a whole URL. */
  send(path: string, request?: TestRequest): Promise<TestAnswer>;
  /** GET, with an `Accept` header unless it is undefined. */
  get(
    path: string,
    accept?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<TestAnswer>;
  /** POSTs events as `events+json`. */
  append(
    streamName: string,
    events: readonly TestEvent[],
    headers?: Readonly<Record<string, string>>,
  ): Promise<TestAnswer>;
}

/** An event as `events+json` has it. */
export interface TestEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly data?: unknown;
  readonly metadata?: unknown;
}

/** Client address of the requests. */
export const TEST_INFO: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 50_000 },
  completed: Promise.resolve(),
};

/** Opens an app; disposing it closes the store that it made itself. */
export function openTestApp(options: TestAppOptions = {}): TestApp {
  const clock = options.clock ?? createTestClock();
  const newId = createTestIds();
  const store = options.store ?? createTestStore({ clock, newEventId: newId });
  const { auth, logger = SILENT_LOGGER } = options;
  const limits = { ...LIMITS, ...options.limits };
  const streams = createStreamService({
    store,
    clock,
    ...(auth && {
      isCurrent: (caller) => auth.authenticator.isCurrent(caller),
      onLoginChange: (listener) => auth.authenticator.onChange(listener),
    }),
  });
  const maintenance = new MaintenanceService({
    store,
    jobs: new JobBoard({ clock, newId, logger }),
    clock,
    logger,
    version: "0.0.0",
  });
  const app = createApp({
    store: options.status === undefined ? store : {
      status: options.status,
      limits: store.limits,
      promises: store.promises,
      readEnd: () => store.readEnd(),
    },
    streams,
    maintenance,
    ...authOf(options),
    logger,
    newId,
    node: { version: "0.0.0", projectionsMode: "None" },
    limits,
    ...options.app,
  });

  async function send(
    path: string,
    { method, headers = {}, body: sent }: TestRequest = {},
  ): Promise<TestAnswer> {
    const all = new Headers({ Host: new URL(TEST_BASE_URL).host, ...headers });
    const bytes = typeof sent === "string"
      ? new TextEncoder().encode(sent)
      : sent;
    if (bytes !== undefined) all.set("Content-Length", String(bytes.length));
    const response = await app(
      requestOf(path, {
        method: method ?? (bytes === undefined ? "GET" : "POST"),
        headers: all,
        // Bytes: a string would bring a Content-Type with it.
        ...(bytes !== undefined && { body: bytes }),
      }),
      TEST_INFO,
    );
    const { status } = response;
    // Not `text()`, which drops a byte order mark.
    const body = decodeUtf8Leniently(await response.bytes());
    return { status, headers: response.headers, body };
  }

  return {
    app,
    store,
    clock,
    send,
    get(path, accept, headers = {}) {
      return send(path, {
        headers: accept === undefined
          ? headers
          : { Accept: accept, ...headers },
      });
    },
    append(streamName, events, headers = {}) {
      return send(`/streams/${encodePathSegment(streamName)}`, {
        headers: {
          "Content-Type": "application/vnd.eventstore.events+json",
          ...headers,
        },
        body: JSON.stringify(events),
      });
    },
    async [Symbol.asyncDispose]() {
      app.endLongPolls();
      app.close();
      await maintenance.close();
      if (options.store === undefined) await store.close();
    },
  };
}

/** The constructor normalises URLs; a server hands them on as they came. */
function requestOf(path: string, init: RequestInit): Request {
  const url = path.startsWith("/") ? TEST_BASE_URL + path : path;
  const request = new Request(TEST_BASE_URL + "/", init);
  Object.defineProperty(request, "url", { value: url });
  return request;
}

function authOf({ auth }: TestAppOptions) {
  if (auth === undefined) {
    return { authenticate: authenticateTestLogin, ...NOBODY };
  }
  const { authenticator, users, tokens } = auth;
  return {
    authenticate: authenticator.authenticate.bind(authenticator),
    authenticateAccessToken: authenticator.authenticateAccessToken.bind(
      authenticator,
    ),
    users,
    tokens,
  };
}

/** For tests that have nothing to do with users. */
const NOBODY = {
  users: refusing<UserService>(),
  tokens: refusing<TokenService>(),
};

function refusing<Service extends object>(): Service {
  return new Proxy({} as Service, {
    get(_target, name) {
      throw new Error(`This test app has no users: ${String(name)}`);
    },
  });
}

function authenticateTestLogin(authorization: string | null): Authentication {
  switch (authorization) {
    case null:
      return undefined;
    case TEST_LOGINS.admin:
      return principalOf("admin", ROLE_ADMINS);
    case TEST_LOGINS.ops:
      return principalOf("ops", ROLE_OPS);
    case TEST_LOGINS.backup:
      return principalOf("backup", ROLE_BACKUP);
    case TEST_LOGINS.user:
      return principalOf("user");
  }
  return authorization.startsWith("Basic ") ? "rejected" : undefined;
}

function principalOf(login: string, ...groups: string[]): Authentication {
  return { login, roles: new Set([login, ...groups]), isReadOnly: false };
}
