/**
 * Reading and following by the client, against a real app.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientError } from "../../lib/client/mod.ts";
import { createRandom } from "../support/random.ts";
import { firstOf, listOf, notingFetch, openEmbedded } from "./embedded.ts";

function numbered(count: number, from = 0) {
  return Array.from({ length: count }, (_, at) => ({
    eventType: (from + at) % 2 === 0 ? "even" : "odd",
    data: { n: from + at },
  }));
}

function numbersOf(events: readonly { readonly data: unknown }[]): number[] {
  return events.map(({ data }) => (data as { n: number }).n);
}

function range(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

Deno.test("read() goes through a stream and $all both ways, whatever the pages", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  await client.append("s-1", numbered(7));
  const filter = { system: false };
  for (const pageSize of [1, 2, 3, 7, 8, 500]) {
    for (const stream of ["s-1", "$ce-s", "$all"]) {
      const options = { pageSize, filter };
      assertEquals(
        numbersOf(await listOf(client.read(stream, options))),
        range(7),
      );
      const backward = { ...options, direction: "backward" } as const;
      assertEquals(
        numbersOf(await listOf(client.read(stream, backward))),
        range(7).reverse(),
      );
    }
  }
  const read = async (options: Parameters<typeof client.read>[1]) =>
    numbersOf(await listOf(client.read("s-1", options)));
  assertEquals(await read({ from: 2, count: 3 }), [2, 3, 4]);
  assertEquals(await read({ from: 2, direction: "backward" }), [2, 1, 0]);
  assertEquals(await read({ count: 2, direction: "backward" }), [6, 5]);
  assertEquals(await read({ filter: { eventType: "odd" } }), [1, 3, 5]);
  assertEquals(await read({ count: 0 }), []);
});

Deno.test("read() begins at a time, and shows a feed as it was", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  await client.append("s-1", numbered(30));
  const [, second] = await listOf(client.read("s-1"));
  assert(second !== undefined);
  for (const from of [new Date(0), second.createdAt]) {
    const events = await listOf(client.read("s-1", { from, pageSize: 7 }));
    assertEquals(numbersOf(events), range(30));
  }
  const asOf = new Date(Date.now() + 3_600_000);
  assertEquals((await listOf(client.read("s-1", { asOf }))).length, 30);
  const early = client.read("s-1", { asOf: "2001-01-01" });
  const error = await assertRejects(() => listOf(early), ClientError);
  assertEquals(error.code, "notFound");
  const backward = client.read("s-1", { from: "head", direction: "forward" });
  await assertRejects(() => listOf(backward), ClientError, "expected a number");
});

Deno.test("read() asks for a page when the one before it was taken", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch);
  const client = embedded.client({ fetch });
  await client.append("s", numbered(10));
  asked.length = 0;
  const events = client.read("s", { pageSize: 2 });
  for (const pages of [1, 1, 2, 2, 3]) {
    await events.next();
    assertEquals(asked.length, pages);
  }
  await events.return();
  assertEquals(asked.length, 3);
});

Deno.test("read() keeps the digits of JSON, and follows links where it is to", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const response = await embedded.fetch("http://127.0.0.1:2113/streams/s-1", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "ES-EventType": "t",
      "ES-EventId": crypto.randomUUID(),
    },
    body: '{"n":12345678901234567890.0}',
  });
  assertEquals(response.status, 201);
  await response.body?.cancel();
  const [event] = await listOf(client.read("s-1"));
  assertEquals(event?.dataText?.includes("12345678901234567890.0"), true);
  const [linked] = await listOf(client.read("$ce-s"));
  assertEquals(linked?.link, { streamName: "$ce-s", eventNumber: 0 });
  assertEquals([linked?.streamName, linked?.eventNumber], ["s-1", 0]);
  const [link] = await listOf(client.read("$ce-s", { resolveLinks: false }));
  assertEquals(link?.eventType, "$>");
});

Deno.test("listStreams() lists what the caller may read, over all pages", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const names = range(1_203, 10_000).map((number) => `s-${number}`);
  await Promise.all(
    names.map((name) => client.append(name, numbered(1))),
  );
  await client.append("other", numbered(2));
  const listed = await listOf(client.listStreams("s-"));
  assertEquals(listed.map(({ streamName }) => streamName), names);
  const [other] = await listOf(client.listStreams("o"));
  assertEquals([other?.streamName, other?.lastEventNumber], ["other", 1]);
  const anyone = embedded.client({ credentials: undefined });
  assertEquals((await listOf(anyone.listStreams())).length, 1_204);
  assertEquals(await listOf(anyone.listStreams("$")), []);
});

Deno.test("follow() gives what is there, says so, and goes on with what comes", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  await client.append("s-1", numbered(3));
  for (const stream of ["s-1", "$ce-s", "$all"]) {
    const caughtUp = Promise.withResolvers<string>();
    const feed = client.follow(stream, {
      filter: { streamName: "s-*" },
      onCaughtUp: caughtUp.resolve,
    });
    const before = await listOf(client.read("s-1"));
    const all = firstOf(feed, before.length + 2);
    await caughtUp.promise;
    await client.append("s-1", numbered(2, before.length));
    assertEquals(numbersOf(await all), range(before.length + 2));
    // Another feed goes on from there.
    await client.append("s-1", numbered(1, before.length + 2));
    const { place } = feed;
    assert(place !== undefined);
    const after = client.follow(stream, {
      after: place,
      filter: { streamName: "s-*" },
    });
    assertEquals(numbersOf(await firstOf(after, 1)), [before.length + 2]);
  }
});

Deno.test("follow() waits for a stream, and begins at the head where it is to", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const first = firstOf(client.follow("later"), 1);
  const caughtUp = Promise.withResolvers<string>();
  const fromHead = client.follow("later", {
    from: "head",
    onCaughtUp: caughtUp.resolve,
  });
  await client.append("later", numbered(1));
  assertEquals(numbersOf(await first), [0]);
  const next = firstOf(fromHead, 1);
  await caughtUp.promise;
  await client.append("later", numbered(1, 1));
  assertEquals(numbersOf(await next), [1]);
});

Deno.test("follow() over connections that break anywhere has no gap and no repeat", async () => {
  await using embedded = await openEmbedded();
  const random = createRandom(1);
  const { fetch, asked } = notingFetch(embedded.fetch, async (_, send) => {
    const response = await send();
    const { body } = response;
    if (body === null || !isFeed(response)) return response;
    return new Response(cutAfter(body, random.integer(200, 3_200)), response);
  });
  const client = embedded.client({
    fetch,
    retry: { firstDelayMs: 0, delayMsMax: 0, triesMax: 100 },
  });
  await client.append("s", numbered(100));
  const all = firstOf(client.follow("s"), 200);
  await client.append("s", numbered(100, 100));
  assertEquals(numbersOf(await all), range(200));
  assert(asked.length > 20, `${asked.length} connections`);
});

function isFeed({ headers }: Response): boolean {
  return headers.get("Content-Type")?.startsWith("text/event-stream") ?? false;
}

/** A body that breaks after so many bytes. */
function cutAfter(
  body: ReadableStream<Uint8Array>,
  bytes: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let left = bytes;
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(value.subarray(0, left));
      left -= value.length;
      if (left > 0) return;
      await reader.cancel();
      controller.error(new TypeError("connection reset"));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

Deno.test("follow() ends with the caller's signal, and when the stream is gone", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  await client.append("s", numbered(1));
  const stopping = new AbortController();
  const aborted = listOf(client.follow("s", {
    signal: stopping.signal,
    onCaughtUp: () => stopping.abort(),
  }));
  const error = await assertRejects(() => aborted, ClientError);
  assertEquals(error.code, "aborted");

  const gone = listOf(client.follow("s", {
    onCaughtUp: () => client.delete("s", { isHard: true }),
  }));
  const deleted = await assertRejects(() => gone, ClientError);
  assertEquals(deleted.code, "deleted");
});

Deno.test("follow() without the right to read is refused, and not tried again", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch);
  const client = embedded.client({ fetch, credentials: undefined });
  const error = await assertRejects(
    () => listOf(client.follow("$all")),
    ClientError,
  );
  assertEquals(error.code, "unauthorized");
  assertEquals(asked.length, 1);
});
