import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { anEvent } from "../../tests/support/events.ts";
import {
  ADMIN_REQUESTER,
  basic,
  LOCAL_REQUEST,
  openTestAuth,
  type TestAuth,
} from "../../tests/support/test_auth.ts";
import { LIMITS } from "../model/limits.ts";
import type { LoginRequest } from "./contract.ts";
import { leastMs } from "../../tests/support/least_time.ts";

async function openWithAlice(): Promise<TestAuth> {
  const auth = await openTestAuth();
  await auth.users.create(ADMIN_REQUESTER, {
    login: "alice",
    fullName: undefined,
    groups: ["readers"],
    password: "Pa55!",
  });
  return auth;
}

Deno.test("a right password makes a principal with groups and login as roles", async () => {
  await using auth = await openWithAlice();
  const principal = await auth.login("alice", "Pa55!");
  assert(principal !== undefined && principal !== "rejected");
  assertEquals(principal.login, "alice");
  assertEquals([...principal.roles], ["readers", "alice"]);
  assertEquals(principal.isReadOnly, false);
});

const REJECTED: readonly [string, string, string][] = [
  ["a wrong password", "alice", "wrong"],
  ["another case of the login", "Alice", "Pa55!"],
  ["an unknown login", "nobody", "Pa55!"],
  ["an empty login", "", ""],
  ["a login that no user can have", "a\u0000".repeat(300), "x"],
  ["a login that names another stream", "$users", "x"],
];

for (const [what, login, password] of REJECTED) {
  Deno.test(`${what} is rejected`, async () => {
    await using auth = await openWithAlice();
    assertEquals(await auth.login(login, password), "rejected");
  });
}

const ANONYMOUS = [
  null,
  "",
  "Basic",
  "Basic ",
  "Basic !!!",
  "Bearer x",
  "Bearer quipu.",
  "Bearer quipu.YQ.short",
  "Digest username=admin",
  "junk",
];

for (const header of ANONYMOUS) {
  Deno.test(`Authorization ${JSON.stringify(header)} is anonymous, at once`, async () => {
    await using auth = await openTestAuth();
    const answer = auth.authenticator.authenticate(header, LOCAL_REQUEST);
    assertEquals(answer, undefined);
  });
}

Deno.test("a verified header is answered at once, and with the same principal", async () => {
  await using auth = await openWithAlice();
  const header = basic("alice", "Pa55!");
  const first = auth.authenticator.authenticate(header, LOCAL_REQUEST);
  assert(first instanceof Promise);
  const again = auth.authenticator.authenticate(header, LOCAL_REQUEST);
  assert(again instanceof Promise);
  assertStrictEquals(await again, await first);
  assertStrictEquals(
    auth.authenticator.authenticate(header, LOCAL_REQUEST),
    await first,
  );
});

Deno.test("a remembered header reads nothing of the request", async () => {
  await using auth = await openWithAlice();
  const principal = await auth.login("alice", "Pa55!");
  const untouchable = new Proxy(LOCAL_REQUEST, {
    get(_target, name): never {
      throw new Error(`Read ${String(name)}`);
    },
  });
  const header = basic("alice", "Pa55!");
  assertStrictEquals(
    auth.authenticator.authenticate(header, untouchable),
    principal,
  );
});

Deno.test("a wrong password is not remembered", async () => {
  await using auth = await openWithAlice();
  const header = basic("alice", "new");
  assertEquals(await auth.login("alice", "new"), "rejected");
  await auth.users.resetPassword(ADMIN_REQUESTER, {
    login: "alice",
    newPassword: "new",
  });
  const answer = await auth.authenticator.authenticate(header, LOCAL_REQUEST);
  assert(answer !== undefined && answer !== "rejected");
});

const ENDINGS: readonly [string, (auth: TestAuth) => Promise<unknown>][] = [
  ["disabled", (auth) => auth.users.disable(ADMIN_REQUESTER, "alice")],
  ["deleted", (auth) => auth.users.delete(ADMIN_REQUESTER, "alice")],
  [
    "given another password",
    (auth) =>
      auth.users.resetPassword(ADMIN_REQUESTER, {
        login: "alice",
        newPassword: "other",
      }),
  ],
  ["deleted through its stream", (auth) =>
    auth.store.deleteStream({
      streamName: "$user-alice",
      expectedVersion: "any",
      mode: "soft",
    })],
  ["deleted for ever", (auth) =>
    auth.store.deleteStream({
      streamName: "$user-alice",
      expectedVersion: "any",
      mode: "hard",
    })],
];

for (const [what, end] of ENDINGS) {
  Deno.test(`a user that was ${what} is refused right away`, async () => {
    await using auth = await openWithAlice();
    const principal = await auth.login("alice", "Pa55!");
    assert(principal !== undefined && principal !== "rejected");
    assertEquals(auth.authenticator.isCurrent(principal), true);
    const changed: string[] = [];
    auth.authenticator.onChange((login) => changed.push(login));
    await end(auth);
    assertEquals(auth.authenticator.isCurrent(principal), false);
    assert(changed.includes("alice"));
    assertEquals(await auth.login("alice", "Pa55!"), "rejected");
  });
}

Deno.test("changed groups hold from the next request on", async () => {
  await using auth = await openWithAlice();
  const before = await auth.login("alice", "Pa55!");
  await auth.users.update(ADMIN_REQUESTER, {
    login: "alice",
    fullName: undefined,
    groups: ["$admins"],
  });
  const after = await auth.login("alice", "Pa55!");
  assert(before !== undefined && before !== "rejected");
  assert(after !== undefined && after !== "rejected");
  assertEquals([...after.roles], ["$admins", "alice"]);
  assertEquals(auth.authenticator.isCurrent(before), false);
  assertEquals(auth.authenticator.isCurrent(after), true);
});

