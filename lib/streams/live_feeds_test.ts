import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { anEvent } from "../../tests/support/events.ts";
import {
  aLiveRead,
  type LineReader,
  openLive,
  TEST_FORMAT,
} from "../../tests/support/live_feed.ts";
import {
  ADMIN,
  aUser,
  createServiceFixture,
  linkEvents,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";

/** Lets everything run that does not wait for a timer or a commit. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a live feed brings history, says so, and goes on", async () => {
  const { service, append } = createServiceFixture();
  await append("s", [1, 2]);
  const reader = await openLive(service);
  assertEquals(await reader.take(4), [
    "opened",
    "0 0@s",
    "1 1@s",
    "caught-up 1",
  ]);
  const line = reader.next();
  await append("other", [1]);
  await append("s", [3]);
  assertEquals(await line, "2 2@s");
  await append("s", [4, 5]);
  await append("s", [6]);
  assertEquals(await reader.take(3), ["3 3@s", "4 4@s", "5 5@s"]);
  await reader.cancel();
});

Deno.test("a live feed begins where it was asked to", async (test) => {
  const { service, append, clock } = createServiceFixture();
  await append("s", [0, 1]);
  clock.advanceMs(1000);
  await append("s", [2, 3]);
  const timeUs = clock.nowUs();
  const table: [Parameters<typeof aLiveRead>[0], string[]][] = [
    [{ start: { kind: "at", place: 3 } }, ["3 3@s", "caught-up 3"]],
    [{ start: { kind: "head" } }, ["caught-up 3"]],
    [{ start: { kind: "time", timeUs } }, ["2 2@s", "3 3@s", "caught-up 3"]],
    [{ start: { kind: "time", timeUs: timeUs + 1 } }, ["caught-up 3"]],
    [{ start: { kind: "last", count: 1 } }, ["3 3@s", "caught-up 3"]],
    [{ start: { kind: "last", count: 9, before: 1 } }, ["0 0@s", "1 1@s"]],
    [{ start: { kind: "at", place: 9 } }, ["caught-up 8"]],
    [{ streamName: "new" }, ["caught-up -1"]],
  ];
  for (const [changes, lines] of table) {
    await test.step(JSON.stringify(changes), async () => {
      const reader = await openLive(service, changes);
      const expected = ["opened", ...lines];
      assertEquals(await reader.take(expected.length), expected);
      await reader.cancel();
    });
  }
});

Deno.test("a live feed of the whole log goes by positions", async () => {
  const { service, append, store } = createServiceFixture();
  await append("a", [1]);
  await append("b", [2]);
  const { events: [first, second] } = await store.readAll({
    from: 0,
    count: 2,
    direction: "forward",
    withBodies: false,
  });
  const streamName = "$all";
  const reader = await openLive(service, { streamName }, ADMIN);
  const lines = await reader.take(3);
  assertEquals(lines, [
    "opened",
    `${first?.logPosition} 0@a`,
    `${second?.logPosition} 0@b`,
  ]);
  await reader.cancel();
  const place = (first?.logPosition ?? 0) + 1;
  const start = { kind: "at", place } as const;
  const resumed = await openLive(service, { streamName, start }, ADMIN);
  assertEquals((await resumed.take(2))[1], lines[2]);
  assertEquals(
    await resumed.next(),
    `caught-up ${(await store.readEnd()).end - 1}`,
  );
  const line = resumed.next();
  await append("a", [3]);
  assertEquals(await line, `${(await store.readEnd()).lastPosition} 1@a`);
  await resumed.cancel();
});

Deno.test("a live feed of a system list follows its links", async () => {
  const { service, append } = createServiceFixture();
  await append("cart-1", [1]);
  const reader = await openLive(service, { streamName: "$ce-cart" });
  assertEquals((await reader.take(2))[1], "0 0@$ce-cart>0@cart-1");
  await append("cart-2", [2]);
  await append("other", [3]);
  await append("cart-1", [4]);
  assertEquals(await reader.take(2), [
    "1 1@$ce-cart>0@cart-2",
    "2 2@$ce-cart>1@cart-1",
  ]);
  assertEquals(await reader.next(), "caught-up 2");
  await reader.cancel();
});

Deno.test("a live feed of a list leaves out what its reader may not see", async () => {
  const { service, append, describe } = createServiceFixture();
  await describe("cart-2", { $acl: { $r: "jane" } });
  await append("cart-1", [1]);
  const streamName = "$ce-cart";
  const jane = await openLive(service, { streamName }, aUser("jane"));
  const anybody = await openLive(service, { streamName });
  assertEquals((await jane.take(4))[3], "caught-up 1");
  assertEquals((await anybody.take(4))[3], "caught-up 1");
  const lines = [jane.next(), anybody.next()];
  await append("cart-2", [2]);
  await append("cart-1", [3]);
  assertEquals(await Promise.all(lines), [
    "2 2@$ce-cart>0@cart-2",
    "3 3@$ce-cart>1@cart-1",
  ]);
  await Promise.all([jane.cancel(), anybody.cancel()]);
});

Deno.test("what may not be read has no live feed", async () => {
  const { service, append, describe, hardDelete } = createServiceFixture();
  const open = async (streamName: string) =>
    (await service.openLiveFeed(undefined, aLiveRead({ streamName }))).kind;
  await describe("secret", { $acl: { $r: "jane" } });
  await append("deleted", [1]);
  await hardDelete("deleted");
  assertEquals(
    await Promise.all(["$all", "secret", "$x", "deleted"].map(open)),
    ["unauthorized", "unauthorized", "unauthorized", "deleted"],
  );
});

/** Feeds of which "secret" decides what a reader sees, and who writes there. */
const PARTLY_SECRET = {
  "links to it": {
    streamName: "links",
    hidden: (fixture: ServiceFixture, number: number) =>
      fixture.appendEvents("links", linkEvents(number, ["0@secret-1"])),
  },
  "its category": {
    streamName: "$ce-secret",
    hidden: (fixture: ServiceFixture, number: number) =>
      fixture.append("secret-1", [number]),
  },
  "the whole log": {
    streamName: "$all",
    hidden: (fixture: ServiceFixture, number: number) =>
      fixture.append("secret-1", [number]),
  },
};

for (const [name, { streamName, hidden }] of Object.entries(PARTLY_SECRET)) {
  Deno.test(`a live feed of ${name} tells nothing of what it leaves out`, async () => {
    const fixture = createServiceFixture();
    const { service, append, appendEvents, describe } = fixture;
    await describe("$all", { $acl: { $r: "$all" } });
    await append("secret-1", [1]);
    await append("secret-2", [2]);
    await describe("secret-1", { $acl: { $r: "jane", $mr: "jane" } });
    await appendEvents("links", linkEvents(3, ["0@secret-2", "0@secret-1"]));
    const john = await openLive(service, { streamName }, aUser("john"));
    const jane = await openLive(service, { streamName }, aUser("jane"));
    const untilCaughtUp = async (reader: typeof john) => {
      const lines = [];
      for (;;) {
        const line = await reader.next();
        assert(line !== undefined);
        if (line.startsWith("caught-up")) return lines;
        if (/^\d/.test(line)) lines.push(line.replace(/^\d+ /, ""));
      }
    };
    const ofJohn = await untilCaughtUp(john);
    const ofJane = await untilCaughtUp(jane);
    assert(ofJohn.length < ofJane.length, ofJane.join());
    assertEquals(ofJane.filter((line) => ofJohn.includes(line)), ofJohn);
    assert(!ofJohn.some((line) => line.includes("@secret-1")), ofJohn.join());
    const ofOthers = john.next();
    for (let number = 100; number < 140; number++) {
      const line = jane.next();
      await hidden(fixture, number);
      assert(await line);
    }
    // The next that John hears of is what he may read.
    await append("secret-2", [200]);
    await appendEvents("links", linkEvents(201, ["0@secret-2"]));
    assertStringIncludes((await ofOthers) ?? "", "@secret-2");
    await Promise.all([john.cancel(), jane.cancel()]);
  });
}

Deno.test("a right taken away ends a live feed, at once", async () => {
  const { service, append, describe } = createServiceFixture();
  await append("s", [1]);
  const reader = await openLive(service, {}, aUser("jane"));
  await reader.take(3);
  const line = reader.next();
  await describe("s", { $acl: { $r: ["jane"] } });
  await append("s", [2]);
  assertEquals(await line, "1 1@s");
  await describe("s", { $acl: { $r: ["john"] } });
  assertEquals(await reader.take(2), ["ended unauthorized", undefined]);
});

Deno.test("new default rights end a live feed", async () => {
  const { service, append, appendEvents } = createServiceFixture();
  await append("s", [1]);
  const reader = await openLive(service, {}, aUser("jane"));
  await reader.take(3);
  const line = reader.next();
  const data = JSON.stringify({ $userStreamAcl: { $r: "$admins" } });
  await appendEvents("$settings", [anEvent(9, { data })]);
  assertEquals([await line, await reader.next()], [
    "ended unauthorized",
    undefined,
  ]);
});

Deno.test("a login that holds no more ends a live feed", async () => {
  let isCurrent = true;
  const { service, append } = createServiceFixture({
    isCurrent: () => isCurrent,
    liveFeedHeartbeatMs: 16,
  });
  await append("s", [1]);
  const reader = await openLive(service, {}, aUser("jane"));
  await reader.take(3);
  isCurrent = false;
  assertEquals(await reader.take(2), ["ended unauthorized", undefined]);
});

Deno.test("a login that changes ends its live feeds at once, and no others", async () => {
  const logins = new Set(["jane", "john"]);
  let change: (login: string) => void = () => {};
  const { service, append } = createServiceFixture({
    isCurrent: ({ login }) => logins.has(login),
    onLoginChange: (listener) => change = listener,
  });
  await append("s", [1]);
  const jane = await openLive(service, {}, aUser("jane"));
  const john = await openLive(service, {}, aUser("john"));
  await Promise.all([jane.take(3), john.take(3)]);
  change("jane");
  logins.delete("jane");
  change("jane");
  change("john");
  assertEquals(await jane.take(2), ["ended unauthorized", undefined]);
  await append("s", [2]);
  assertEquals(await john.next(), "1 1@s");
  await john.cancel();
});

Deno.test("deleting a stream for good ends its live feed", async () => {
  const { service, append, hardDelete } = createServiceFixture();
  await append("s", [1]);
  const reader = await openLive(service);
  await reader.take(3);
  const line = reader.next();
  await hardDelete("s");
  assertEquals(await line, "ended deleted");
  assertEquals(await reader.next(), undefined);
});

Deno.test("a live feed goes on when its stream is deleted and begun anew", async () => {
  const { service, append, softDelete } = createServiceFixture();
  await append("s", [1, 2]);
  const reader = await openLive(service);
  await reader.take(4);
  const line = reader.next();
  await softDelete("s");
  await append("s", [3]);
  assertEquals(await line, "2 2@s");
  await softDelete("s");
  const late = await openLive(service);
  assertEquals(await late.take(2), ["opened", "caught-up 2"]);
  await append("s", [4]);
  assertEquals(await late.next(), "3 3@s");
  await Promise.all([reader.cancel(), late.cancel()]);
});

Deno.test("a live feed shows only what pages show", async () => {
  const { service, append, describe, clock } = createServiceFixture();
  await append("s", [1, 2]);
  clock.advanceMs(20_000);
  await append("s", [3, 4, 5]);
  await describe("s", { $maxCount: 2 });
  const reader = await openLive(service);
  assertEquals((await reader.take(2))[1], "3 3@s");
  await describe("s", { $tb: 4 });
  assertEquals(await reader.take(2), ["4 4@s", "caught-up 4"]);
  await describe("s", { $maxAge: 10 });
  const young = await openLive(service);
  assertEquals((await young.take(2))[1], "2 2@s");
  await Promise.all([reader.cancel(), young.cancel()]);
});

Deno.test("clients that have caught up are handed the same bytes", async () => {
  const { service, append, store } = createServiceFixture();
  await append("s", [1]);
  const readers: LineReader[] = [];
  for (let index = 0; index < 3; index++) {
    const reader = await openLive(service, {}, aUser("user" + index));
    await reader.take(3);
    readers.push(reader);
  }
  let readCount = 0;
  const readStream = store.readStream.bind(store);
  store.readStream = (request) => {
    readCount++;
    return readStream(request);
  };
  const chunks = readers.map((reader) => reader.chunk());
  await append("s", [2]);
  const [first, ...others] = await Promise.all(chunks);
  assert(first !== undefined);
  for (const other of others) assert(other === first);
  assertEquals(readCount, 1);
  await Promise.all(readers.map((reader) => reader.cancel()));
});

Deno.test("a client that does not read costs nothing, and misses nothing", async () => {
  const { service, append, store } = createServiceFixture();
  await append("s", [0]);
  const reader = await openLive(service);
  await reader.take(3);
  let readCount = 0;
  const readStream = store.readStream.bind(store);
  store.readStream = (request) => {
    readCount++;
    return readStream(request);
  };
  for (let number = 1; number <= 500; number++) await append("s", [number]);
  await settle();
  assertEquals(readCount, 0);
  for (let number = 1; number <= 500; number++) {
    assertEquals(await reader.next(), `${number} ${number}@s`);
  }
  await reader.cancel();
});

Deno.test("a live feed on which nothing happens has a heartbeat", async () => {
  const { service } = createServiceFixture({
    liveFeedHeartbeatMs: 16,
  });
  const outcome = await service.openLiveFeed(undefined, aLiveRead());
  assert(outcome.kind === "feed");
  const { source } = outcome;
  const texts = [];
  for (let index = 0; index < 4; index++) {
    texts.push(new TextDecoder().decode(await source.next()));
  }
  assertEquals(texts, [
    "opened\n",
    "caught-up -1\n",
    "heartbeat\n",
    "heartbeat\n",
  ]);
  source.end({ outcome: "cancelled" });
});

Deno.test("ending live feeds ends each with a word, and opens none", async () => {
  const { service, append } = createServiceFixture();
  await append("s", [1]);
  const waiting = await openLive(service);
  await waiting.take(3);
  const line = waiting.next();
  const fresh = await openLive(service);
  service.endLongPolls();
  assertEquals([await line, await waiting.next()], [
    "ended stopping",
    undefined,
  ]);
  assertEquals(await fresh.take(3), ["opened", "ended stopping", undefined]);
  const error = await assertRejects(
    () => service.openLiveFeed(undefined, aLiveRead()),
    QuipuError,
  );
  assertEquals(error.code, "storeClosed");
});

Deno.test("nobody listens to the store when all live feeds are left", async () => {
  const { service, store } = createServiceFixture();
  let listenerCount = 0;
  const watch = store.watch.bind(store);
  store.watch = (listener) => {
    listenerCount++;
    const end = watch(listener);
    return () => {
      listenerCount--;
      end();
    };
  };
  const readers = [await openLive(service), await openLive(service)];
  assertEquals(listenerCount, 1);
  await Promise.all(readers.map((reader) => reader.cancel()));
  assertEquals(listenerCount, 0);
});

Deno.test("long events are handed over in pieces", async () => {
  const { service, appendEvents } = createServiceFixture();
  const long = "x".repeat(LIMITS.liveFeedPieceBytesMax * 2 + 5);
  await appendEvents("s", [anEvent(1, { data: long }), anEvent(2)]);
  const format = {
    ...TEST_FORMAT,
    key: "with data",
    event(
      ...[out, { original }, place]: Parameters<typeof TEST_FORMAT.event>
    ): void {
      out.pushText(`${place} ${new TextDecoder().decode(original.data)}\n`);
    },
  };
  const reader = await openLive(service, { format });
  assertEquals(await reader.next(), "opened");
  const piece = await reader.chunk();
  assertEquals(piece?.length, LIMITS.liveFeedPieceBytesMax);
  assertEquals(
    await reader.next(),
    long.slice(LIMITS.liveFeedPieceBytesMax - "0 ".length),
  );
  assertEquals(await reader.next(), '1 {"n":2}');
  await reader.cancel();
});

Deno.test("a filter that finds nothing in much says how far it looked", async () => {
  const { service, appendEvents, append } = createServiceFixture();
  const eventCount = LIMITS.filterScanMax + 10;
  await appendEvents(
    "s",
    Array.from({ length: eventCount }, (_, number) => anEvent(number)),
  );
  const filter = {
    eventType: { text: "rare", isPrefix: true },
    streamName: undefined,
    excludesSystem: true,
  };
  const reader = await openLive(service, { filter });
  assertEquals(await reader.take(3), [
    "opened",
    `progress ${LIMITS.filterScanMax - 1}`,
    `caught-up ${eventCount - 1}`,
  ]);
  const line = reader.next();
  await append("s", [eventCount]);
  await appendEvents("s", [anEvent(-1 + 2 ** 20, { eventType: "rarely" })]);
  assertEquals(await line, `${eventCount + 1} ${eventCount + 1}@s`);
  await reader.cancel();
});
