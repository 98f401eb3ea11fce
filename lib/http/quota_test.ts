import { assertEquals, assertThrows } from "@std/assert";
import { LIMITS, type Limits } from "../model/limits.ts";
import type { PullEnd, PullSource } from "../model/pull_source.ts";
import { type HeldKind, Quota, type QuotaHolder } from "./quota.ts";
import { Refusal } from "./errors.ts";

function holder(remoteAddress: string, login?: string): QuotaHolder {
  return {
    client: { remoteAddress },
    caller: login === undefined ? undefined : { login },
  };
}

/** Takes as many places as there are; tells how many, and why not more. */
function fill(
  quota: Quota,
  kind: HeldKind,
  whose: QuotaHolder,
): [number, string] {
  for (let count = 0;; count++) {
    try {
      quota.take(kind, whose);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return [count, `${error.code}: ${error.message}`];
    }
  }
}

const KINDS = [
  ["longPolls", "long polls", LIMITS.longPollsMax],
  ["liveFeeds", "live feeds", LIMITS.liveFeedsMax],
] as const;

Deno.test("consumers have places in all and of an address", () => {
  const quota = new Quota({
    ...LIMITS,
    subscriptionConsumersMax: 3,
    subscriptionConsumersPerAddressMax: 2,
  });
  assertEquals(fill(quota, "consumers", holder("a", "alice")), [
    2,
    "tooManyHeld: Too many consumers from this address. Limit is 2",
  ]);
  assertEquals(fill(quota, "consumers", holder("b", "alice")), [
    1,
    "overloaded: Too many consumers. Limit is 3",
  ]);
});

Deno.test("an address has 1,000 places, of which anonymous clients take three quarters", () => {
  for (const [kind, name] of KINDS) {
    const quota = new Quota(LIMITS);
    const why = (limit: number) =>
      `tooManyHeld: Too many ${name} from this address. Limit is ${limit}`;
    const anonymous = fill(quota, kind, holder("10.0.0.1"));
    assertEquals(anonymous, [750, why(750)]);
    const user = fill(quota, kind, holder("10.0.0.1", "alice"));
    assertEquals(user, [250, why(1000)]);
    quota.take(kind, holder("10.0.0.2"));
    assertEquals(quota.heldCount(kind), 1001);
  }
});

Deno.test("anonymous clients of many addresses leave a quarter of all places", () => {
  for (const [kind, name, inAll] of KINDS) {
    const quota = new Quota(LIMITS);
    const limit = inAll * 3 / 4;
    const full = `overloaded: Too many ${name}. Limit is ${limit}`;
    for (let index = 0, last = ""; last !== full; index++) {
      last = fill(quota, kind, holder(`10.0.${index}.1`))[1];
    }
    assertEquals(quota.heldCount(kind), limit);
    quota.take(kind, holder("10.9.9.9", "alice"));
  }
});

Deno.test("a user has so many places from all addresses together", () => {
  const limits = { ...LIMITS, liveFeedsPerUserMax: 3 };
  const quota = new Quota(limits);
  const take = (index: number) =>
    quota.take("liveFeeds", holder(`10.0.0.${index}`, "alice"));
  const [giveUp] = [1, 2, 3].map(take);
  const tooMany = "Too many live feeds of this user. Limit is 3";
  assertThrows(() => take(4), Refusal, tooMany);
  giveUp?.();
  // Twice gives up no more than once.
  giveUp?.();
  assertEquals(quota.heldCount("liveFeeds"), 2);
  take(9);
  assertThrows(() => take(9), Refusal, tooMany);
});

Deno.test("few places are not shared out", () => {
  const table = [[0, 0], [1, 1], [3, 3], [4, 3], [8, 6]] as const;
  for (const [inAll, anonymous] of table) {
    const quota = new Quota({ ...LIMITS, longPollsMax: inAll });
    assertEquals(fill(quota, "longPolls", holder("a"))[0], anonymous);
  }
});

Deno.test("kinds are counted apart, downloads in all only", () => {
  const limits: Limits = { ...LIMITS, backupsMax: 2, exportsMax: 1 };
  const quota = new Quota(limits);
  const admin = holder("a", "admin");
  assertEquals(fill(quota, "backups", admin), [
    2,
    "overloaded: Too many backups. Limit is 2",
  ]);
  assertEquals(fill(quota, "exports", holder("b", "jane"))[0], 1);
});

Deno.test("what is sent keeps its place until its connection has let go of it", async () => {
  const quota = new Quota({ ...LIMITS, exportsMax: 1 });
  const { promise: completed, resolve: complete } = Promise.withResolvers<
    void
  >();
  const ends: PullEnd[] = [];
  const source: PullSource = {
    next: () => undefined,
    end: (how) => void ends.push(how),
  };
  const requester = { ...holder("a", "admin"), info: { completed } };
  const { source: kept, end } = await quota.keep(
    "exports",
    requester,
    () => ({ source, end: 7 }),
  );
  assertEquals([end, kept.next(), quota.heldCount("exports")], [
    7,
    undefined,
    1,
  ]);
  kept.end({ outcome: "stalled" });
  await Promise.resolve();
  assertEquals([ends, quota.heldCount("exports")], [
    [{ outcome: "stalled" }],
    1,
  ]);
  complete();
  await completed;
  await Promise.resolve();
  assertEquals(quota.heldCount("exports"), 0);
});

Deno.test("what could not be opened takes no place", async () => {
  const quota = new Quota({ ...LIMITS, exportsMax: 1 });
  const requester = {
    ...holder("a", "admin"),
    info: { completed: Promise.resolve() },
  };
  const refused = await quota.keep(
    "exports",
    requester,
    () => ({ kind: "unauthorized" }),
  );
  assertEquals([refused.kind, quota.heldCount("exports")], ["unauthorized", 0]);
  const failed = quota.keep("exports", requester, () => {
    throw new Error("no such stream");
  });
  assertEquals(await failed.catch((error) => error.message), "no such stream");
  assertEquals(quota.heldCount("exports"), 0);
});
