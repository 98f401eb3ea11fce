import { assertEquals } from "@std/assert";
import { anEvent } from "../../tests/support/events.ts";
import {
  createServiceFixture,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import type { EventFilter } from "../model/event_filter.ts";
import { createStreamContext, type StreamContext } from "./context.ts";
import {
  type FollowedSource,
  type Follower,
  readStretch,
  type Stretch,
} from "./follow.ts";

interface FollowFixture extends ServiceFixture {
  readonly context: StreamContext;
  /** Opens a follower of a source, and a way to read on with it. */
  follow(
    source: FollowedSource,
    place?: number,
  ): { readonly follower: Follower; next(count?: number): Promise<Stretch> };
}

function createFixture(): FollowFixture {
  const fixture = createServiceFixture();
  const context = createStreamContext(fixture);
  return {
    ...fixture,
    context,
    follow(source, place = 0) {
      const { streamName } = source;
      const follower = context.followers.open({ streamName, place });
      const next = (count = 10) =>
        follower.advance((from) =>
          readStretch(context, source, { place: from, count, withBodies: true })
        );
      return { follower, next };
    },
  };
}

function numbersOf({ entries }: Stretch): number[] {
  return entries.map(({ entry }) => entry.ordinal);
}

function aFilter(changes: Partial<EventFilter>): EventFilter {
  return {
    eventType: undefined,
    streamName: undefined,
    excludesSystem: false,
    ...changes,
  };
}

Deno.test("a follower reads history in stretches, then waits for news", async () => {
  const { append, follow } = createFixture();
  await append("s", [1, 2, 3]);
  const { follower, next } = follow({ streamName: "s" }, 1);
  using _ = follower;
  const first = await next(1);
  assertEquals([numbersOf(first), first.isAtEnd], [[1], false]);
  const second = await next();
  assertEquals([numbersOf(second), follower.isAtEnd], [[2], true]);
  const news = follower.news();
  await append("other", [4]);
  assertEquals(follower.isAtEnd, true);
  await append("s", [5]);
  await news;
  assertEquals([follower.isAtEnd, follower.place], [false, 3]);
  assertEquals(numbersOf(await next()), [3]);
});

Deno.test("news that come while a stretch is read are not missed", async () => {
  const { append, follow } = createFixture();
  await append("s", [1]);
  const { follower } = follow({ streamName: "s" }, 1);
  using _ = follower;
  await follower.advance(async (place) => {
    await append("s", [2]);
    return { next: place, isAtEnd: true };
  });
  assertEquals(follower.isAtEnd, false);
  await follower.news();
});

Deno.test("a read that gets no further waits for news", async () => {
  const { follow } = createFixture();
  const { follower } = follow({ streamName: "s" });
  using _ = follower;
  await follower.advance((place) => ({ next: place, isAtEnd: false }));
  assertEquals(follower.isAtEnd, true);
});

const SOURCES: readonly [FollowedSource, number[]][] = [
  [{ streamName: "cart-1" }, [0, 1]],
  [{ streamName: "$ce-cart" }, [0, 1, 2]],
  [{ streamName: "$et-tested" }, [0, 1, 2, 3]],
  [{ streamName: "$streams" }, [0, 1, 2]],
  [
    {
      streamName: "$ce-cart",
      filter: aFilter({ streamName: { text: "cart-2", isPrefix: false } }),
    },
    [2],
  ],
  [{ streamName: "$all" }, [0, 1, 0, 0]],
  [
    {
      streamName: "$all",
      filter: aFilter({ streamName: { text: "cart-1", isPrefix: false } }),
    },
    [0, 1],
  ],
  [
    {
      streamName: "$all",
      filter: aFilter({ streamName: { text: "c", isPrefix: true } }),
    },
    [0, 1, 0],
  ],
];

for (const [source, numbers] of SOURCES) {
  const name = JSON.stringify(source);
  Deno.test(`a follower of ${name} sees the same as history and live`, async () => {
    const { append, follow } = createFixture();
    const live = follow(source);
    using _ = live.follower;
    const seen: number[] = [];
    const steps: [string, number][] = [
      ["cart-1", 1],
      ["cart-1", 2],
      ["other", 3],
      ["cart-2", 4],
    ];
    for (const [streamName, number] of steps) {
      await append(streamName, [number]);
      seen.push(...numbersOf(await live.next()));
    }
    assertEquals(seen, numbers);
    const past = follow(source);
    using __ = past.follower;
    const history: number[] = [];
    while (!past.follower.isAtEnd) {
      history.push(...numbersOf(await past.next(1)));
    }
    assertEquals(history, numbers);
    assertEquals(past.follower.place, live.follower.place);
  });
}

Deno.test("a follower passes what is hidden, and goes on after a soft delete", async () => {
  const { append, describe, softDelete, follow } = createFixture();
  await append("s", [1, 2, 3]);
  await describe("s", { $tb: 2 });
  const { follower, next } = follow({ streamName: "s" });
  using _ = follower;
  assertEquals(numbersOf(await next()), [2]);
  await softDelete("s");
  assertEquals(numbersOf(await next()), []);
  await append("s", [4]);
  await follower.news();
  assertEquals(numbersOf(await next()), [3]);
});

Deno.test("a follower is told that its stream was deleted for good", async () => {
  const { append, hardDelete, follow } = createFixture();
  await append("s", [1]);
  const { follower, next } = follow({ streamName: "s" }, 1);
  using _ = follower;
  assertEquals((await next()).isDeleted, false);
  const news = follower.news();
  await hardDelete("s");
  await news;
  const { isDeleted, entries } = await next();
  assertEquals([isDeleted, entries], [true, []]);
});

Deno.test("a stretch holds no more bodies than a page does", async () => {
  const { appendEvents, follow } = createFixture();
  const data = "x".repeat(3 * 1024 * 1024);
  const big = (id: number) => anEvent(id, { isJson: false, data });
  for (const id of [1, 2, 3]) await appendEvents("s", [big(id)]);
  const { follower, next } = follow({ streamName: "s" });
  using _ = follower;
  assertEquals(numbersOf(await next()), [0, 1]);
  assertEquals(numbersOf(await next()), [2]);
});

Deno.test("followers are woken by a change of login, of default rights, and the end", async () => {
  const { append, context } = createFixture();
  await append("s", [1]);
  const { followers } = context;
  const open = async (login: string) => {
    const follower = followers.open({ streamName: "s", place: 1, login });
    await follower.advance((next) => ({ next, isAtEnd: true }));
    return follower;
  };
  using jane = await open("jane");
  using john = await open("john");
  followers.wakeLogin("jane");
  assertEquals([jane.isAtEnd, john.isAtEnd], [false, true]);
  const epoch = followers.rulesEpoch;
  await append("$settings", [2]);
  assertEquals([john.isAtEnd, followers.rulesEpoch], [false, epoch + 1]);
  await john.advance((next) => ({ next, isAtEnd: true }));
  const news = john.news();
  assertEquals(followers.isEnded, false);
  followers.end();
  await news;
  assertEquals(followers.isEnded, true);
});
