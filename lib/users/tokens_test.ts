import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ADMIN_REQUESTER,
  ANONYMOUS_REQUESTER,
  LOCAL_REQUEST,
  openTestAuth,
  type TestAuth,
} from "../../tests/support/test_auth.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";
import type { Requester } from "../model/audit.ts";
import type { NewToken, TokenInfo } from "./contract.ts";
import { decodeBearerToken } from "./credentials.ts";

interface Alice {
  readonly auth: TestAuth;
  readonly alice: Requester;
}

const NEW_TOKEN: NewToken = { login: "alice", isReadOnly: false };

async function openWithAlice(): Promise<Alice & AsyncDisposable> {
  const auth = await openTestAuth();
  await createAlice(auth);
  const alice = await auth.requesterOf("alice", "Pa55!");
  return {
    auth,
    alice,
    [Symbol.asyncDispose]: () => auth[Symbol.asyncDispose](),
  };
}

async function createAlice(auth: TestAuth): Promise<void> {
  await auth.users.create(ADMIN_REQUESTER, {
    login: "alice",
    fullName: undefined,
    groups: ["readers"],
    password: "Pa55!",
  });
}

async function createToken(
  { auth, alice }: Alice,
  changes: Partial<NewToken> = {},
): Promise<{ readonly secret: string; readonly token: TokenInfo }> {
  const outcome = await auth.tokens.create(alice, { ...NEW_TOKEN, ...changes });
  assert(outcome.kind === "created", outcome.kind);
  return outcome;
}

async function bear(
  auth: TestAuth,
  secret: string,
): Promise<Principal | "rejected" | undefined> {
  return await auth.authenticator.authenticate(
    `Bearer ${secret}`,
    LOCAL_REQUEST,
  );
}

Deno.test("a token stands for its user", async () => {
  await using opened = await openWithAlice();
  const { auth } = opened;
  const { secret, token } = await createToken(opened, { label: "ci" });
  const principal = await bear(auth, secret);
  assert(principal !== undefined && principal !== "rejected");
  assertEquals(principal.login, "alice");
  assertEquals([...principal.roles], ["readers", "alice"]);
  assertEquals(principal.isReadOnly, false);
  assertEquals(principal.expiresAtUs, token.expiresAtUs);
  const { createdAtUs, expiresAtUs } = token;
  const lifetimeUs = expiresAtUs - createdAtUs;
  assertEquals(lifetimeUs, LIMITS.tokenSecondsDefault * 1_000_000);
  assertEquals(token.label, "ci");
  // The second time it is remembered.
  const again = auth.authenticator.authenticate(
    `Bearer ${secret}`,
    LOCAL_REQUEST,
  );
  assertEquals(again, principal);
});

Deno.test("only a token's hash is stored and nothing of it is logged", async () => {
  await using opened = await openWithAlice();
  const { auth } = opened;
  const { secret, token } = await createToken(opened);
  const claimed = decodeBearerToken(`Bearer ${secret}`);
  assert(claimed !== undefined);
  assertEquals(claimed.login, "alice");
  const [event, ...rest] = await auth.eventsOf("$tokens-alice");
  assertEquals(rest, []);
  assertEquals(event?.[0], "$TokenCreated");
  assert(!event?.[1].includes(claimed.secret));
  assert(!JSON.stringify(auth.logged).includes(claimed.secret));
  assertEquals(auth.logged.at(-1), ["token.created", {
    login: "alice",
    tokenId: token.tokenId,
    isReadOnly: false,
    by: "alice",
    from: "10.0.0.7",
  }]);
  assertEquals((await auth.store.readState("$tokens-alice")).metadata, {
    maxCount: 1,
  });
});

Deno.test("a read-only token makes a read-only principal", async () => {
  await using opened = await openWithAlice();
  const { secret } = await createToken(opened, { isReadOnly: true });
  const principal = await bear(opened.auth, secret);
  assert(principal !== undefined && principal !== "rejected");
  assertEquals(principal.isReadOnly, true);
});

Deno.test("a token ends when its time is over, remembered or not", async () => {
  await using opened = await openWithAlice();
  const { auth } = opened;
  const { secret } = await createToken(opened, { lifetimeSeconds: 60 });
  const unused = await createToken(opened, { lifetimeSeconds: 60 });
  const principal = await bear(auth, secret);
  assert(principal !== undefined && principal !== "rejected");
  auth.clock.advanceMs(59_999);
  assert(await bear(auth, secret) !== "rejected");
  assertEquals(auth.authenticator.isCurrent(principal), true);
  auth.clock.advanceMs(1);
  assertEquals(auth.authenticator.isCurrent(principal), false);
  assertEquals(await bear(auth, secret), "rejected");
  assertEquals(await bear(auth, unused.secret), "rejected");
  assertEquals(await auth.tokens.list(opened.alice, "alice"), {
    kind: "tokens",
    tokens: [],
  });
});

