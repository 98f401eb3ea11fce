/**
 * The interface over a store in memory with its real users, tokens, logins and
 * persistent subscriptions, called without a socket.
 *
 * @module
 */

import type { AuthOptions } from "../../lib/users/open_auth.ts";
import {
  openTestApp,
  type TestAnswer,
  type TestApp,
  type TestAppOptions,
  type TestRequest,
} from "./test_app.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { openSubscriptions } from "../../lib/subscriptions/service.ts";
import type { Principal } from "../../lib/model/principal.ts";
import type { ProjectionService } from "../../lib/projections/contract.ts";
import type { ProjectionOptions } from "../../lib/projections/service.ts";
import { createTestIds, type TestClock } from "./events.ts";
import { isSomethingPending } from "./test_store.ts";
import { createManualTimers, type ManualTimers } from "./manual_timers.ts";
import { basic, openTestAuth, type TestAuth } from "./test_auth.ts";
import { encodePathSegment } from "../../lib/text/path_segment.ts";

/** Headers of a request by the administrator. */
export const ADMIN = { Authorization: basic("admin", "admin's password") };

/** Headers of a request by somebody of the group `$ops`. */
export const OPS = {
  Authorization: basic("operator", "operator's password"),
};

/** A JSON body's own type. */
export const JSON_TYPE = { "Content-Type": "application/json" };

/** What a test may choose. */
export interface SecuredAppOptions extends TestAppOptions {
  readonly authOptions?: Partial<AuthOptions>;
  /** Makes the service of projections, which the app closes; default: none. */
  readonly openProjections?: (
    parts: ServiceParts,
  ) => Promise<ProjectionService>;
}

/** What services of such an app stand on. */
export type ServiceParts =
  & Omit<ProjectionOptions, "runs" | "mode" | "isReadOnly" | "define">
  & { readonly clock: TestClock; readonly timers: ManualTimers };

/** An app whose users are real. */
export interface SecuredApp extends TestApp {
  readonly auth: TestAuth;
  /** Time of persistent subscriptions. */
  readonly timers: ManualTimers;
  /** Sends JSON: POST, unless it says otherwise. */
  sendJson(
    path: string,
    json: unknown,
    request?: TestRequest,
  ): Promise<TestAnswer>;
  /** Makes a user; answers with its headers. */
  createUser(
    login: string,
    options?: { readonly groups?: readonly string[] },
  ): Promise<{ readonly Authorization: string }>;
  /** Writes an access list. */
  writeAcl(streamName: string, acl: unknown): Promise<void>;
}

/** Opens an app; disposing it closes all that it stands on. */
export async function openSecuredApp(
  options: SecuredAppOptions = {},
): Promise<SecuredApp> {
  const auth = await openTestAuth({
    // Hashed at the tests' cost, as the published password is not.
    adminPassword: "admin's password",
    ...options.authOptions,
  });
  await auth.defaultUsers;
  const { store, clock } = auth;
  const log = (event: string, fields = {}) => {
    logged.push([event, fields]);
  };
  const { logged } = auth;
  const logger = { debug: log, info: log, warn: log, error: log, audit: log };
  const timers = createManualTimers(isSomethingPending);
  const parts = {
    store,
    clock,
    timers,
    newId: createTestIds(),
    logger: options.logger ?? logger,
    limits: { ...LIMITS, ...options.limits },
    isCurrent: (caller: Principal) => auth.authenticator.isCurrent(caller),
    onLoginChange: (listener: (login: string) => void) =>
      auth.authenticator.onChange(listener),
    findUser: auth.findUser,
  } satisfies ServiceParts;
  const subscriptions = await openSubscriptions(parts);
  const projections = await options.openProjections?.(parts);
  const testApp = openTestApp({
    logger,
    ...options,
    store,
    clock,
    auth,
    app: { subscriptions, projections, ...options.app },
  });
  let metadataCount = 0;
  const secured: SecuredApp = {
    ...testApp,
    auth,
    timers,
    sendJson(path, json, request = {}) {
      return testApp.send(path, {
        method: "POST",
        ...request,
        headers: { ...JSON_TYPE, ...request.headers },
        body: JSON.stringify(json),
      });
    },
    async createUser(login, { groups = [] } = {}) {
      const password = `${login}'s password`;
      const user = { loginName: login, fullName: login, groups, password };
      const answer = await secured.sendJson("/users/", user, {
        headers: ADMIN,
      });
      if (answer.status !== 201) throw new Error(answer.body);
      return { Authorization: basic(login, password) };
    },
    async writeAcl(streamName, acl) {
      const number = (++metadataCount).toString(16).padStart(12, "0");
      const name = encodePathSegment(streamName);
      const answer = await testApp.send(`/streams/${name}/metadata`, {
        headers: {
          ...ADMIN,
          ...JSON_TYPE,
          "ES-EventId": `aaaaaaaa-0000-4000-8000-${number}`,
        },
        body: JSON.stringify({ $acl: acl }),
      });
      if (answer.status !== 201) throw new Error(answer.body);
    },
    async [Symbol.asyncDispose]() {
      await testApp[Symbol.asyncDispose]();
      await subscriptions.close();
      await projections?.close();
      await auth[Symbol.asyncDispose]();
    },
  };
  await secured.createUser("operator", { groups: ["$ops"] });
  return secured;
}
