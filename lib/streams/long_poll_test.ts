import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../../tests/support/events.ts";
import {
  ADMIN,
  aFeedRead,
  anAllRead,
  aUser,
  createServiceFixture,
  linkEvents,
  namesOf,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Caller, FeedOutcome, ReadFeedCommand } from "./outcomes.ts";

/** Far longer than any of these tests takes: a held read must be woken. */
const LONG_MS = 60_000;

/** Lets everything run that does not wait for a timer or a commit. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function poll(
  { service }: ServiceFixture,
  changes: Partial<ReadFeedCommand> = {},
  caller?: Caller,
): Promise<FeedOutcome> {
  const range = { kind: "forward", from: 1, count: 20 } as const;
  return service.readFeed(
    caller,
    aFeedRead({ range, longPollMs: LONG_MS, ...changes }),
  );
}

function shownBy(outcome: FeedOutcome): string[] | string {
  return outcome.kind === "page" ? namesOf(outcome.page.entries) : outcome.kind;
}

function positionOf(place: number) {
  return { commit: place, prepare: place };
}

/** Counts who listens to a store's commits. */
function countListeners(store: EventStore): () => number {
  let count = 0;
  const watch = store.watch.bind(store);
  store.watch = (listener) => {
    count++;
    const endListening = watch(listener);
    return () => {
      count--;
      endListening();
    };
  };
  return () => count;
}

Deno.test("a read at the head is held until the next event", async () => {
  const fixture = createServiceFixture();
  const listeners = countListeners(fixture.store);
  await fixture.append("s", [1]);
  let isAnswered = false;
  const held = poll(fixture).finally(() => isAnswered = true);
  await settle();
  await fixture.append("t", [2]);
  await settle();
  assertEquals([isAnswered, listeners()], [false, 1]);
  await fixture.append("s", [3]);
  assertEquals(shownBy(await held), ["1@s"]);
  assertEquals(listeners(), 0);
});

Deno.test("a read of a stream that is not there yet is held too", async () => {
  const fixture = createServiceFixture();
  const range = { kind: "forward", from: 0, count: 20 } as const;
  const held = poll(fixture, { range });
  await settle();
  await fixture.append("s", [1]);
  assertEquals(shownBy(await held), ["0@s"]);
});

Deno.test("a held read far ahead is answered by the next event, without it", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  const range = { kind: "forward", from: 7, count: 20 } as const;
  const held = poll(fixture, { range });
  await settle();
  await fixture.append("s", [2]);
  assertEquals(shownBy(await held), []);
});

Deno.test("reads that find something are not held", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  await fixture.describe("secret", { $acl: { $r: [] } });
  await fixture.hardDelete("hard");
  const from = (number: number) =>
    ({ kind: "forward", from: number, count: 20 }) as const;
  assertEquals(shownBy(await poll(fixture, { range: from(0) })), ["0@s"]);
  const head = { kind: "head", count: 20 } as const;
  assertEquals(shownBy(await poll(fixture, { range: head })), ["0@s"]);
  const secret = poll(fixture, { streamName: "secret" });
  assertEquals(shownBy(await secret), "unauthorized");
  const hard = poll(fixture, { streamName: "hard" });
  assertEquals(shownBy(await hard), "deleted");
});

Deno.test("a held read ends with its time", async () => {
  const fixture = createServiceFixture();
  const listeners = countListeners(fixture.store);
  await fixture.append("s", [1]);
  assertEquals(shownBy(await poll(fixture, { longPollMs: 5 })), []);
  const missing = poll(fixture, { longPollMs: 5, streamName: "t" });
  assertEquals(shownBy(await missing), "notFound");
  assertEquals(listeners(), 0);
});

Deno.test("a held read is answered when its stream is deleted for good", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  const held = poll(fixture);
  await settle();
  await fixture.hardDelete("s");
  assertEquals(shownBy(await held), "deleted");
});

Deno.test("a held read is checked again before it is answered", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  const held = poll(fixture);
  await settle();
  await fixture.describe("s", { $acl: { $r: [] } });
  await fixture.append("s", [2]);
  assertEquals(shownBy(await held), "unauthorized");
});

Deno.test("a held read ends with its signal, or at once if that came before", async () => {
  const fixture = createServiceFixture();
  const listeners = countListeners(fixture.store);
  await fixture.append("s", [1]);
  const controller = new AbortController();
  const signal = () => controller.signal;
  const held = poll(fixture, { signal });
  await settle();
  controller.abort();
  assertEquals(shownBy(await held), []);
  assertEquals(shownBy(await poll(fixture, { signal })), []);
  assertEquals(listeners(), 0);
});

Deno.test("the signal is touched only when a read is held", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  const signal = () => {
    throw new Error("The signal was touched");
  };
  const range = { kind: "forward", from: 0, count: 20 } as const;
  assertEquals(shownBy(await poll(fixture, { range, signal })), ["0@s"]);
});

Deno.test("endLongPolls() answers all, and none is held after it", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  const held = [
    poll(fixture),
    poll(fixture),
    poll(fixture, { streamName: "t" }),
  ];
  await settle();
  fixture.service.endLongPolls();
  const shown = (await Promise.all(held)).map(shownBy);
  assertEquals(shown, [[], [], "notFound"]);
  assertEquals(shownBy(await poll(fixture)), []);
});

