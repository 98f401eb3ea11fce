import { assert, assertEquals, assertRejects } from "@std/assert";
import { pbkdf2Sync } from "node:crypto";
import { Buffer } from "node:buffer";
import { testUuid } from "../../tests/support/events.ts";
import {
  ADMIN_REQUESTER,
  ANONYMOUS_REQUESTER,
  LOCAL_REQUEST,
  openTestAuth,
  type TestAuth,
} from "../../tests/support/test_auth.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { NewUser } from "./contract.ts";

const ALICE: NewUser = {
  login: "alice",
  fullName: "Alice A.",
  groups: ["readers"],
  password: "Pa55!",
};

async function openWithAlice(): Promise<TestAuth> {
  const auth = await openTestAuth();
  assertEquals(await auth.users.create(ADMIN_REQUESTER, ALICE), {
    kind: "success",
  });
  return auth;
}

async function storedAlice(auth: TestAuth): Promise<Record<string, unknown>> {
  const last = (await auth.eventsOf("$user-alice")).at(-1);
  return JSON.parse(last?.[1] ?? "{}");
}

Deno.test("a created user stands in the store as the original writes it", async () => {
  await using auth = await openWithAlice();
  const [created, ...rest] = await auth.eventsOf("$user-alice");
  assertEquals(created?.[0], "$UserCreated");
  assertEquals(rest, []);
  const document = JSON.parse(created?.[1] ?? "");
  assertEquals(Object.keys(document), [
    "loginName",
    "fullName",
    "salt",
    "hash",
    "groups",
    "algorithm",
  ]);
  assertEquals(document.loginName, "alice");
  assertEquals(document.groups, ["readers"]);
  assert(!created?.[1].includes("Pa55!"));
  assertEquals(await auth.eventsOf("$$$user-alice"), [[
    "$metadata",
    '{"$acl":{"$w":"$admins","$d":"$admins","$mw":"$admins"}}',
  ]]);
  assertEquals((await auth.eventsOf("$users")).at(-1), ["$User", "alice"]);
});

Deno.test("a user without name and groups has no such members", async () => {
  await using auth = await openTestAuth();
  const user = { ...ALICE, fullName: undefined, groups: undefined };
  await auth.users.create(ADMIN_REQUESTER, user);
  assertEquals(Object.keys(await storedAlice(auth)), [
    "loginName",
    "salt",
    "hash",
    "algorithm",
  ]);
  const outcome = await auth.users.read(ADMIN_REQUESTER, "alice");
  assert(outcome.kind === "user");
  assertEquals(outcome.user.groups, undefined);
  assertEquals(outcome.user.fullName, undefined);
});

Deno.test("creating again with the same password writes nothing", async () => {
  await using auth = await openWithAlice();
  const { end } = await auth.store.readEnd();
  const again = { ...ALICE, fullName: "Other", groups: [] };
  const outcome = await auth.users.create(ADMIN_REQUESTER, again);
  assertEquals(outcome, { kind: "success" });
  assertEquals((await auth.store.readEnd()).end, end);
});

Deno.test("creating again with another password is a conflict", async () => {
  await using auth = await openWithAlice();
  const other = { ...ALICE, password: "other" };
  const outcome = await auth.users.create(ADMIN_REQUESTER, other);
  assertEquals(outcome, { kind: "conflict" });
});

Deno.test("a repeated create enters a user that the first left out of $users", async () => {
  await using auth = await openWithAlice();
  await auth.store.deleteStream({
    streamName: "$users",
    expectedVersion: "any",
    mode: "soft",
  });
  await auth.users.create(ADMIN_REQUESTER, ALICE);
  assertEquals((await auth.eventsOf("$users")).length, 4);
  const outcome = await auth.users.list(ADMIN_REQUESTER);
  assert(outcome.kind === "users");
  assertEquals(outcome.users.map(({ login }) => login), [
    "admin",
    "alice",
    "ops",
  ]);
});

