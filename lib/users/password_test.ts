import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { pbkdf2Sync, scryptSync } from "node:crypto";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import {
  type PasswordHash,
  PasswordHasher,
  RECOMMENDED_COST,
} from "./password.ts";

const CHEAP = { N: 2, r: 1, p: 1 };

/** As the original stores a password. */
function legacyHashOf(password: string): PasswordHash {
  const salt = Buffer.from("0123456789abcdef", "latin1");
  return {
    salt: salt.toString("base64"),
    hash: pbkdf2Sync(password, salt, 1000, 20, "sha1").toString("base64"),
    algorithm: undefined,
  };
}

Deno.test("a password matches its own hash and nothing else", async () => {
  const hasher = new PasswordHasher(CHEAP);
  const stored = await hasher.hash("pä55:word");
  assertEquals(await hasher.verify("pä55:word", stored), "matches");
  assertEquals(await hasher.verify("pä55:Word", stored), "differs");
  assertEquals(await hasher.verify("", stored), "differs");
  assertEquals(await hasher.verify("pä55:word", undefined), "differs");
});

Deno.test("equal passwords have different salts and hashes", async () => {
  const hasher = new PasswordHasher(CHEAP);
  const [one, other] = await Promise.all([hasher.hash("a"), hasher.hash("a")]);
  assertNotEquals(one.salt, other.salt);
  assertNotEquals(one.hash, other.hash);
});

Deno.test("a hash says how it was made, at the recommended cost", async () => {
  const stored = await new PasswordHasher().hash("changeit");
  assertEquals(stored.algorithm, "scrypt:N=16384,r=8,p=5");
  const salt = Buffer.from(stored.salt, "base64");
  assertEquals(salt.length, 16);
  const expected = scryptSync("changeit", salt, 32, RECOMMENDED_COST);
  assertEquals(stored.hash, expected.toString("base64"));
});

Deno.test("the original's hash verifies and asks to be replaced", async () => {
  const hasher = new PasswordHasher(CHEAP);
  const stored = legacyHashOf("old");
  assertEquals(await hasher.verify("old", stored), "matchesOutdated");
  assertEquals(await hasher.verify("new", stored), "differs");
});

Deno.test("a hash at another cost verifies and asks to be replaced", async () => {
  const stored = await new PasswordHasher({ N: 4, r: 1, p: 1 }).hash("a");
  const hasher = new PasswordHasher(CHEAP);
  assertEquals(await hasher.verify("a", stored), "matchesOutdated");
  assertEquals(await hasher.verify("b", stored), "differs");
});

Deno.test("a broken or costly stored hash matches nothing", async () => {
  const hasher = new PasswordHasher(CHEAP);
  const good = await hasher.hash("a");
  const changes: Partial<PasswordHash>[] = [
    { salt: "" },
    { hash: "" },
    { hash: "AAAA" },
    { algorithm: undefined },
    { algorithm: "" },
    { algorithm: "md5" },
    { algorithm: "scrypt:N=3,r=1,p=1" },
    { algorithm: "scrypt:N=0,r=1,p=1" },
    { algorithm: "scrypt:N=524288,r=8,p=1" },
    { algorithm: "scrypt:N=131072,r=16,p=16" },
    { algorithm: "scrypt:N=2,r=0,p=1" },
  ];
  for (const change of changes) {
    assertEquals(
      await hasher.verify("a", { ...good, ...change }),
      "differs",
      JSON.stringify(change),
    );
  }
});

Deno.test("a password over the limit matches nothing", async () => {
  const hasher = new PasswordHasher(CHEAP);
  const longest = "x".repeat(LIMITS.passwordBytesMax);
  assertEquals(
    await hasher.verify(longest, await hasher.hash(longest)),
    "matches",
  );
  const tooLong = longest + "x";
  assertEquals(
    await hasher.verify(tooLong, await hasher.hash(tooLong)),
    "differs",
  );
  assertEquals(await hasher.verify(tooLong, await hasher.hash("")), "differs");
});

Deno.test("passwords beyond the queue are refused, the others are hashed", async () => {
  const hasher = new PasswordHasher(CHEAP);
  const fitting = LIMITS.passwordHashesMax + LIMITS.passwordHashQueueMax;
  const hashes = Array.from({ length: fitting }, () => hasher.hash("a"));
  const error = await assertRejects(() => hasher.hash("a"), QuipuError);
  assertEquals(error.code, "tooManyLogins");
  assertEquals((await Promise.all(hashes)).length, fitting);
  assert((await hasher.hash("a")).hash.length > 0);
});

Deno.test("an unknown login and an old hash cost what a known login costs", async () => {
  const hasher = new PasswordHasher();
  const stored = await hasher.hash("a");
  async function msOf(hash: PasswordHash | undefined): Promise<number> {
    const start = performance.now();
    await hasher.verify("wrong", hash);
    return performance.now() - start;
  }
  // Wide, because other work runs on the machine; without care it is 0.01.
  const isLike = (ratio: number) => ratio > 0.4 && ratio < 2.5;
  for (const hash of [undefined, legacyHashOf("a")]) {
    let knownMs = Infinity;
    let otherMs = Infinity;
    for (let count = 0; count < 25; count++) {
      knownMs = Math.min(knownMs, await msOf(stored));
      otherMs = Math.min(otherMs, await msOf(hash));
      if (count >= 2 && isLike(otherMs / knownMs)) break;
    }
    const ratio = otherMs / knownMs;
    assert(isLike(ratio), `ratio ${ratio}`);
  }
});