Deno.test("tokens are listed and revoked one by one, at once", async () => {
  await using opened = await openWithAlice();
  const { auth, alice } = opened;
  const one = await createToken(opened);
  const other = await createToken(opened);
  const listed = await auth.tokens.list(alice, "alice");
  assertEquals(listed, { kind: "tokens", tokens: [one.token, other.token] });
  const principal = await bear(auth, one.secret);
  assert(principal !== undefined && principal !== "rejected");
  const { tokenId } = one.token;
  const revoked = { login: "alice", tokenId };
  assertEquals(await auth.tokens.revoke(alice, revoked), { kind: "success" });
  assertEquals(auth.authenticator.isCurrent(principal), false);
  assertEquals(await bear(auth, one.secret), "rejected");
  assert(await bear(auth, other.secret) !== "rejected");
  assertEquals(await auth.tokens.revoke(alice, revoked), { kind: "notFound" });
  assert(auth.logged.some(([event]) => event === "token.revoked"));
});

Deno.test("tokens made at the same time are all kept", async () => {
  await using opened = await openWithAlice();
  const made = await Promise.all(
    Array.from({ length: 4 }, () => createToken(opened)),
  );
  for (const { secret } of made) {
    assert(await bear(opened.auth, secret) !== "rejected");
  }
});

const ENDINGS: readonly [string, (auth: TestAuth) => Promise<unknown>][] = [
  ["is disabled", (auth) => auth.users.disable(ADMIN_REQUESTER, "alice")],
  ["is deleted", (auth) => auth.users.delete(ADMIN_REQUESTER, "alice")],
  ["is deleted and created again", async (auth) => {
    await auth.users.delete(ADMIN_REQUESTER, "alice");
    await createAlice(auth);
  }],
  ["is deleted through its stream and created again", async (auth) => {
    await auth.store.deleteStream({
      streamName: "$user-alice",
      expectedVersion: "any",
      mode: "soft",
    });
    await createAlice(auth);
  }],
  [
    "gets another password from an administrator",
    (auth) =>
      auth.users.resetPassword(ADMIN_REQUESTER, {
        login: "alice",
        newPassword: "x",
      }),
  ],
];

for (const [what, end] of ENDINGS) {
  Deno.test(`a token is worth nothing once its user ${what}`, async () => {
    await using opened = await openWithAlice();
    const { auth, alice } = opened;
    const { secret } = await createToken(opened);
    const live = auth.tokens.createAccessToken(alice);
    assert(live.kind === "created");
    assert(await bear(auth, secret) !== "rejected");
    await end(auth);
    assertEquals(await bear(auth, secret), "rejected");
    const { authenticator } = auth;
    const answer = authenticator.authenticateAccessToken(
      live.accessToken,
      LOCAL_REQUEST,
    );
    assertEquals(answer, "rejected");
  });
}

Deno.test("forged and foreign tokens are rejected", async () => {
  await using opened = await openWithAlice();
  const { secret } = await createToken(opened);
  const changed = secret.slice(0, -2) + (secret.endsWith("AA") ? "BA" : "AA");
  const nobodys = secret.replace(/\.[^.]+\./, ".bm9ib2R5.");
  for (const forged of [changed, nobodys]) {
    assertEquals(await bear(opened.auth, forged), "rejected");
  }
});

Deno.test("who may manage whose tokens", async () => {
  await using opened = await openWithAlice();
  const { auth, alice } = opened;
  const { secret, token } = await createToken(opened);
  const { tokenId } = token;
  const ops = await auth.requesterOf("ops", "changeit");
  const caller = await bear(auth, secret);
  assert(caller !== undefined && caller !== "rejected");
  const byToken = { caller, remoteAddress: "10.0.0.7" };
  assert(alice.caller !== undefined);
  const readOnly = { ...alice, caller: { ...alice.caller, isReadOnly: true } };
  for (const requester of [ANONYMOUS_REQUESTER, ops, byToken, readOnly]) {
    const outcomes = [
      await auth.tokens.create(requester, NEW_TOKEN),
      await auth.tokens.list(requester, "alice"),
      await auth.tokens.revoke(requester, { login: "alice", tokenId }),
    ];
    assertEquals(outcomes.map(({ kind }) => kind), [
      "unauthorized",
      "unauthorized",
      "unauthorized",
    ]);
  }
  const byAdmin = await auth.tokens.create(ADMIN_REQUESTER, NEW_TOKEN);
  assertEquals(byAdmin.kind, "created");
  const ofNobody = { ...NEW_TOKEN, login: "nobody" };
  const unknown = await auth.tokens.create(ADMIN_REQUESTER, ofNobody);
  assertEquals(unknown.kind, "notFound");
});