Deno.test("two creates at once end as one user", async () => {
  await using auth = await openTestAuth();
  const outcomes = await Promise.all([
    auth.users.create(ADMIN_REQUESTER, ALICE),
    auth.users.create(ADMIN_REQUESTER, { ...ALICE, password: "other" }),
  ]);
  assertEquals(outcomes.map(({ kind }) => kind).sort(), [
    "conflict",
    "success",
  ]);
  assertEquals((await auth.eventsOf("$user-alice")).length, 1);
});

Deno.test("users are listed by login, deleted ones are not", async () => {
  await using auth = await openWithAlice();
  await auth.users.create(ADMIN_REQUESTER, { ...ALICE, login: "Zoe" });
  await auth.users.create(ADMIN_REQUESTER, { ...ALICE, login: "bob" });
  await auth.users.delete(ADMIN_REQUESTER, "bob");
  const outcome = await auth.users.list(ADMIN_REQUESTER);
  assert(outcome.kind === "users");
  assertEquals(outcome.users.map(({ login }) => login), [
    "Zoe",
    "admin",
    "alice",
    "ops",
  ]);
});

Deno.test("a user is read with the time of its last change", async () => {
  await using auth = await openWithAlice();
  auth.clock.advanceMs(1000);
  await auth.users.disable(ADMIN_REQUESTER, "alice");
  assertEquals(await auth.users.read(ADMIN_REQUESTER, "alice"), {
    kind: "user",
    user: {
      login: "alice",
      fullName: "Alice A.",
      groups: ["readers"],
      isDisabled: true,
      updatedAtUs: auth.clock.nowUs(),
    },
  });
});

Deno.test("the current user is the caller", async () => {
  await using auth = await openWithAlice();
  const requester = await auth.requesterOf("alice", "Pa55!");
  const outcome = await auth.users.readCurrent(requester);
  assert(outcome.kind === "user");
  assertEquals(outcome.user.login, "alice");
  // A proxy may vouch for somebody who is not stored.
  assertEquals(await auth.users.readCurrent(ADMIN_REQUESTER), {
    kind: "notFound",
  });
});

Deno.test("an update overwrites name and groups and keeps the password", async () => {
  await using auth = await openWithAlice();
  const before = await storedAlice(auth);
  const changes = { login: "alice", fullName: undefined, groups: undefined };
  assertEquals(await auth.users.update(ADMIN_REQUESTER, changes), {
    kind: "success",
  });
  const { loginName, salt, hash, algorithm } = before;
  assertEquals(await storedAlice(auth), { loginName, salt, hash, algorithm });
  assertEquals(
    (await auth.eventsOf("$user-alice")).at(-1)?.[0],
    "$UserUpdated",
  );
});

Deno.test("disabling and enabling are written once each", async () => {
  await using auth = await openWithAlice();
  for (const change of ["disable", "disable", "enable", "enable"] as const) {
    assertEquals(await auth.users[change](ADMIN_REQUESTER, "alice"), {
      kind: "success",
    });
  }
  const events = await auth.eventsOf("$user-alice");
  const disabled = events.map(([, data]) => JSON.parse(data).disabled);
  assertEquals(disabled, [undefined, true, undefined]);
});

Deno.test("disable, reset, change and delete are announced", async () => {
  await using auth = await openWithAlice();
  await auth.users.resetPassword(ADMIN_REQUESTER, {
    login: "alice",
    newPassword: "New!",
  });
  await auth.users.changePassword(ANONYMOUS_REQUESTER, {
    login: "alice",
    currentPassword: "New!",
    newPassword: "Own!",
    request: LOCAL_REQUEST,
  });
  await auth.users.disable(ADMIN_REQUESTER, "alice");
  await auth.users.delete(ADMIN_REQUESTER, "alice");
  const stream = "$users-password-notifications";
  assertEquals(
    await auth.eventsOf(stream),
    Array(4).fill(["$PasswordChanged", '{\n  "loginName": "alice"\n}']),
  );
  assertEquals(await auth.eventsOf("$$" + stream), [[
    "$metadata",
    '{"$maxAge":3600}',
  ]]);
});

