import { assertEquals } from "@std/assert";
import { anEvent } from "../../tests/support/events.ts";
import {
  ADMIN,
  aFeedRead,
  anAllRead,
  aUser,
  createServiceFixture,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import type { StreamState } from "../store/event_store.ts";
import { stateOnceBegun, StreamAccess } from "./access.ts";
import type { Caller } from "./outcomes.ts";

/** Who may do what: r w d and, on the metadata, R W; "-" is refused. */
async function rightsOf(
  { service }: ServiceFixture,
  caller: Caller,
  streamName: string,
): Promise<string> {
  const expectedVersion = 9999;
  const events = [anEvent(1)];
  const command = { streamName, expectedVersion, events };
  const target = {
    streamName,
    eventNumber: "head",
    resolveLinks: true,
  } as const;
  const outcomes = await Promise.all([
    service.readFeed(caller, aFeedRead({ streamName })),
    service.append(caller, command),
    service.deleteStream(caller, { ...command, isHard: false }),
    service.readMetadata(caller, target),
    service.appendMetadata(caller, command),
  ]);
  return outcomes.map(({ kind }, index) =>
    kind === "unauthorized" ? "-" : "rwdRW".charAt(index)
  ).join("");
}

const USER = aUser("user", ["team"]);
const OTHER = aUser("other");

/** Access lists; what anonymous, user (of team), other and admin may. */
const ACLS: readonly [unknown, [string, string, string, string]][] = [
  [undefined, ["rwdRW", "rwdRW", "rwdRW", "rwdRW"]],
  [{}, ["rwdRW", "rwdRW", "rwdRW", "rwdRW"]],
  [{ $r: "team" }, ["-wdRW", "rwdRW", "-wdRW", "rwdRW"]],
  [{ $w: ["user", "other"] }, ["r-dRW", "rwdRW", "rwdRW", "rwdRW"]],
  [{ $d: "$admins" }, ["rw-RW", "rw-RW", "rw-RW", "rwdRW"]],
  [{ $mr: "user", $mw: "other" }, ["rwd--", "rwdR-", "rwd-W", "rwdRW"]],
  [{ $r: [], $w: "" }, ["--dRW", "--dRW", "--dRW", "rwdRW"]],
  [{ $r: ["team", "$all"] }, ["rwdRW", "rwdRW", "rwdRW", "rwdRW"]],
  // A list of a wrong shape counts as none.
  [{ $r: 1, $w: [] }, ["rwdRW", "rwdRW", "rwdRW", "rwdRW"]],
];

for (const [acl, wanted] of ACLS) {
  Deno.test(`rights under ${JSON.stringify(acl)}`, async () => {
    const fixture = createServiceFixture();
    await fixture.append("s", [5]);
    if (acl !== undefined) await fixture.describe("s", { $acl: acl });
    const rights = [];
    for (const caller of [undefined, USER, OTHER, ADMIN]) {
      rights.push(await rightsOf(fixture, caller, "s"));
    }
    assertEquals(rights, wanted);
  });
}

Deno.test("system streams are the admins'", async () => {
  const fixture = createServiceFixture();
  assertEquals(await rightsOf(fixture, undefined, "$sys"), "-----");
  assertEquals(await rightsOf(fixture, USER, "$sys"), "-----");
  assertEquals(await rightsOf(fixture, ADMIN, "$sys"), "rwdRW");
  await fixture.describe("$sys", { $acl: { $r: "$all", $mr: "$all" } });
  assertEquals(await rightsOf(fixture, undefined, "$sys"), "r--R-");
});

Deno.test("a metastream goes by the metadata rights of its stream", async () => {
  const fixture = createServiceFixture();
  await fixture.describe("s", { $acl: { $mr: "team", $r: [], $w: [] } });
  assertEquals((await rightsOf(fixture, undefined, "$$s")).slice(0, 3), "-w-");
  assertEquals((await rightsOf(fixture, USER, "$$s")).slice(0, 3), "rw-");
  // Nobody deletes metadata.
  assertEquals((await rightsOf(fixture, ADMIN, "$$s")).slice(0, 3), "rw-");
});

Deno.test("nobody writes or deletes $all", async () => {
  const fixture = createServiceFixture();
  assertEquals(await rightsOf(fixture, ADMIN, "$all"), "r--RW");
  const kindOf = async (caller: Caller) =>
    (await fixture.service.readAll(caller, anAllRead())).kind;
  assertEquals(await kindOf(USER), "unauthorized");
  assertEquals(await kindOf(ADMIN), "page");
  await fixture.describe("$all", { $acl: { $r: "team" } });
  assertEquals(await kindOf(USER), "page");
  assertEquals(await kindOf(OTHER), "unauthorized");
});

Deno.test("$settings gives defaults, entry by entry, from its last event", async () => {
  const fixture = createServiceFixture();
  const set = (number: number, settings: unknown) =>
    fixture.appendEvents("$settings", [
      anEvent(number, { data: JSON.stringify(settings) }),
    ]);
  await fixture.describe("own", { $acl: { $r: "$all" } });
  assertEquals(await rightsOf(fixture, undefined, "s"), "rwdRW");
  await set(1, {
    $userStreamAcl: { $r: "team", $w: "$admins" },
    $systemStreamAcl: { $r: "$all" },
  });
  assertEquals(await rightsOf(fixture, undefined, "s"), "--dRW");
  assertEquals(await rightsOf(fixture, USER, "s"), "r-dRW");
  assertEquals(await rightsOf(fixture, undefined, "own"), "r-dRW");
  assertEquals(await rightsOf(fixture, undefined, "$sys"), "r----");
  await set(2, { $userStreamAcl: { $r: 5 } });
  assertEquals(await rightsOf(fixture, undefined, "s"), "rwdRW");
  await set(3, { $userStreamAcl: { $d: [] } });
  assertEquals(await rightsOf(fixture, USER, "s"), "rw-RW");
  await fixture.softDelete("$settings");
  assertEquals(await rightsOf(fixture, USER, "s"), "rwdRW");
});

Deno.test("a system list is everybody's from its first event on", async () => {
  const fixture = createServiceFixture();
  assertEquals(await rightsOf(fixture, USER, "$ce-cart"), "-----");
  await fixture.append("cart-1", [5]);
  assertEquals(await rightsOf(fixture, USER, "$ce-cart"), "r--R-");
  assertEquals(await rightsOf(fixture, undefined, "$ce-cart"), "r--R-");
  await fixture.describe("$ce-cart", { $acl: { $r: "team" } });
  assertEquals(await rightsOf(fixture, OTHER, "$ce-cart"), "-----");
});

Deno.test("a live feed of a list may be open to all before its first event", async () => {
  const fixture = createServiceFixture();
  const state = await fixture.store.readState("$ce-cart");
  const access = new StreamAccess(fixture.store);
  const granted = (by: StreamState) =>
    access.readAccess(undefined, "$ce-cart", by);
  assertEquals(await granted(state), "denied");
  assertEquals(await granted(stateOnceBegun(state)), "public");
});

Deno.test("read-only credentials change nothing", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [5]);
  const reader = { ...ADMIN, isReadOnly: true };
  assertEquals(await rightsOf(fixture, reader, "s"), "r--R-");
});

Deno.test("rights come before everything else that may be wrong", async () => {
  const fixture = createServiceFixture();
  await fixture.describe("s", {
    $acl: { $r: [], $w: [], $d: [], $mr: [], $mw: [] },
  });
  assertEquals(await rightsOf(fixture, USER, "s"), "-----");
  await fixture.append("s", [1]);
  await fixture.hardDelete("s");
  assertEquals(await rightsOf(fixture, USER, "s"), "-----");
});