Deno.test("a user has a bounded number of tokens, of bounded life", async () => {
  await using opened = await openWithAlice();
  const { auth, alice } = opened;
  for (let index = 0; index < LIMITS.userTokensMax; index++) {
    await createToken(opened, { lifetimeSeconds: LIMITS.tokenSecondsMax });
  }
  const outcome = await auth.tokens.create(alice, NEW_TOKEN);
  assertEquals(outcome, { kind: "conflict" });
  const unfit = [0, -1, 0.5, NaN, LIMITS.tokenSecondsMax + 1];
  for (const lifetimeSeconds of unfit) {
    const error = await assertRejects(
      () => auth.tokens.create(alice, { ...NEW_TOKEN, lifetimeSeconds }),
      QuipuError,
    );
    assertEquals(error.code, "invalidRequest");
  }
});

Deno.test("an access token opens live feeds for reading, for a short time", async () => {
  await using opened = await openWithAlice();
  const { auth, alice } = opened;
  const { authenticator } = auth;
  const live = auth.tokens.createAccessToken(alice);
  assert(live.kind === "created");
  const { accessToken } = live;
  const principal = authenticator.authenticateAccessToken(
    accessToken,
    LOCAL_REQUEST,
  );
  assert(principal !== "rejected");
  assertEquals(principal.isReadOnly, true);
  assertEquals([...principal.roles], ["readers", "alice"]);
  // It is no bearer token, nor is a bearer token an access token.
  assertEquals(await bear(auth, accessToken), undefined);
  const { secret } = await createToken(opened);
  assertEquals(
    authenticator.authenticateAccessToken(secret, LOCAL_REQUEST),
    "rejected",
  );
});

Deno.test("an access token ends, and ends with the token that it was made by", async () => {
  await using opened = await openWithAlice();
  const { auth, alice } = opened;
  const { authenticator } = auth;
  const long = auth.tokens.createAccessToken(alice);
  assert(long.kind === "created");
  auth.clock.advanceMs(LIMITS.accessTokenMs);
  const late = authenticator.authenticateAccessToken(
    long.accessToken,
    LOCAL_REQUEST,
  );
  assertEquals(late, "rejected");
  const { secret, token } = await createToken(opened, { lifetimeSeconds: 1 });
  const caller = await bear(auth, secret);
  assert(caller !== undefined && caller !== "rejected");
  const short = auth.tokens.createAccessToken({ ...alice, caller });
  assert(short.kind === "created");
  assertEquals(short.expiresAtUs, token.expiresAtUs);
  assertEquals(auth.tokens.createAccessToken(ANONYMOUS_REQUESTER), {
    kind: "unauthorized",
  });
});

Deno.test("what an access token has opened goes on until its user or the token behind it ends", async () => {
  await using opened = await openWithAlice();
  const { auth } = opened;
  const { authenticator } = auth;
  const open = (requester: Requester) => {
    const made = auth.tokens.createAccessToken(requester);
    assert(made.kind === "created");
    const { accessToken } = made;
    const principal = authenticator.authenticateAccessToken(
      accessToken,
      LOCAL_REQUEST,
    );
    assert(principal !== undefined && principal !== "rejected");
    return principal;
  };
  const { secret } = await createToken(opened, { lifetimeSeconds: 3600 });
  const bearer = await bear(auth, secret);
  assert(bearer !== undefined && bearer !== "rejected");
  const alice = await auth.requesterOf("alice", "Pa55!");
  const ofPassword = open(alice);
  const ofToken = open({ ...alice, caller: bearer });
  const isCurrent = () => ({
    ofPassword: authenticator.isCurrent(ofPassword),
    ofToken: authenticator.isCurrent(ofToken),
  });
  auth.clock.advanceMs(LIMITS.accessTokenMs + 1000);
  assertEquals(isCurrent(), { ofPassword: true, ofToken: true });
  auth.clock.advanceMs(3_600_000);
  assertEquals(isCurrent(), { ofPassword: true, ofToken: false });
  await auth.users.disable(ADMIN_REQUESTER, "alice");
  assertEquals(isCurrent(), { ofPassword: false, ofToken: false });
});

Deno.test("forged access tokens are rejected", async () => {
  await using opened = await openWithAlice();
  const { auth, alice } = opened;
  const live = auth.tokens.createAccessToken(alice);
  assert(live.kind === "created");
  const [, payload = "", signature = ""] = live.accessToken.split(".");
  const admin = btoa(atob(payload).replace('"readers"', '"$admins"'));
  const forged = [
    "",
    "x",
    "quipu-live.",
    "quipu-live..",
    `quipu-live.${admin}.${signature}`,
    `quipu-live.${payload}.`,
    `quipu-live.${payload}.${signature.slice(1)}`,
    `quipu-live.${payload}`,
  ];
  for (const token of forged) {
    const answer = auth.authenticator.authenticateAccessToken(
      token,
      LOCAL_REQUEST,
    );
    assertEquals(answer, "rejected", token);
  }
});
