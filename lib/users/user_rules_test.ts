import { assertEquals, assertRejects } from "@std/assert";
import { createTestIds } from "../../tests/support/events.ts";
import {
  ADMIN_REQUESTER,
  openTestAuth,
  type TestAuth,
} from "../../tests/support/test_auth.ts";
import { QuipuError } from "../model/errors.ts";
import type { NewUser } from "./contract.ts";
import { foldLogin, refuseUnfitNewLogin } from "./user_rules.ts";

const FIT = [
  "anna",
  "Anna-Maria.O'Neill",
  "anna@example.com",
  "anna maria",
  "Ωμέγα",
  "иван",
  "Ирина 2",
  "Αννα",
  "josé",
  "安娜",
  "アンナ",
  "a$b",
  "..",
  "x%41",
];

const UNFIT: readonly (readonly [string, string])[] = [
  ["$admins", "must not begin"],
  ["$", "must not begin"],
  ["a:b", '":"'],
  ["a/b", '"/"'],
  [" anna", "blank"],
  ["anna ", "blank"],
  ["anna\u00a0", "blank"],
  ["\u3000anna", "blank"],
  ["\ufeffanna", "blank"],
  ["an\u200bna", "without a shape"],
  ["an\u202ena", "without a shape"],
  ["an\u00adna", "without a shape"],
  ["an\ufeffna", "without a shape"],
  ["an\u0085na", "without a shape"],
  ["an\u009bna", "without a shape"],
  ["an\u2028na", "without a shape"],
  ["an\ue000na", "without a shape"],
  ["an\ufdd0na", "without a shape"],
  ["a\u3164b", "without a shape"],
  ["jose\u0301", "NFC"],
  ["\u212bngstrom", "NFC"],
  ["аdmin", "mix"],
  ["admіn", "mix"],
  ["οps", "mix"],
  // After NFKC a Greek letter.
  ["\u00b5service", "mix"],
];

const SAME: readonly (readonly [string, string])[] = [
  ["admin", "Admin"],
  ["admin", "ADMIN"],
  ["admin", "ａｄｍｉｎ"],
  ["admin", "ⓐⓓⓜⓘⓝ"],
  ["strasse", "straße"],
  ["STRASSE", "stra\u1e9ee"],
  ["ofﬁce", "office"],
  ["\u017fam", "sam"],
  ["ΑΣ", "ας"],
  ["ασ", "ας"],
  ["k1", "\u212a1"],
  ["anna maria", "anna\u00a0maria"],
  ["anna", "an\u200bna"],
];

Deno.test("a new login follows the rules", () => {
  for (const login of FIT) refuseUnfitNewLogin(login);
  for (const [login, rule] of UNFIT) {
    let message = "";
    try {
      refuseUnfitNewLogin(login);
    } catch (error) {
      message = error instanceof QuipuError ? error.message : String(error);
    }
    assertEquals(
      message.includes(rule),
      true,
      `${JSON.stringify(login)}: ${message}`,
    );
  }
});

Deno.test("logins that people take for the same one fold to the same text", () => {
  for (const [one, other] of SAME) {
    assertEquals(foldLogin(one), foldLogin(other), `${one} ${other}`);
    assertEquals(foldLogin(foldLogin(one)), foldLogin(one), one);
  }
  const different = new Set(FIT.map(foldLogin));
  assertEquals(different.size, FIT.length);
});

function userOf(login: string, groups: readonly string[] = []): NewUser {
  return { login, fullName: undefined, groups, password: `${login}'s` };
}

function createUser(auth: TestAuth, login: string, groups?: string[]) {
  return auth.users.create(ADMIN_REQUESTER, userOf(login, groups));
}

async function loginsOf(auth: TestAuth): Promise<string[]> {
  const outcome = await auth.users.list(ADMIN_REQUESTER);
  return outcome.kind === "users"
    ? outcome.users.map(({ login }) => login)
    : [outcome.kind];
}

