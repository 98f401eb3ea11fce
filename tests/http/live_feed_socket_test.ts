/**
 * Live feeds over a socket: resuming, leaving, reading too slowly.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { serveHttp } from "../../lib/http/server.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { LIMITS, type Limits } from "../../lib/model/limits.ts";
import type { Logger } from "../../lib/model/logger.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { createStreamService } from "../../lib/streams/stream_service.ts";
import { EventSourceReader } from "../support/event_source.ts";
import { anEvent, createTestClock, createTestIds } from "../support/events.ts";
import { createTestStore } from "../support/test_store.ts";
import { RawConnection } from "../support/raw_http.ts";
import { openTestApp } from "../support/test_app.ts";

interface Serving {
  readonly store: EventStore;
  readonly port: number;
  readonly baseUrl: string;
  /** How many listen to the store's commits. */
  listenerCount(): number;
}

async function serving(
  use: (serving: Serving) => Promise<void>,
  options: {
    readonly limits?: Partial<Limits>;
    readonly heartbeatMs?: number;
    readonly logger?: Logger;
  } = {},
): Promise<void> {
  const { limits = {}, logger = SILENT_LOGGER } = options;
  const clock = createTestClock();
  await using store = createTestStore({ clock, newEventId: createTestIds() });
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
  const streams = createStreamService({
    store,
    clock,
    liveFeedHeartbeatMs: options.heartbeatMs ?? LIMITS.liveFeedHeartbeatMs,
  });
  await using testApp = openTestApp({ store, clock, limits, app: { streams } });
  await using server = serveHttp({
    app: testApp.app,
    hostname: "127.0.0.1",
    port: 0,
    logger,
    shutdownMs: 500,
  });
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const listeners = () => listenerCount;
  await use({ store, port: server.port, baseUrl, listenerCount: listeners });
}

async function append(
  store: EventStore,
  first: number,
  count: number,
  data = "{}",
): Promise<void> {
  await store.append({
    streamName: "s",
    expectedVersion: "any",
    events: Array.from(
      { length: count },
      (_, index) => anEvent(first + index, { data }),
    ),
  });
}

async function open(url: string, lastEventId = ""): Promise<EventSourceReader> {
  const response = await fetch(url, {
    headers: {
      Accept: "text/event-stream",
      ...(lastEventId === "" ? {} : { "Last-Event-ID": lastEventId }),
    },
  });
  assertEquals(response.status, 200);
  return new EventSourceReader(response.body, lastEventId);
}

/** Waits for something that comes without telling. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await later();
}

function later(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Whether so many live feeds can be opened at once. */
async function canOpen(baseUrl: string, count: number): Promise<boolean> {
  const headers = { Accept: "text/event-stream" };
  const responses: Response[] = [];
  for (let index = 0; index < count; index++) {
    responses.push(await fetch(`${baseUrl}/streams/t`, { headers }));
  }
  await Promise.all(responses.map(({ body }) => body?.cancel()));
  return responses.every(({ status }) => status === 200);
}

Deno.test("a client that comes back resumes exactly where it was", () =>
  serving(async ({ store, baseUrl, listenerCount }) => {
    await append(store, 0, 10);
    const seen: string[] = [];
    let lastEventId = "";
    // Each time it leaves in the middle, and events come meanwhile.
    for (let visit = 0; visit < 20; visit++) {
      {
        await using reader = await open(`${baseUrl}/streams/s`, lastEventId);
        for (let taken = 0; taken < visit % 4;) {
          const sent = await reader.next();
          if (sent?.type !== "message") continue;
          seen.push(JSON.parse(sent.data).title);
          taken++;
        }
        lastEventId = reader.lastEventId;
      }
      await until(() => listenerCount() === 0);
      await append(store, 10 + visit * 2, 2);
    }
    assertEquals(seen, seen.map((_, number) => `${number}@s`));
    assertEquals(seen.length, 30);
  }));

Deno.test("a client that leaves is noticed at once, even if nothing happens", () =>
  serving(async ({ port, listenerCount }) => {
    const connections = [];
    for (let index = 0; index < 5; index++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(new TextEncoder().encode(
        "GET /streams/s?format=sse HTTP/1.1\r\nHost: h\r\n\r\n",
      ));
      await connection.read(new Uint8Array(1000));
      connections.push(connection);
    }
    assertEquals(listenerCount(), 1);
    for (const connection of connections) connection.close();
    await until(() => listenerCount() === 0);
  }));

Deno.test("a client that reads too slowly is dropped; others go on", async () => {
  const dropped: string[] = [];
  const logger: Logger = {
    ...SILENT_LOGGER,
    info(name) {
      if (name === "http.clientDropped") dropped.push(name);
    },
    error(name) {
      throw new Error(`Unexpected: ${name}`);
    },
  };
  await serving(async ({ store, port, baseUrl, listenerCount }) => {
    await append(store, 0, 1);
    const stalled = await Deno.connect({ hostname: "127.0.0.1", port });
    await stalled.write(new TextEncoder().encode(
      "GET /streams/s?format=sse HTTP/1.1\r\nHost: h\r\n\r\n",
    ));
    const reader = await open(`${baseUrl}/streams/s?from=head`);
    assertEquals((await reader.next())?.type, "caught-up");
    // Far more than sockets take in.
    const data = JSON.stringify("x".repeat(100_000));
    for (let number = 1; number <= 200; number++) {
      await append(store, number, 1, data);
      const sent = await reader.next();
      assertEquals(sent?.lastEventId, String(number));
    }
    await reader[Symbol.asyncDispose]();
    await until(() => listenerCount() === 0);
    // Its connection counts until it is over.
    while (!await canOpen(baseUrl, 1)) await later();
    assertEquals(await canOpen(baseUrl, 2), false);
    // What it was sent ends in the middle: no last chunk.
    let text = "";
    const buffer = new Uint8Array(1 << 20);
    const decoder = new TextDecoder();
    for (;;) {
      const length = await stalled.read(buffer).catch(() => null);
      if (length === null) break;
      text = (text + decoder.decode(buffer.subarray(0, length))).slice(-100);
    }
    assert(!text.endsWith("0\r\n\r\n"));
    stalled.close();
    while (!await canOpen(baseUrl, 2)) await later();
  }, {
    limits: { liveFeedStallMs: 3000, liveFeedsMax: 2 },
    heartbeatMs: 100,
    logger,
  });
  assertEquals(dropped.length, 1);
});

Deno.test("stopping the server ends live feeds with a word", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<
    EventSourceReader
  >();
  await serving(async ({ baseUrl }) => {
    const reader = await open(`${baseUrl}/streams/s`);
    assertEquals((await reader.next())?.type, "caught-up");
    end(reader);
  });
  const reader = await ended;
  assertEquals((await reader.nextAny())?.data, "ended, the server is stopping");
  assertEquals(await reader.nextAny(), undefined);
});

Deno.test("HEAD sees that there is a feed, and no length of it", () =>
  serving(async ({ baseUrl, listenerCount }) => {
    using connection = await RawConnection.open(baseUrl);
    for (let again = 0; again < 2; again++) {
      await connection.write(
        "HEAD /streams/s?format=sse HTTP/1.1\r\nHost: h\r\n\r\n",
      );
      const { status, header } = await connection.readAnswer({
        isToHead: true,
      });
      assertEquals(status, 200);
      assertEquals(header("Content-Length"), undefined);
    }
    assertEquals(listenerCount(), 0);
  }));
