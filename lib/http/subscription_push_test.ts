import { assert, assertEquals, assertRejects } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import type { Consumer, ConsumerNews } from "../subscriptions/contract.ts";
import { EventSourceReader } from "../../tests/support/event_source.ts";
import { plainEvent } from "../../tests/support/recorded_events.ts";
import { PullStreams } from "./pull_stream.ts";
import { MessagePush } from "./subscription_push.ts";

/** A consumer that is handed this, and then nothing. */
function consumerOf(news: ConsumerNews[]) {
  const consumer = {
    askedCount: 0,
    closedCount: 0,
    next() {
      consumer.askedCount++;
      const next = news.shift();
      return next === undefined
        ? new Promise<ConsumerNews>(() => {})
        : Promise.resolve(next);
    },
    close() {
      consumer.closedCount++;
    },
  } satisfies Consumer & Record<string, unknown>;
  return consumer;
}

function messagesOf(...data: readonly string[]): ConsumerNews {
  return {
    kind: "messages",
    messages: data.map((text, eventNumber) => {
      const event = plainEvent({ eventNumber, data: text });
      return { id: event.original.eventId, event, retryCount: 0 };
    }),
  };
}

function push(
  consumer: Consumer,
  limits: Partial<typeof LIMITS> | Record<string, number> = {},
): ReadableStream<Uint8Array> {
  const all = { ...LIMITS, ...limits };
  const source = new MessagePush({
    group: { streamName: "s1", groupName: "g" },
    consumer,
    baseUrl: "http://h",
    limits: all,
  });
  const stallMs = all.liveFeedStallMs;
  return new PullStreams(stallMs).open(source, { stallMs });
}

Deno.test("nothing is asked of a consumer before its connection has taken what it got", async () => {
  const consumer = consumerOf([messagesOf("1", "2"), messagesOf("3")]);
  const reader = push(consumer).getReader();
  assertEquals(consumer.askedCount, 0);
  await reader.read();
  assertEquals(consumer.askedCount, 0);
  await reader.read();
  assertEquals(consumer.askedCount, 1);
  await reader.read();
  assertEquals(consumer.askedCount, 2);
  await reader.cancel();
  assertEquals(consumer.closedCount, 1);
});

Deno.test("a long message is handed over in pieces, and whole in the end", async () => {
  const text = JSON.stringify("é".repeat(100_000));
  const consumer = consumerOf([
    messagesOf(text, "2"),
    { kind: "ended", reason: "updated" },
  ]);
  const pieces: Uint8Array[] = [];
  for await (const piece of push(consumer)) pieces.push(piece);
  for (const piece of pieces) {
    assert(piece.length <= LIMITS.liveFeedPieceBytesMax);
  }
  const all = new Blob(pieces.map((piece) => piece.slice()));
  await using events = new EventSourceReader(all.stream());
  const first = await events.next();
  assertEquals(
    JSON.parse(JSON.parse(first?.data ?? "").data),
    JSON.parse(text),
  );
  assertEquals(JSON.parse((await events.next())?.data ?? "").data, "2");
  const last = await events.nextAny();
  assertEquals(
    last?.data,
    "ended, the subscription was changed, connect again",
  );
  assertEquals(await events.nextAny(), undefined);
  assertEquals(consumer.closedCount, 1);
});

Deno.test("a connection with nothing to say is kept open by heartbeats", async () => {
  const consumer = consumerOf([]);
  await using events = new EventSourceReader(
    push(consumer, { liveFeedHeartbeatMs: 1 }),
  );
  for (let count = 0; count < 3; count++) {
    assertEquals((await events.nextAny())?.data, "heartbeat");
  }
  // The question that waits is not asked again.
  assertEquals(consumer.askedCount, 1);
});

Deno.test("a client that takes nothing is dropped, so that others get its messages", async () => {
  const closed = Promise.withResolvers<void>();
  const consumer = {
    ...consumerOf([messagesOf("1")]),
    close: () => closed.resolve(),
  };
  const limits = { liveFeedHeartbeatMs: 1, liveFeedStallMs: 3 };
  const reader = push(consumer, limits).getReader();
  await reader.read();
  await closed.promise;
  await assertRejects(() => reader.read(), Error, "takes nothing");
});

Deno.test("a consumer that fails breaks its connection off", async () => {
  const consumer = {
    ...consumerOf([]),
    next: () => Promise.reject(new Error("No store")),
  };
  const reader = push(consumer).getReader();
  await reader.read();
  await assertRejects(() => reader.read(), Error, "No store");
});
