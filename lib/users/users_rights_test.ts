import { assert, assertEquals } from "@std/assert";
import {
  ADMIN_REQUESTER,
  ANONYMOUS_REQUESTER,
  openTestAuth,
  type TestAuth,
} from "../../tests/support/test_auth.ts";
import type { Requester } from "../model/audit.ts";
import type { NewUser } from "./contract.ts";

const ALICE: NewUser = {
  login: "alice",
  fullName: "Alice A.",
  groups: ["readers"],
  password: "Pa55!",
};

async function openWithAlice(): Promise<TestAuth> {
  const auth = await openTestAuth();
  await auth.users.create(ADMIN_REQUESTER, ALICE);
  return auth;
}

const CHANGES: readonly [
  string,
  (auth: TestAuth, requester: Requester, login: string) => Promise<unknown>,
][] = [
  ["update", (auth, requester, login) =>
    auth.users.update(requester, {
      login,
      fullName: undefined,
      groups: undefined,
    })],
  ["enable", (auth, requester, login) => auth.users.enable(requester, login)],
  ["disable", (auth, requester, login) => auth.users.disable(requester, login)],
  ["delete", (auth, requester, login) => auth.users.delete(requester, login)],
  [
    "reset",
    (auth, requester, login) =>
      auth.users.resetPassword(requester, { login, newPassword: "x" }),
  ],
];

for (const [name, change] of CHANGES) {
  Deno.test(`${name} of an unknown login finds nobody`, async () => {
    await using auth = await openTestAuth();
    for (const login of ["nobody", "", "x".repeat(5000), "a\r\nb"]) {
      const outcome = await change(auth, ADMIN_REQUESTER, login)
        .catch((error) => error.code);
      const isRefused = name === "update" && login !== "nobody";
      assertEquals(
        outcome,
        isRefused ? "invalidRequest" : { kind: "notFound" },
        JSON.stringify(login.slice(0, 9)),
      );
    }
  });

  Deno.test(`${name} is for administrators who may write`, async () => {
    await using auth = await openWithAlice();
    const alice = await auth.requesterOf("alice", "Pa55!");
    const ops = await auth.requesterOf("ops", "changeit");
    const admin = await auth.requesterOf("admin", "changeit");
    assert(admin.caller !== undefined);
    const readOnly = {
      ...admin,
      caller: { ...admin.caller, isReadOnly: true },
    };
    const { end } = await auth.store.readEnd();
    for (const requester of [ANONYMOUS_REQUESTER, alice, ops, readOnly]) {
      for (const login of ["alice", "nobody"]) {
        assertEquals(await change(auth, requester, login), {
          kind: "unauthorized",
        });
      }
    }
    assertEquals((await auth.store.readEnd()).end, end);
    assertEquals(await change(auth, admin, "alice"), { kind: "success" });
  });
}

Deno.test("creating is for administrators, reading for who has logged in", async () => {
  await using auth = await openWithAlice();
  const bob = { ...ALICE, login: "bob" };
  const alice = await auth.requesterOf("alice", "Pa55!");
  for (const requester of [ANONYMOUS_REQUESTER, alice]) {
    assertEquals(await auth.users.create(requester, bob), {
      kind: "unauthorized",
    });
  }
  assertEquals(
    (await auth.users.list(ANONYMOUS_REQUESTER)).kind,
    "unauthorized",
  );
  const unseen = await auth.users.read(ANONYMOUS_REQUESTER, "alice");
  assertEquals(unseen.kind, "unauthorized");
  const unknown = await auth.users.readCurrent(ANONYMOUS_REQUESTER);
  assertEquals(unknown.kind, "unauthorized");
  assertEquals((await auth.users.list(alice)).kind, "users");
  assertEquals((await auth.users.read(alice, "admin")).kind, "user");
});
