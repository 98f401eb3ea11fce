/**
 * Rights only shrink, whatever a caller asks for: no sequence of requests lets
 * a caller see or write what it could not before, unless it holds the right to
 * change the rights of that very stream. And nobody is shown what an answer for
 * somebody else left behind.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { withoutMarks } from "../support/web_forms.ts";
import { openStore } from "../../storage/mod.ts";
import {
  createTestClock,
  createTestIds,
  type TestClock,
  testUuid,
} from "../support/events.ts";
import { type Random, withSeed } from "../support/random.ts";
import { openTestApp, TEST_LOGINS, type TestApp } from "../support/test_app.ts";

type HeaderFields = Readonly<Record<string, string>>;

const ROUNDS = 12;
const STEPS = 40;
const STREAMS = ["s-0", "s-1", "s-2", "s-3", "s-4", "s-5"];
const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ADMIN: HeaderFields = { Authorization: TEST_LOGINS.admin };
const CALLERS: readonly HeaderFields[] = [
  {},
  { Authorization: TEST_LOGINS.user },
];
/** `user` is a login that the tests know, and `$all` everybody. */
const ROLES = ["$all", "user", "$admins", "team"];

/** What a caller may do with a stream before it asks for anything. */
interface Rights {
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  readonly mayWriteMetadata: boolean;
}

Deno.test("no sequence of requests lets a caller see or write what it could not before", async () => {
  await withSeed(async (random) => {
    let refusedCount = 0;
    let takenCount = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await using world = await openWorld();
      const caller = random.pick(CALLERS);
      const rights = await prepare(world, random, caller);
      const before = await secretsShown(world.app, caller);
      for (const [streamName, { mayRead }] of rights) {
        // The test's own idea of rights is the server's.
        const isShown = before.has(secretOf(streamName, "visible"));
        assertEquals(isShown, mayRead, `${streamName} before`);
      }
      for (let step = 0; step < STEPS; step++) {
        const status = await askForSomething(world.app, random, {
          caller,
          step,
        });
        if (status < 400) takenCount++;
        else refusedCount++;
        const shown = await secretsShown(world.app, caller);
        for (const [streamName, { mayWriteMetadata }] of rights) {
          const hidden = secretOf(streamName, "hidden");
          assert(!shown.has(hidden), `${hidden} is shown at step ${step}`);
          const visible = secretOf(streamName, "visible");
          assert(
            mayWriteMetadata || before.has(visible) || !shown.has(visible),
            `${visible} is shown at step ${step}`,
          );
        }
      }
      for (const [streamName, { mayWrite, mayWriteMetadata }] of rights) {
        if (mayWrite || mayWriteMetadata) continue;
        const { status } = await world.app.append(streamName, [{
          eventId: testUuid(9_000),
          eventType: "late",
          data: {},
        }], caller);
        assert(status === 401 || status === 410, `${streamName}: ${status}`);
      }
    }
    // Both kinds must have been tried, or nothing was.
    assert(refusedCount > STEPS && takenCount > STEPS);
  });
});

Deno.test("a caller is shown the same whatever was answered to others before", async () => {
  await withSeed(async (random) => {
    await using world = await openWorld();
    const { app, store, clock } = world;
    let comparedCount = 0;
    for (let step = 0; step < 150; step++) {
      await changeSomething(app, random, step);
      const path = readPath(random);
      const accept = random.pick([
        ATOM_JSON,
        "application/atom+xml",
        "application/json",
        "text/html",
      ]);
      const resolve = random.pick(["true", "false"]);
      const headers = { Accept: accept, "ES-ResolveLinkTos": resolve };
      const callers = [ADMIN, ...CALLERS, ADMIN, ...CALLERS];
      for (const caller of callers) {
        const request = { headers: { ...headers, ...caller } };
        const warm = await app.send(path, request);
        await using coldApp = openTestApp({ store, clock });
        const cold = await coldApp.send(path, request);
        const what = `${path} as ${accept} for ${JSON.stringify(caller)}`;
        assertEquals(warm.status, cold.status, what);
        assertEquals(withoutMarks(warm.body), withoutMarks(cold.body), what);
        for (const name of ["ETag", "Cache-Control", "Vary"]) {
          assertEquals(warm.headers.get(name), cold.headers.get(name), what);
        }
        if (warm.status === 200) comparedCount++;
      }
    }
    assert(comparedCount > 100, `${comparedCount} compared`);
  });
});