for (
  const [streamName, trigger] of [
    ["$ce-cart", (fixture: ServiceFixture) => fixture.append("cart-2", [9])],
    ["$et-tested", (fixture: ServiceFixture) => fixture.append("x", [9])],
    ["$streams", (fixture: ServiceFixture) => fixture.append("x", [9])],
    [
      "$category-cart",
      (fixture: ServiceFixture) => fixture.append("cart-2", [9]),
    ],
    ["$et-$metadata", (fixture: ServiceFixture) => fixture.describe("x", {})],
    ["$et-$deleted", (fixture: ServiceFixture) => fixture.softDelete("x")],
    ["$et-$deleted", (fixture: ServiceFixture) => fixture.hardDelete("x")],
  ] as const
) {
  Deno.test(`a held read of ${streamName} is woken by what it lists`, async () => {
    const fixture = createServiceFixture();
    const held = poll(fixture, {
      streamName,
      range: { kind: "forward", from: 0, count: 20 },
      resolveLinks: false,
    }, ADMIN);
    await settle();
    await trigger(fixture);
    assertEquals(shownBy(await held), [`0@${streamName}`]);
  });
}

Deno.test("a held read of a list waits for its own entries", async () => {
  const fixture = createServiceFixture();
  const range = { kind: "forward", from: 0, count: 20 } as const;
  let isAnswered = false;
  const held = poll(fixture, { streamName: "$et-$deleted", range }, ADMIN)
    .finally(() => isAnswered = true);
  await settle();
  await fixture.append("cart-1", [1]);
  await fixture.describe("cart-1", { a: 1 });
  await settle();
  assertEquals(isAnswered, false);
  fixture.service.endLongPolls();
  assertEquals(shownBy(await held), "notFound");
});

Deno.test("a read of the whole log is held at its end", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  const { end } = await fixture.store.readEnd();
  const held = fixture.service.readAll(
    ADMIN,
    anAllRead({
      range: {
        kind: "forward",
        from: { commit: end, prepare: 0 },
        count: 5,
      },
      longPollMs: LONG_MS,
    }),
  );
  await settle();
  await fixture.append("t", [2]);
  const outcome = await held;
  assert(outcome.kind === "page");
  assertEquals(outcome.page.entries[0]?.original.eventId, testUuid(2));
});

Deno.test("an event that comes while a read is begun is not missed", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  // The append runs between the read's steps, at every one of them.
  for (let step = 0; step < 12; step++) {
    const head = step;
    const range = { kind: "forward", from: head + 1, count: 20 } as const;
    const held = poll(fixture, { range });
    for (let tick = 0; tick < step; tick++) await Promise.resolve();
    await fixture.append("s", [100 + step]);
    assertEquals(shownBy(await held), [`${head + 1}@s`]);
  }
});

/** What is waited for, and an event there that only Jane may see. */
const PARTLY_SECRET = {
  links: (fixture: ServiceFixture) =>
    fixture.appendEvents("links", linkEvents(50, ["0@secret-1"])),
  "$ce-secret": (fixture: ServiceFixture) => fixture.append("secret-1", [50]),
  "$et-tested": (fixture: ServiceFixture) => fixture.append("secret-1", [50]),
  "$streams": (fixture: ServiceFixture) => fixture.append("secret-1", [50]),
  "$category-secret": (fixture: ServiceFixture) =>
    fixture.append("secret-1", [50]),
  "$all": (fixture: ServiceFixture) => fixture.append("secret-1", [50]),
};

for (const [streamName, writeSecret] of Object.entries(PARTLY_SECRET)) {
  Deno.test(`a wait on ${streamName} ends with what the reader may see`, async () => {
    const fixture = createServiceFixture();
    const { service, append, appendEvents, describe, store } = fixture;
    await describe("$all", { $acl: { $r: "$all" } });
    await describe("secret-1", { $acl: { $r: "jane", $mr: "jane" } });
    await append("secret-2", [1]);
    await appendEvents("links", linkEvents(2, ["0@secret-2"]));
    const isAll = streamName === "$all";
    const { head } = await store.readState(streamName);
    const { end } = await store.readEnd();
    const wait = (login: string) =>
      isAll
        ? service.readAll(
          aUser(login),
          anAllRead({
            range: { kind: "forward", from: positionOf(end), count: 20 },
            longPollMs: LONG_MS,
          }),
        )
        : poll(fixture, {
          streamName,
          range: { kind: "forward", from: head + 1, count: 20 },
        }, aUser(login));
    let isJohnAnswered = false;
    const john = wait("john").finally(() => isJohnAnswered = true);
    const isFirstOfStream = /^\$(streams|category-)/.test(streamName);
    const jane = isFirstOfStream ? undefined : wait("jane");
    await settle();
    await writeSecret(fixture);
    await jane;
    await settle();
    assertEquals(isJohnAnswered, false);
    await append("secret-3", [3]);
    await appendEvents("links", linkEvents(4, ["0@secret-3"]));
    const outcome = await john;
    assert(outcome.kind === "page");
    const shown = namesOf(outcome.page.entries).join();
    assert(shown !== "" && !shown.includes("@secret-1"), shown);
  });
}

Deno.test("a page of which all is left out leads on", async () => {
  const fixture = createServiceFixture();
  await fixture.describe("secret-1", { $acl: { $r: "jane" } });
  await fixture.append("secret-1", [1, 2]);
  const outcome = await poll(fixture, {
    streamName: "$ce-secret",
    range: { kind: "forward", from: 1, count: 20 },
  });
  assert(outcome.kind === "page");
  assertEquals([outcome.page.entries, outcome.page.hasEntries], [[], true]);
});
