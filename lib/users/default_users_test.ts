import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ADMIN_REQUESTER,
  LOCAL_REQUEST,
  openTestAuth,
} from "../../tests/support/test_auth.ts";
import { QuipuError } from "../model/errors.ts";
import { PasswordHasher } from "./password.ts";
import { leastMs } from "../../tests/support/least_time.ts";

Deno.test("a new store on loopback has admin and ops before it answers", async () => {
  const tookMs = await leastMs(async () => {
    await using _auth = await openTestAuth();
  }, 200);
  assert(tookMs < 200, `${tookMs} ms`);
  await using auth = await openTestAuth();
  const events = await auth.eventsOf("$user-admin");
  assertEquals(events.map(([eventType]) => eventType), ["$UserCreated"]);
  assertEquals(await auth.eventsOf("$users"), [
    ["$User", "admin"],
    ["$User", "ops"],
  ]);
  assertEquals(await auth.defaultUsers, {
    generated: [],
    withDefaultPassword: ["admin", "ops"],
  });
  const outcome = await auth.users.list(ADMIN_REQUESTER);
  assert(outcome.kind === "users");
  const users = outcome.users.map(({ login, fullName, groups }) => [
    login,
    fullName,
    groups,
  ]);
  assertEquals(users, [
    ["admin", "Event Store Administrator", ["$admins"]],
    ["ops", "Event Store Operations", ["$ops"]],
  ]);
});

Deno.test("the default users' constant hash is that of the default password", async () => {
  await using auth = await openTestAuth();
  const [created] = await auth.eventsOf("$user-admin");
  const { salt, hash, algorithm } = JSON.parse(created?.[1] ?? "");
  const hasher = new PasswordHasher();
  const stored = { salt, hash, algorithm };
  assertEquals(await hasher.verify("changeit", stored), "matches");
});

Deno.test("default users are made once", async () => {
  await using first = await openTestAuth();
  const { end } = await first.store.readEnd();
  const second = await openTestAuth({ store: first.store });
  assertEquals((await second.defaultUsers).withDefaultPassword, [
    "admin",
    "ops",
  ]);
  assertEquals((await first.store.readEnd()).end, end);
  second.authenticator.close();
});

Deno.test("a default user that was deleted is made again at the next start", async () => {
  await using first = await openTestAuth();
  await first.users.delete(ADMIN_REQUESTER, "ops");
  const second = await openTestAuth({ store: first.store });
  const principal = await second.login("ops", "changeit");
  assert(principal !== undefined && principal !== "rejected");
  second.authenticator.close();
});

Deno.test("on a network new users get random passwords, told once", async () => {
  await using auth = await openTestAuth({ isLoopbackServer: false });
  const { generated, withDefaultPassword } = await auth.defaultUsers;
  assertEquals(withDefaultPassword, []);
  assertEquals(generated.map(({ login }) => login), ["admin", "ops"]);
  for (const { login, password } of generated) {
    assertEquals(password.length, 24);
    assertEquals(await auth.login(login, "changeit"), "rejected");
    await auth.requesterOf(login, password);
  }
  const again = await openTestAuth({
    store: auth.store,
    isLoopbackServer: false,
  });
  assertEquals((await again.defaultUsers).generated, []);
  again.authenticator.close();
});

Deno.test("logins wait for users that are still being made", async () => {
  await using auth = await openTestAuth({
    isLoopbackServer: false,
    adminPassword: "0perator!",
    passwordCost: undefined,
  });
  const caller = await auth.login("admin", "0perator!");
  assert(caller !== undefined && caller !== "rejected");
});

for (const isLoopbackServer of [true, false]) {
  const where = isLoopbackServer ? "loopback" : "a network";
  Deno.test(`on ${where} the operator's password is the administrator's`, async () => {
    await using auth = await openTestAuth({
      isLoopbackServer,
      adminPassword: "0perator!",
    });
    const { generated } = await auth.defaultUsers;
    const logins = generated.map(({ login }) => login);
    assertEquals(logins, isLoopbackServer ? [] : ["ops"]);
    assertEquals(await auth.login("admin", "changeit"), "rejected");
    await auth.requesterOf("admin", "0perator!");
  });
}

Deno.test("an administrator that exists keeps its own password", async () => {
  await using first = await openTestAuth();
  for (const login of ["admin", "ops"]) {
    const reset = { login, newPassword: "mine" };
    await first.users.resetPassword(ADMIN_REQUESTER, reset);
  }
  const second = await openTestAuth({
    store: first.store,
    isLoopbackServer: false,
    adminPassword: "0perator!",
  });
  assertEquals((await second.defaultUsers).generated, []);
  await second.requesterOf("admin", "mine");
  second.authenticator.close();
});

Deno.test("a store made on loopback loses its default passwords on a network", async () => {
  await using first = await openTestAuth();
  // Hashed in another way than the constant.
  const reset = { login: "ops", newPassword: "changeit" };
  await first.users.resetPassword(ADMIN_REQUESTER, reset);
  const second = await openTestAuth({
    store: first.store,
    isLoopbackServer: false,
  });
  const { generated } = await second.defaultUsers;
  assertEquals(generated.map(({ login }) => login), ["admin", "ops"]);
  for (const { login, password } of generated) {
    assertEquals(await second.login(login, "changeit"), "rejected");
    await second.requesterOf(login, password);
  }
  second.authenticator.close();
});

Deno.test("no user's default password is accepted on a network", async () => {
  await using auth = await openTestAuth({ isLoopbackServer: false });
  await auth.users.create(ADMIN_REQUESTER, {
    login: "alice",
    fullName: undefined,
    groups: undefined,
    password: "changeit",
  });
  assertEquals(await auth.login("alice", "changeit"), "rejected");
  const outcome = await auth.users.changePassword(ADMIN_REQUESTER, {
    login: "alice",
    currentPassword: "changeit",
    newPassword: "x",
    request: LOCAL_REQUEST,
  });
  assertEquals(outcome, { kind: "unauthorized" });
});

Deno.test("an operator's password that protects nothing is refused", async () => {
  for (const adminPassword of ["", "changeit", "x".repeat(2000)]) {
    const error = await assertRejects(
      () => openTestAuth({ isLoopbackServer: false, adminPassword }),
      QuipuError,
    );
    assertEquals(error.code, "invalidRequest");
  }
});