interface World extends AsyncDisposable {
  readonly app: TestApp;
  readonly store: EventStore;
  readonly clock: TestClock;
}

async function openWorld(): Promise<World> {
  const clock = createTestClock();
  const store = await openStore({
    directory: undefined,
    segmentSizeBytes: 1024 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
  const app = openTestApp({ store, clock });
  return {
    app,
    store,
    clock,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

function secretOf(streamName: string, what: "hidden" | "visible"): string {
  return `secret ${what} in ${streamName}`;
}

/** Fills the streams as an administrator; what the caller may do with each. */
async function prepare(
  { app }: World,
  random: Random,
  caller: HeaderFields,
): Promise<Map<string, Rights>> {
  const rights = new Map<string, Rights>();
  for (const [index, streamName] of STREAMS.entries()) {
    const events = (["hidden", "visible"] as const).map((what, at) => ({
      eventId: testUuid(index * 10 + at),
      eventType: "T",
      data: { text: secretOf(streamName, what) },
    }));
    const written = await app.append(streamName, events, ADMIN);
    assertEquals(written.status, 201);
    const acl = {
      $r: random.pick(ROLES),
      $w: random.pick(ROLES),
      $d: random.pick(ROLES),
      $mr: random.pick(ROLES),
      // Mostly not the caller's: who may change rights may have them.
      $mw: random.chance(0.25) ? random.pick(ROLES) : "$admins",
    };
    const metadata = await app.append(`$$${streamName}`, [{
      eventId: testUuid(index * 10 + 5),
      eventType: "$metadata",
      data: { $tb: 1, $acl: acl, own: index },
    }], ADMIN);
    assertEquals(metadata.status, 201);
    const holds = (role: string) =>
      role === "$all" ||
      role === "user" && caller.Authorization === TEST_LOGINS.user;
    rights.set(streamName, {
      mayRead: holds(acl.$r),
      mayWrite: holds(acl.$w),
      mayWriteMetadata: holds(acl.$mw),
    });
  }
  return rights;
}

/** Every secret that some answer to the caller holds. */
async function secretsShown(
  app: TestApp,
  caller: HeaderFields,
): Promise<Set<string>> {
  const shown = new Set<string>();
  const paths = [
    ...STREAMS.flatMap((name) => [
      `/streams/${name}?embed=tryharder`,
      `/streams/${name}/0/forward/50?embed=body`,
      `/streams/${name}/0`,
      `/streams/${name}/1`,
    ]),
    "/streams/%24ce-s?embed=tryharder",
    "/streams/%24et-T?embed=tryharder",
    "/streams/%24streams?embed=tryharder",
    "/streams/%24all?embed=tryharder",
    "/streams/%24all?embed=body&filter-type=T",
    "/streams/thief?embed=body",
  ];
  for (const path of paths) {
    const { body } = await app.get(
      path,
      /\/\d$/.test(path) ? "application/json" : ATOM_JSON,
      { ...caller, "ES-ResolveLinkTos": "true" },
    );
    for (const [secret] of body.matchAll(/secret \w+ in s-\d/g)) {
      shown.add(secret);
    }
  }
  return shown;
}

/** One request of the caller, made by chance; its status. */
async function askForSomething(
  app: TestApp,
  random: Random,
  { caller, step }: { readonly caller: HeaderFields; readonly step: number },
): Promise<number> {
  const streamName = random.pick(STREAMS);
  const eventId = testUuid(1_000 + step);
  const metadata = random.pick<unknown>([
    {},
    { $tb: 0 },
    { $tb: null },
    { $maxCount: 100 },
    { $acl: {} },
    { $acl: { $r: "$all", $w: "$all", $d: "$all", $mw: "$all", $mr: "$all" } },
    { $acl: { $r: "user", $mw: "user" }, $tb: 0 },
    { $tb: -1 },
    [],
  ]);
  const version = random.pick<HeaderFields>([
    {},
    {},
    { "ES-ExpectedVersion": String(random.integer(-4, 4)) },
  ]);
  const headers = { ...caller, ...version };
  const single = {
    "Content-Type": "application/json",
    "ES-EventId": eventId,
    "ES-EventType": "$metadata",
  };
  switch (random.integer(0, 9)) {
    case 0: {
      // Old ids too: what was deleted must not come back by asking again.
      const id = random.chance(0.5) ? testUuid(random.integer(0, 51)) : eventId;
      const event = { eventId: id, eventType: "T", data: { step } };
      return (await app.append(streamName, [event], headers)).status;
    }
    case 1:
      return (await app.send(`/streams/${streamName}`, {
        method: "DELETE",
        headers: {
          ...headers,
          ...(random.chance(0.1) ? { "ES-HardDelete": "true" } : {}),
        },
      })).status;
    case 2:
      return (await app.send(`/streams/${streamName}/metadata`, {
        headers: { ...headers, ...single },
        body: JSON.stringify(metadata),
      })).status;
    case 3:
      return (await app.send(`/streams/${streamName}/metadata`, {
        headers: { ...headers, ...single, "Content-Type": "text/xml" },
        body: "<data><tb>0</tb></data>",
      })).status;
    case 4: {
      const target = random.pick([
        `$$${streamName}`,
        "$settings",
        "$$$ce-s",
        "$$$all",
        "$$$et-T",
        "$user-user",
      ]);
      const event = { eventId, eventType: "$metadata", data: metadata };
      const more = { ...event, eventId: testUuid(2_000 + step) };
      const events = random.chance(0.5) ? [event] : [event, more];
      return (await app.append(target, events, headers)).status;
    }
    case 5: {
      const data = `${random.integer(0, 2)}@${streamName}`;
      const link = { eventId, eventType: "$>", data };
      return (await app.append("thief", [link], headers)).status;
    }
    case 6:
      return (await app.send(`/streams/%24%24${streamName}`, {
        method: "DELETE",
        headers,
      })).status;
    case 7:
      return (await app.send(
        `/streams/${random.pick(["%24ce-s", "%24et-T", "%24all", "$streams"])}`,
        { method: "DELETE", headers },
      )).status;
    case 8:
      return (await app.send(`/streams/${streamName}/incoming/${eventId}`, {
        headers: {
          ...headers,
          "Content-Type": "application/json",
          "ES-EventType": "T",
        },
        body: "{}",
      })).status;
    default:
      return (await app.send("/streams/%24settings", {
        headers: { ...headers, ...single, "ES-EventType": "update" },
        body: '{"$userStreamAcl":{"$r":"$all","$w":"$all","$mw":"$all"}}',
      })).status;
  }
}

/** A write, or a change of rights, by an administrator. */
async function changeSomething(
  app: TestApp,
  random: Random,
  step: number,
): Promise<void> {
  const streamName = random.pick(STREAMS);
  const eventId = testUuid(3_000 + step);
  switch (random.integer(0, 5)) {
    case 0:
    case 1: {
      const name = random.pick([...STREAMS, "$ce-s", "$et-T", "$all"]);
      const data = { $acl: { $r: random.pick(ROLES) } };
      const event = { eventId, eventType: "$metadata", data };
      await app.append(`$$${name}`, [event], ADMIN);
      return;
    }
    case 2: {
      const data = `${random.integer(0, 3)}@${streamName}`;
      const link = { eventId, eventType: "$>", data };
      await app.append("links-1", [link], ADMIN);
      return;
    }
    case 3:
      await app.send(`/streams/${streamName}`, {
        method: "DELETE",
        headers: ADMIN,
      });
      return;
    default:
      await app.append(streamName, [
        { eventId, eventType: "T", data: { step } },
      ], ADMIN);
  }
}

function readPath(random: Random): string {
  const name = random.pick([
    ...STREAMS,
    "links-1",
    "$ce-s",
    "$ce-links",
    "$et-T",
    "$streams",
    "$category-s",
    "$all",
  ]);
  const rest = name === "$all"
    ? ""
    : random.pick(["", "", "/0/forward/20", "/3/backward/3", "/0", "/head"]);
  const isFeed = rest === "" || rest.includes("ward");
  const embed = isFeed ? `?embed=${random.pick(["none", "body", "rich"])}` : "";
  return `/streams/${encodeURIComponent(name)}${rest}${embed}`;
}