Deno.test("a login that is like another one is refused", async () => {
  for (const [one, other] of SAME) {
    await using auth = await openTestAuth();
    await writeUser(auth, one);
    const before = await loginsOf(auth);
    // Some of them are no new logins anyhow.
    await assertRejects(() => createUser(auth, other), QuipuError, "Cannot");
    assertEquals(await loginsOf(auth), before);
  }
});

Deno.test("of simultaneous creations of like logins one wins", async () => {
  await using auth = await openTestAuth();
  const logins = ["anna", "Anna", "ANNA", "ａｎｎａ", "anNa"];
  const results = await Promise.allSettled(
    logins.map((login) => createUser(auth, login)),
  );
  const won = results.filter(({ status }) => status === "fulfilled");
  assertEquals(won.length, 1);
  assertEquals((await loginsOf(auth)).length, 3);
});

Deno.test("a login is no group of a user, and a group no login", async () => {
  await using auth = await openTestAuth();
  await createUser(auth, "anna", ["readers"]);
  await assertRejects(() => createUser(auth, "readers"), QuipuError, "group");
  await assertRejects(() => createUser(auth, "Readers"), QuipuError, "group");
  const update = (login: string, groups: string[]) =>
    auth.users.update(ADMIN_REQUESTER, { login, fullName: undefined, groups });
  await assertRejects(() => createUser(auth, "ben", ["anna"]), QuipuError);
  await assertRejects(() => createUser(auth, "ben", ["ben"]), QuipuError);
  await assertRejects(() => update("anna", ["admin"]), QuipuError, "login");
  assertEquals(await update("anna", ["readers", "writers"]), {
    kind: "success",
  });
  // Both at once: whichever comes later is refused.
  const results = await Promise.allSettled([
    update("anna", ["cleo"]),
    createUser(auth, "cleo"),
  ]);
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected"]);
});

Deno.test("users that break the rules go on working, and are listed", async () => {
  await using auth = await openTestAuth();
  const odd = ["a:b/c", " blanks ", "$dollar", "Admin", "jose\u0301"];
  for (const login of odd) await writeUser(auth, login, ["old", login]);
  assertEquals(await loginsOf(auth), ["admin", "ops", ...odd].sort());
  for (const login of odd) {
    const change = { login, fullName: "Odd", groups: ["old", login] };
    assertEquals(await auth.users.update(ADMIN_REQUESTER, change), {
      kind: "success",
    });
    const reset = { login, newPassword: "new" };
    await auth.users.resetPassword(ADMIN_REQUESTER, reset);
    if (login.includes(":")) continue;
    const caller = await auth.login(login, "new");
    assertEquals(typeof caller === "object" && caller.login, login);
  }
});

Deno.test("users are listed whether $users names them or not", async () => {
  await using auth = await openTestAuth();
  assertEquals(await loginsOf(auth), ["admin", "ops"]);
  await writeUser(auth, "direct");
  await auth.store.deleteStream({
    streamName: "$users",
    expectedVersion: "any",
    mode: "soft",
  });
  assertEquals(await loginsOf(auth), ["admin", "direct", "ops"]);
  await auth.users.delete(ADMIN_REQUESTER, "direct");
  assertEquals(await loginsOf(auth), ["admin", "ops"]);
  await using again = await openTestAuth({ store: auth.store });
  assertEquals(await loginsOf(again), ["admin", "ops"]);
});

const newEventId = createTestIds();

/** Writes a user as a plain append does. */
async function writeUser(
  auth: TestAuth,
  login: string,
  groups: readonly string[] = [],
): Promise<void> {
  await auth.store.append({
    streamName: `$user-${login}`,
    expectedVersion: "any",
    events: [{
      eventId: newEventId().replace(/^./, "f"),
      eventType: "$UserCreated",
      isJson: true,
      data: JSON.stringify({ loginName: login, salt: "x", hash: "x", groups }),
      metadata: "",
    }],
  });
}
