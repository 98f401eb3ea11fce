/**
 * The audit, from its outcome: whatever requests do, where rights are other
 * ones afterwards there is a line that says who did it and from where.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { LOG_LEVELS } from "../../../lib/model/logger.ts";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../../support/secured_app.ts";
import { createRandom, type Random } from "../../support/random.ts";
import { createTestClock, testUuid } from "../../support/events.ts";

const STREAMS = ["plain", "$system", "$settings", "$user-anna", "$tokens-anna"];
const LOGINS = ["anna", "ben", "operator"];
const ROLES = ["$all", "$admins", "anna", "readers"];
const NAMES = [...STREAMS, ...STREAMS.map((name) => `$$${name}`)];
const SECRETS = ["s3cret-", "quipu.", "salt", "hash"];

/** All that says who may do what: what the audit must not miss a change of. */
async function rightsOf(app: SecuredApp): Promise<string> {
  const parts: unknown[] = [];
  for (const name of STREAMS) {
    const { metadata, isTombstoned } = await app.store.readState(name);
    parts.push([name, metadata.acl ?? null, isTombstoned && metadata.acl]);
  }
  const settings = await app.store.readState("$settings");
  const last = settings.head < 0 || settings.isTombstoned
    ? undefined
    : await app.store.readEvent("$settings", settings.head);
  parts.push(last && new TextDecoder().decode(last.event.data));
  const users = await app.get("/users/", undefined, ADMIN);
  const { data } = JSON.parse(users.body);
  for (const { loginName, groups, disabled } of data) {
    const path = `/users/${encodeURIComponent(loginName)}/tokens`;
    const tokens = await app.get(path, undefined, ADMIN);
    parts.push([loginName, groups, disabled, tokens.body]);
  }
  return JSON.stringify(parts);
}

function aRequest(random: Random, step: number) {
  const login = random.pick(LOGINS);
  const name = encodeURIComponent(random.pick(NAMES));
  const role = random.pick(ROLES);
  const acl = { $acl: { $r: role, $w: [role] } };
  const document = random.pick<unknown>([
    acl,
    {},
    { $maxCount: 5 },
    { $tb: step },
    { $userStreamAcl: { $r: role } },
    { loginName: "anna", salt: "x", hash: "x", groups: [role] },
    { tokens: [] },
    "text",
  ]);
  const user = { loginName: login, groups: ["readers"], password: "s3cret-1" };
  const eventType = random.pick(["$metadata", "$UserUpdated", "t"]);
  return random.pick<
    {
      method: string;
      path: string;
      json?: unknown;
      headers?: Record<string, string>;
    }
  >([
    {
      method: "POST",
      path: `/streams/${name}`,
      json: document,
      headers: { "ES-EventType": eventType },
    },
    {
      method: "POST",
      path: `/streams/${name}`,
      json: document,
      headers: { "ES-EventType": eventType },
    },
    { method: "POST", path: `/streams/${name}/metadata`, json: document },
    { method: "POST", path: `/streams/${name}/metadata`, json: acl },
    { method: "DELETE", path: `/streams/${name}` },
    { method: "POST", path: "/users/", json: user },
    {
      method: "PUT",
      path: `/users/${login}`,
      json: { groups: [random.pick(["readers", "writers"])] },
    },
    { method: "DELETE", path: `/users/${login}` },
    { method: "POST", path: `/users/${login}/command/disable` },
    { method: "POST", path: `/users/${login}/command/enable` },
    {
      method: "POST",
      path: `/users/${login}/command/reset-password`,
      json: { newPassword: "s3cret-2" },
    },
    { method: "POST", path: `/users/${login}/tokens`, json: {} },
    {
      method: "DELETE",
      path: "/streams/plain",
      headers: { "ES-HardDelete": "true" },
    },
  ]);
}