Deno.test("a change of one user forgets nobody else", async () => {
  await using auth = await openWithAlice();
  const admin = await auth.login("admin", "changeit");
  await auth.users.disable(ADMIN_REQUESTER, "alice");
  const header = basic("admin", "changeit");
  assertStrictEquals(
    auth.authenticator.authenticate(header, LOCAL_REQUEST),
    admin,
  );
});

Deno.test("after very many changes remembered logins are current again", async () => {
  await using auth = await openWithAlice();
  await auth.login("alice", "Pa55!");
  for (let index = 0; index <= LIMITS.verifiedLoginsMax; index++) {
    await auth.store.append({
      streamName: `$user-${index}`,
      expectedVersion: "any",
      events: [anEvent(index)],
    });
  }
  const principal = await auth.login("alice", "Pa55!");
  assert(principal !== undefined && principal !== "rejected");
  assertEquals(auth.authenticator.isCurrent(principal), true);
});

Deno.test("a user that changes during the check is judged as it became", async () => {
  await using auth = await openWithAlice();
  const answer = auth.login("alice", "Pa55!");
  // Disabled between the reading of the user and the end of the hash.
  const stop = auth.store.watch(() => {});
  const disabled = auth.users.disable(ADMIN_REQUESTER, "alice");
  assertEquals(await answer, "rejected");
  await disabled;
  stop();
});

Deno.test("the default password is refused for a page of another site", async () => {
  await using auth = await openTestAuth();
  const foreign: readonly Partial<LoginRequest>[] = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { secFetchSite: "cross-site" },
    { host: "evil.example" },
  ];
  // Before it is remembered and after.
  for (let round = 0; round < 2; round++) {
    for (const request of foreign) {
      assertEquals(await auth.login("admin", "changeit", request), "rejected");
    }
    const own = { origin: "http://localhost:2113" };
    const principal = await auth.login("admin", "changeit", own);
    assert(principal !== undefined && principal !== "rejected");
  }
});

Deno.test("other passwords are not judged by the Origin", async () => {
  await using auth = await openWithAlice();
  const principal = await auth.login("alice", "Pa55!", {
    origin: "http://app.example",
    host: "events.example",
    secFetchSite: "cross-site",
  });
  assert(principal !== undefined && principal !== "rejected");
});

Deno.test("ES-TrustedAuth counts from trusted peers alone", async () => {
  await using auth = await openTestAuth({
    isTrustedPeer: (peerAddress) => peerAddress === "10.0.0.1",
  });
  const { authenticator } = auth;
  const request = { ...LOCAL_REQUEST, trustedAuth: "root; admin, $ops" };
  assertEquals(authenticator.authenticate(null, request), undefined);
  const trusted = { ...request, peerAddress: "10.0.0.1" };
  const principal = authenticator.authenticate(null, trusted);
  assert(principal !== undefined && principal !== "rejected");
  assert(!(principal instanceof Promise));
  assertEquals([...principal.roles], ["admin", "$ops", "root"]);
  assertEquals(authenticator.isCurrent(principal), true);
  // Undecodable credentials count as none; decodable ones win.
  const other = authenticator.authenticate("Basic !!!", trusted);
  assertEquals(other, principal);
  const basicWins = await authenticator.authenticate(
    basic("ops", "changeit"),
    trusted,
  );
  assert(basicWins !== undefined && basicWins !== "rejected");
  assertEquals(basicWins.login, "ops");
  const broken = { ...trusted, trustedAuth: "a;b;c" };
  assertEquals(authenticator.authenticate(null, broken), "rejected");
});

Deno.test("without a trusted peer ES-TrustedAuth is ignored", async () => {
  await using auth = await openTestAuth();
  const request = { ...LOCAL_REQUEST, trustedAuth: "a;b;c" };
  assertEquals(auth.authenticator.authenticate(null, request), undefined);
});

Deno.test("one login is remembered a bounded number of times", async () => {
  await using auth = await openWithAlice();
  const header = basic("alice", "Pa55!");
  const { authenticator } = auth;
  // Each spelling is another header with the same credentials.
  for (let spaces = 0; spaces <= LIMITS.verifiedLoginsPerUserMax; spaces++) {
    await authenticator.authenticate(
      header + " ".repeat(spaces),
      LOCAL_REQUEST,
    );
  }
  const answers = Array.from(
    { length: LIMITS.verifiedLoginsPerUserMax + 1 },
    (_, spaces) =>
      authenticator.authenticate(header + " ".repeat(spaces), LOCAL_REQUEST),
  );
  const checked = answers.filter((answer) => answer instanceof Promise);
  assertEquals(checked.length, 1);
  await Promise.all(checked);
});

Deno.test("a remembered login costs less than 5 µs", async () => {
  await using auth = await openWithAlice();
  const header = basic("alice", "Pa55!");
  await auth.login("alice", "Pa55!");
  const { authenticator } = auth;
  const count = 20_000;
  const enoughMs = count * 5 / 1000;
  const tookMs = await leastMs(() => {
    for (let index = 0; index < count; index++) {
      authenticator.authenticate(header, LOCAL_REQUEST);
    }
  }, enoughMs);
  assert(tookMs < enoughMs, `${tookMs * 1000 / count} µs`);
});