Deno.test("a changed password takes effect at once", async () => {
  await using auth = await openWithAlice();
  await auth.requesterOf("alice", "Pa55!");
  const change = {
    login: "alice",
    currentPassword: "Pa55!",
    newPassword: "Own!",
    request: LOCAL_REQUEST,
  };
  assertEquals(await auth.users.changePassword(ANONYMOUS_REQUESTER, change), {
    kind: "success",
  });
  assertEquals(await auth.login("alice", "Pa55!"), "rejected");
  await auth.requesterOf("alice", "Own!");
  // Nobody knows the old one any more.
  assertEquals(await auth.users.changePassword(ANONYMOUS_REQUESTER, change), {
    kind: "unauthorized",
  });
});

Deno.test("a password is not changed for a stranger", async () => {
  await using auth = await openWithAlice();
  const wrong = {
    login: "alice",
    currentPassword: "wrong",
    newPassword: "x",
    request: LOCAL_REQUEST,
  };
  const { users } = auth;
  assertEquals(await users.changePassword(ADMIN_REQUESTER, wrong), {
    kind: "unauthorized",
  });
  assertEquals(
    await users.changePassword(ADMIN_REQUESTER, { ...wrong, login: "nobody" }),
    { kind: "notFound" },
  );
  const foreign = { ...LOCAL_REQUEST, origin: "http://evil.example" };
  const byDefault = {
    login: "admin",
    currentPassword: "changeit",
    newPassword: "x",
    request: foreign,
  };
  assertEquals(await users.changePassword(ANONYMOUS_REQUESTER, byDefault), {
    kind: "unauthorized",
  });
  await users.disable(ADMIN_REQUESTER, "alice");
  const right = { ...wrong, currentPassword: "Pa55!" };
  assertEquals(await users.changePassword(ANONYMOUS_REQUESTER, right), {
    kind: "unauthorized",
  });
});

Deno.test("a deleted user can be created again, without its past", async () => {
  await using auth = await openWithAlice();
  const { users } = auth;
  assertEquals(await users.delete(ADMIN_REQUESTER, "alice"), {
    kind: "success",
  });
  assertEquals(await users.delete(ADMIN_REQUESTER, "alice"), {
    kind: "notFound",
  });
  assertEquals(await auth.login("alice", "Pa55!"), "rejected");
  const again = { ...ALICE, password: "second" };
  assertEquals(await users.create(ADMIN_REQUESTER, again), { kind: "success" });
  await auth.requesterOf("alice", "second");
  const { metadata, head } = await auth.store.readState("$user-alice");
  assertEquals(metadata.truncateBefore, 1);
  assertEquals(metadata.acl?.write, ["$admins"]);
  assertEquals(head, 1);
});

Deno.test("a user whose stream is gone for ever cannot be created", async () => {
  await using auth = await openWithAlice();
  await auth.store.deleteStream({
    streamName: "$user-alice",
    expectedVersion: "any",
    mode: "hard",
  });
  assertEquals(await auth.users.read(ADMIN_REQUESTER, "alice"), {
    kind: "notFound",
  });
  assertEquals(await auth.login("alice", "Pa55!"), "rejected");
});

Deno.test("what no user may consist of is refused", async () => {
  await using auth = await openTestAuth();
  const { end } = await auth.store.readEnd();
  const longest = "x".repeat(LIMITS.userNameBytesMax);
  const unfit: Partial<NewUser>[] = [
    { login: "" },
    { login: longest + "x" },
    { login: "ü".repeat(LIMITS.userNameBytesMax) },
    { login: "a\r\nb" },
    { login: "a\u0000" },
    { login: "\ud800" },
    { fullName: "a\nb" },
    { fullName: longest + "x" },
    { groups: ["a\nb"] },
    { groups: Array(LIMITS.userGroupsMax + 1).fill("a") },
    { password: "" },
    { password: "x".repeat(LIMITS.passwordBytesMax + 1) },
  ];
  for (const change of unfit) {
    const error = await assertRejects(
      () => auth.users.create(ADMIN_REQUESTER, { ...ALICE, ...change }),
      QuipuError,
    );
    assertEquals(error.code, "invalidRequest");
  }
  assertEquals((await auth.store.readEnd()).end, end);
  const user = { ...ALICE, login: longest, fullName: longest };
  assertEquals(await auth.users.create(ADMIN_REQUESTER, user), {
    kind: "success",
  });
});