for (let seed = 1; seed <= 12; seed++) {
  Deno.test(`rights that change leave a line, seed ${seed}`, async () => {
    await using app = await openSecuredApp();
    await app.createUser("anna");
    const random = createRandom(seed);
    let changes = 0;
    let before = await rightsOf(app);
    for (let step = 1; step <= 60; step++) {
      const { method, path, json, headers } = aRequest(random, step);
      const logged = app.auth.logged.length;
      await app.send(path, {
        method,
        headers: {
          ...ADMIN,
          "Content-Type": "application/json",
          "ES-EventId": testUuid(1000 * seed + step),
          ...headers,
        },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
      const lines = app.auth.logged.slice(logged).filter(([, { by, from }]) =>
        by === "admin" && from === "127.0.0.1"
      );
      const after = await rightsOf(app);
      if (after !== before) {
        changes++;
        assert(
          lines.length > 0,
          `step ${step}: ${method} ${path}\n${before}\n${after}`,
        );
      }
      before = after;
    }
    assert(changes > 5, `only ${changes} changes`);
    const text = JSON.stringify(app.auth.logged);
    for (const secret of SECRETS) assert(!text.includes(secret), secret);
  });
}

Deno.test("an audit line says what rights were and are", async () => {
  await using app = await openSecuredApp();
  await app.createUser("anna", { groups: ["readers"] });
  await app.writeAcl("orders", { $r: "readers" });
  await app.send("/streams/orders/metadata", {
    headers: {
      ...ADMIN,
      "Content-Type": "application/json",
      "ES-EventId": testUuid(7),
    },
    body: '{"$acl":{"$r":"$all"},"secret":"payload"}',
  });
  await app.sendJson("/users/anna/command/disable", {}, { headers: ADMIN });
  await app.send("/users/anna", { method: "DELETE", headers: ADMIN });
  const by = { by: "admin", from: "127.0.0.1" };
  const stream = "$$orders";
  const lines = app.auth.logged.filter(([, fields]) =>
    fields["login"] === "anna" || fields["stream"] === stream
  );
  assertEquals(lines, [
    ["user.created", {
      login: "anna",
      before: null,
      after: '{"groups":["readers"]}',
      ...by,
    }],
    ["stream.rights_changed", {
      stream,
      before: null,
      after: '{"$acl":{"read":["readers"]}}',
      ...by,
    }],
    ["stream.rights_changed", {
      stream,
      before: '{"$acl":{"read":["readers"]}}',
      after: '{"$acl":{"read":["$all"]}}',
      ...by,
    }],
    ["user.disabled", {
      login: "anna",
      before: '{"groups":["readers"]}',
      after: '{"groups":["readers"],"disabled":true}',
      ...by,
    }],
    ["user.deleted", {
      login: "anna",
      before: '{"groups":["readers"],"disabled":true}',
      after: null,
      ...by,
    }],
  ]);
});

Deno.test("failed logins are all counted, and some of them are audited", async () => {
  await using app = await openSecuredApp();
  const failed = () =>
    app.auth.logged.filter(([event]) => event === "login.failed");
  const before = app.auth.failedLoginCount();
  const guess = async (login: string) => {
    const Authorization = "Basic " + btoa(`${login}:wrong`);
    const answer = await app.get("/ping", undefined, { Authorization });
    assertEquals(answer.status, 401);
    // Failures are slowed down: time goes by.
    app.clock.advanceMs(100);
  };
  for (let count = 0; count < 3; count++) await guess("admin");
  assertEquals(app.auth.failedLoginCount() - before, 3);
  assertEquals(failed(), [["login.failed", {
    login: "admin",
    from: "127.0.0.1",
  }]]);
  app.clock.advanceMs(5_000);
  await guess("forged\nline");
  assertEquals(failed()[1], ["login.failed", {
    login: "forged\nline",
    from: "127.0.0.1",
    leftOut: 2,
  }]);
  assert(!JSON.stringify(app.auth.logged).includes("wrong"));
});

Deno.test("no level leaves an audit line out, and no text breaks out of one", () => {
  for (const level of LOG_LEVELS) {
    for (const format of ["text", "json"] as const) {
      let written = "";
      const logger = createLogger({
        level,
        format,
        clock: createTestClock(),
        writer: {
          writeSync(bytes: Uint8Array) {
            written += new TextDecoder().decode(bytes);
            return bytes.length;
          },
        },
      });
      logger.audit("user.created", { login: 'a\nb" by=root\u2028' });
      assertEquals(written.trim().split(/[\n\u2028]/).length, 1, written);
      assert(written.includes("audit") && written.includes("user.created"));
    }
  }
});
