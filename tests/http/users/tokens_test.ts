/**
 * Bearer tokens and access tokens as a client sees them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  ADMIN,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../../support/secured_app.ts";

interface CreatedToken {
  readonly tokenId: string;
  readonly token: string;
  readonly readOnly: boolean;
  readonly created: string;
  readonly expires: string;
}

async function createToken(
  app: SecuredApp,
  json: unknown = {},
): Promise<CreatedToken> {
  const answer = await app.sendJson("/users/admin/tokens", json, {
    headers: ADMIN,
  });
  assertEquals(answer.status, 201, answer.body);
  assertEquals(answer.headers.get("Cache-Control"), "no-store");
  return JSON.parse(answer.body);
}

function bearer({ token }: { readonly token: string }) {
  return { Authorization: `Bearer ${token}` };
}

Deno.test("a token logs in as its user until it is revoked", async () => {
  await using app = await openSecuredApp();
  const token = await createToken(app, { label: "ci" });
  const current = await app.get("/users/$current", undefined, bearer(token));
  assertEquals(JSON.parse(current.body).data.loginName, "admin");
  assertEquals(
    (await app.get("/streams/$all", undefined, bearer(token))).status,
    200,
  );

  const list = await app.get("/users/admin/tokens", undefined, ADMIN);
  assert(!list.body.includes(token.token));
  const { tokens } = JSON.parse(list.body);
  assertEquals(tokens.length, 1);
  assertEquals(tokens[0].tokenId, token.tokenId);
  assertEquals(tokens[0].label, "ci");

  const path = `/users/admin/tokens/${token.tokenId}`;
  const revoke = () => app.send(path, { method: "DELETE", headers: ADMIN });
  assertEquals((await revoke()).status, 200);
  assertEquals((await revoke()).status, 404);
  assertEquals(
    (await app.get("/users/$current", undefined, bearer(token))).status,
    401,
  );
});

Deno.test("a token ends when it was said to", async () => {
  await using app = await openSecuredApp();
  const token = await createToken(app, { expiresInSeconds: 60 });
  const read = async () =>
    (await app.get("/users/$current", undefined, bearer(token))).status;
  assertEquals(await read(), 200);
  app.clock.advanceMs(61_000);
  assertEquals(await read(), 401);
});

Deno.test("a read-only token is 403 for every write, and nothing changes", async () => {
  await using app = await openSecuredApp();
  await app.append("s", [{
    eventId: "cccccccc-0000-4000-8000-000000000001",
    eventType: "t",
    data: {},
  }]);
  const token = await createToken(app, { readOnly: true });
  assertEquals(token.readOnly, true);
  const headers = bearer(token);
  const json = { ...headers, "Content-Type": "application/json" };
  const writes: readonly (readonly [string, string])[] = [
    ["POST", "/streams/s"],
    ["POST", "/streams/s/incoming/cccccccc-0000-4000-8000-000000000002"],
    ["POST", "/streams/s/metadata"],
    ["DELETE", "/streams/s"],
    ["POST", "/users/"],
    ["PUT", "/users/ops"],
    ["DELETE", "/users/ops"],
    ["POST", "/users/ops/command/disable"],
    ["POST", "/users/ops/command/reset-password"],
    ["POST", "/users/admin/tokens"],
    ["DELETE", "/users/admin/tokens/x"],
    ["POST", "/admin/shutdown"],
  ];
  const before = (await app.store.readEnd()).lastPosition;
  for (const [method, path] of writes) {
    const body = method === "POST" || method === "PUT" ? "{}" : "";
    const answer = await app.send(path, { method, headers: json, body });
    assertEquals(answer.status, 403, `${method} ${path}`);
    assertEquals(answer.body, "The token allows nothing but reading");
  }
  assertEquals((await app.store.readEnd()).lastPosition, before);
  assertEquals((await app.get("/streams/s/0", undefined, headers)).status, 200);
});

Deno.test("tokens are made by their user or an administrator, never by a token", async () => {
  await using app = await openSecuredApp();
  const create = async (path: string, headers: Record<string, string>) =>
    (await app.sendJson(path, {}, { headers })).status;
  assertEquals(await create("/users/operator/tokens", OPS), 201);
  assertEquals(await create("/users/$current/tokens", OPS), 201);
  assertEquals(await create("/users/operator/tokens", ADMIN), 201);
  assertEquals(await create("/users/admin/tokens", OPS), 401);
  assertEquals(await create("/users/admin/tokens", {}), 401);
  assertEquals(await create("/users/nobody/tokens", ADMIN), 404);
  const token = await createToken(app);
  assertEquals(await create("/users/admin/tokens", bearer(token)), 401);
});

Deno.test("a token that is none counts as no credentials, one that is forged is 401", async () => {
  await using app = await openSecuredApp();
  const { token } = await createToken(app);
  const status = async (text: string) =>
    (await app.get("/ping", undefined, { Authorization: `Bearer ${text}` }))
      .status;
  assertEquals(await status("x"), 200);
  const last = token.endsWith("A") ? "B" : "A";
  assertEquals(await status(token.slice(0, -1) + last), 401);
});

Deno.test("an access token opens a live feed and counts for nothing else", async () => {
  await using app = await openSecuredApp();
  await app.append("private", [{
    eventId: "cccccccc-0000-4000-8000-000000000003",
    eventType: "t",
    data: {},
  }]);
  await app.writeAcl("private", { $r: "$admins" });
  const made = await app.send("/users/$current/access-token", {
    method: "POST",
    headers: ADMIN,
  });
  assertEquals(made.status, 201);
  const { accessToken } = JSON.parse(made.body);
  const live = async (token: string, accept = "text/event-stream") => {
    const response = await app.app(
      new Request(`http://h/streams/private?access_token=${token}`, {
        headers: { Host: "h", Accept: accept },
      }),
      {
        remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
        completed: Promise.resolve(),
      },
    );
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await live(accessToken), 200);
  assertEquals(await live("forged"), 401);
  // Not for what is no live feed, and no password or token in its place.
  assertEquals(await live(accessToken, "application/json"), 401);
  const { token } = await createToken(app);
  assertEquals(await live(token), 401);
  app.clock.advanceMs(301_000);
  assertEquals(await live(accessToken), 401);
  assert(!JSON.stringify(app.auth.logged).includes(accessToken));
});

Deno.test("POST /users/$current/access-token needs a login", async () => {
  await using app = await openSecuredApp();
  const path = "/users/$current/access-token";
  assertEquals((await app.send(path, { method: "POST" })).status, 401);
});