Deno.test("what is no user's event counts as no user", async () => {
  await using auth = await openWithAlice();
  const junk = ["null", "[]", "{", "{}", '{"salt":1,"hash":2}', '"x"'];
  for (const [index, data] of junk.entries()) {
    await auth.store.append({
      streamName: "$user-alice",
      expectedVersion: "any",
      events: [{
        eventId: testUuid(index),
        eventType: "$UserUpdated",
        isJson: true,
        data,
        metadata: "",
      }],
    });
    assertEquals(await auth.login("alice", "Pa55!"), "rejected", data);
    assertEquals(await auth.users.read(ADMIN_REQUESTER, "alice"), {
      kind: "notFound",
    });
  }
  assertEquals(await auth.users.create(ADMIN_REQUESTER, ALICE), {
    kind: "success",
  });
  await auth.requesterOf("alice", "Pa55!");
});

Deno.test("a user of the original logs in once and is hashed anew", async () => {
  await using auth = await openTestAuth();
  const salt = Buffer.from("0123456789abcdef", "latin1");
  const hash = pbkdf2Sync("old", salt, 1000, 20, "sha1");
  await auth.store.append({
    streamName: "$user-migrated",
    expectedVersion: "noStream",
    events: [{
      eventId: testUuid(1),
      eventType: "$UserCreated",
      isJson: true,
      data: JSON.stringify({
        loginName: "migrated",
        fullName: "Migrated",
        salt: salt.toString("base64"),
        hash: hash.toString("base64"),
        groups: ["$ops"],
      }),
      metadata: "",
    }],
  });
  assertEquals(await auth.login("migrated", "new"), "rejected");
  assertEquals((await auth.eventsOf("$user-migrated")).length, 1);
  const { caller } = await auth.requesterOf("migrated", "old");
  assertEquals([...caller?.roles ?? []], ["$ops", "migrated"]);
  const [, updated, ...rest] = await auth.eventsOf("$user-migrated");
  assertEquals(rest, []);
  assertEquals(updated?.[0], "$UserUpdated");
  const document = JSON.parse(updated?.[1] ?? "");
  assertEquals(document.algorithm, "scrypt:N=2,r=1,p=1");
  assertEquals(document.fullName, "Migrated");
  // Remembered, and right without being remembered.
  await auth.requesterOf("migrated", "old");
  await auth.users.enable(ADMIN_REQUESTER, "migrated");
  await auth.requesterOf("migrated", "old");
  assertEquals((await auth.eventsOf("$user-migrated")).length, 2);
});

Deno.test("changes leave an audit line without secrets", async () => {
  await using auth = await openWithAlice();
  auth.logged.length = 0;
  const { users } = auth;
  await users.update(ADMIN_REQUESTER, ALICE);
  await users.disable(ADMIN_REQUESTER, "alice");
  await users.enable(ADMIN_REQUESTER, "alice");
  const reset = { login: "alice", newPassword: "S3cret" };
  await users.resetPassword(ADMIN_REQUESTER, reset);
  await users.changePassword(ANONYMOUS_REQUESTER, {
    login: "alice",
    currentPassword: "S3cret",
    newPassword: "S3cret2",
    request: LOCAL_REQUEST,
  });
  await users.delete(ADMIN_REQUESTER, "alice");
  await users.delete(ADMIN_REQUESTER, "alice");
  const byRoot = { login: "alice", by: "root", from: "10.0.0.9" };
  const reader = '{"groups":["readers"]}';
  const disabled = '{"groups":["readers"],"disabled":true}';
  const both = { before: reader, after: reader };
  assertEquals(auth.logged, [
    ["user.updated", { ...byRoot, ...both }],
    ["user.disabled", { ...byRoot, before: reader, after: disabled }],
    ["user.enabled", { ...byRoot, before: disabled, after: reader }],
    ["user.password_reset", { ...byRoot, ...both }],
    ["user.password_changed", {
      ...both,
      login: "alice",
      by: null,
      from: "10.0.0.8",
    }],
    ["user.deleted", { ...byRoot, before: reader, after: null }],
  ]);
});
