/**
 * Users, tokens and logins over a model store, for tests.
 *
 * @module
 */

import { createTestClock, createTestIds } from "./events.ts";
import type { TestClock } from "./events.ts";
import { createTestStore } from "./test_store.ts";
import type { Authentication, LoginRequest } from "../../lib/users/contract.ts";
import type { Requester } from "../../lib/model/audit.ts";
import {
  type Auth,
  type AuthOptions,
  openAuth,
} from "../../lib/users/open_auth.ts";
import type { EventStore, ListEntry } from "../../lib/store/event_store.ts";
import type { LogFields, Logger } from "../../lib/model/logger.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";

/** Takes no time; the default users' constant hash takes its own. */
export const CHEAP_COST = { N: 2, r: 1, p: 1 };

/** The program that owns `openAuth`, in small. */
export interface TestAuth extends Auth, AsyncDisposable {
  readonly store: EventStore;
  readonly clock: TestClock;
  /** Lines of the log: name and fields. */
  readonly logged: (readonly [string, LogFields])[];
  /** Logs in by password, from `request`. */
  login(
    login: string,
    password: string,
    request?: Partial<LoginRequest>,
  ): Promise<Authentication>;
  /** Who asks, once it has logged in with that password. */
  requesterOf(login: string, password: string): Promise<Requester>;
  /** A stream's events: type and data. */
  eventsOf(streamName: string): Promise<(readonly [string, string])[]>;
}

/** A request from a client that says nothing but its address. */
export const LOCAL_REQUEST: LoginRequest = {
  remoteAddress: "127.0.0.1",
  peerAddress: "127.0.0.1",
  trustedAuth: null,
  origin: null,
  host: "127.0.0.1:2113",
  secFetchSite: null,
};

/** Somebody who may do everything, from nowhere. */
export const ADMIN_REQUESTER: Requester = {
  caller: {
    login: "root",
    roles: new Set(["$admins", "root"]),
    isReadOnly: false,
  },
  remoteAddress: "10.0.0.9",
};

/** Nobody, from somewhere. */
export const ANONYMOUS_REQUESTER: Requester = {
  caller: undefined,
  remoteAddress: "10.0.0.8",
};

/** The header of HTTP Basic. */
export function basic(login: string, password: string): string {
  const bytes = new TextEncoder().encode(`${login}:${password}`);
  return "Basic " + btoa(String.fromCharCode(...bytes));
}

/** Opens users, tokens and logins; by default over a new store, on loopback. */
export async function openTestAuth(
  options: Partial<AuthOptions> = {},
): Promise<TestAuth> {
  const clock = createTestClock();
  const newEventId = createTestIds();
  const store = options.store ?? createTestStore({ clock, newEventId });
  const logged: (readonly [string, LogFields])[] = [];
  function log(event: string, fields: LogFields = {}): void {
    logged.push([event, fields]);
  }
  const logger: Logger = {
    debug: log,
    info: log,
    warn: log,
    error: log,
    audit: log,
  };
  const auth = await openAuth({
    clock,
    newEventId,
    logger,
    timers: SYSTEM_TIMERS,
    isLoopbackServer: true,
    adminPassword: undefined,
    passwordCost: CHEAP_COST,
    ...options,
    store,
  });

  async function login(
    name: string,
    password: string,
    request: Partial<LoginRequest> = {},
  ): Promise<Authentication> {
    return await auth.authenticator.authenticate(basic(name, password), {
      ...LOCAL_REQUEST,
      ...request,
    });
  }

  return {
    ...auth,
    store,
    clock,
    logged,
    login,

    async requesterOf(name, password) {
      const caller = await login(name, password);
      if (caller === undefined || caller === "rejected") {
        throw new Error(`"${name}" could not log in`);
      }
      return { caller, remoteAddress: "10.0.0.7" };
    },

    async eventsOf(streamName) {
      const { entries } = await store.readStream({
        streamName,
        from: 0,
        count: LIMITS.pageEventsMax,
        direction: "forward",
        withBodies: true,
      });
      return entries.map(typeAndData);
    },

    async [Symbol.asyncDispose]() {
      auth.authenticator.close();
      await store.close();
    },
  };
}

function typeAndData({ event }: ListEntry): readonly [string, string] {
  return [event.eventType, new TextDecoder().decode(event.data)];
}
