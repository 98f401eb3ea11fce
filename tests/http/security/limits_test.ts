/**
 * Every bound at its limit: what is just within is served, one more is refused
 * with a status, a text and, where it helps, the time to come back.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Limits } from "../../../lib/model/limits.ts";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import { openStore } from "../../../storage/mod.ts";
import { createTestClock, createTestIds } from "../../support/events.ts";
import { ADMIN, openSecuredApp, OPS } from "../../support/secured_app.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_INFO,
  type TestAnswer,
  type TestApp,
} from "../../support/test_app.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const EVENTS_XML = "application/vnd.eventstore.events+xml";

function eventIdOf(number: number): string {
  return `12345678-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

function eventsJson(data: string, count = 1): string {
  const events = Array.from(
    { length: count },
    (_, index) =>
      `{"eventId":"${eventIdOf(index + 1)}","eventType":"t","data":${data}}`,
  );
  return `[${events.join(",")}]`;
}

function post(
  app: TestApp,
  body: string,
  options: { readonly type?: string; readonly path?: string } = {},
): Promise<TestAnswer> {
  const { type = EVENTS_JSON, path = "/streams/s" } = options;
  return app.send(path, { headers: { "Content-Type": type }, body });
}

/** Bytes of a JSON text with that many characters in it. */
function text(length: number): string {
  return `"${"x".repeat(length)}"`;
}

function nestedJson(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

function nestedXml(depth: number): string {
  return "<a>".repeat(depth) + "</a>".repeat(depth);
}

interface Bound {
  readonly limits: Partial<Limits>;
  /** Sends what is within; what is one over when `isOver`. */
  send(app: TestApp, isOver: boolean): Promise<TestAnswer>;
  readonly within: number;
  readonly over: number;
  readonly text: string;
}

const EMPTY_BODY_LENGTH = eventsJson(text(0)).length;

const BOUNDS: Readonly<Record<string, Bound>> = {
  "the body of a request": {
    limits: { requestBytesMax: 2000 },
    send: (app, isOver) =>
      post(app, eventsJson(text(2000 - EMPTY_BODY_LENGTH + Number(isOver)))),
    within: 201,
    over: 413,
    text: "Request body too large. Limit is 2000 bytes",
  },
  "data and metadata of an event": {
    limits: { eventBytesMax: 1000 },
    send: (app, isOver) => post(app, eventsJson(text(1000 + Number(isOver)))),
    within: 201,
    over: 413,
    text: "Too large events received. Limit is 1000 bytes",
  },
  "events of a batch": {
    limits: { batchEventsMax: 5 },
    send: (app, isOver) => post(app, eventsJson("1", 5 + Number(isOver))),
    within: 201,
    over: 413,
    text: "Too many events received. Limit is 5",
  },
  "events of an XML batch": {
    limits: { batchEventsMax: 2 },
    send: (app, isOver) => {
      const events = Array.from(
        { length: 2 + Number(isOver) },
        (_, index) =>
          `<e><eventId>${eventIdOf(index + 1)}</eventId>` +
          "<eventType>t</eventType></e>",
      );
      return post(app, `<l>${events.join("")}</l>`, { type: EVENTS_XML });
    },
    within: 201,
    over: 413,
    text: "Too many events received. Limit is 2",
  },
  "nesting of JSON": {
    limits: { jsonDepthMax: 10 },
    // The array and the event's object are levels themselves.
    send: (app, isOver) =>
      post(app, eventsJson(nestedJson(8 + Number(isOver)))),
    within: 201,
    over: 400,
    text: "Write request body invalid. It is nested too deeply.",
  },
  "nesting of XML": {
    limits: { xmlDepthMax: 10 },
    send: (app, isOver) =>
      post(
        app,
        `<l><e><eventId>${eventIdOf(1)}</eventId><eventType>t</eventType>` +
          `<data>${nestedXml(7 + Number(isOver))}</data></e></l>`,
        { type: EVENTS_XML },
      ),
    within: 201,
    over: 400,
    text: "Write request body invalid. It is nested too deeply.",
  },
  "events of a page": {
    limits: { pageEventsMax: 50 },
    async send(app, isOver) {
      await post(app, eventsJson("1"));
      return await app.get(`/streams/s/0/forward/${50 + Number(isOver)}`);
    },
    within: 200,
    over: 400,
    text: "Read size too big, should be less than 50 items",
  },
  "the body of a request about users": {
    limits: {},
    async send(_app, isOver) {
      await using app = await openSecuredApp();
      const user = { loginName: "a", password: "b", x: "" };
      const length = 512 * 1024 - JSON.stringify(user).length + Number(isOver);
      return await app.sendJson("/users/", { ...user, x: "x".repeat(length) }, {
        headers: ADMIN,
      });
    },
    within: 201,
    over: 413,
    text: "Request body too large. Limit is 524288 bytes",
  },
};

for (const [what, bound] of Object.entries(BOUNDS)) {
  Deno.test(`${what}: within is ${bound.within}, over it ${bound.over}`, async () => {
    {
      await using app = openTestApp({ limits: bound.limits });
      const answer = await bound.send(app, false);
      assertEquals(answer.status, bound.within, answer.body);
    }
    await using app = openTestApp({ limits: bound.limits });
    const answer = await bound.send(app, true);
    assertEquals(answer.status, bound.over, answer.body);
    assertEquals(answer.body, bound.text);
  });
}

const POLL = { "ES-LongPoll": "30" };

/** Lets requests that were sent begin to wait. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

interface HeldBound {
  readonly limits: Partial<Limits>;
  readonly held: readonly Readonly<Record<string, string>>[];
  readonly over: Readonly<Record<string, string>>;
  readonly others?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly text: string;
}

const FROM_ELSEWHERE = { "X-Forwarded-For": "203.0.113.1" };
const FROM_SAME_NETWORK = { "X-Forwarded-For": "2001:db8::1" };
const ALSO_FROM_THERE = { "X-Forwarded-For": "2001:db8::ffff:2" };

const HELD_BOUNDS: Readonly<Record<string, HeldBound>> = {
  "long polls in all": {
    limits: { longPollsMax: 2 },
    held: [{}, FROM_ELSEWHERE],
    over: ADMIN,
    status: 503,
    text: "Too many long polls. Limit is 2",
  },
  "long polls of those who are not logged in": {
    limits: { longPollsMax: 4 },
    held: [{}, FROM_ELSEWHERE, FROM_SAME_NETWORK],
    over: {},
    others: ADMIN,
    status: 503,
    text: "Too many long polls. Limit is 3",
  },
  "long polls of those of an address who are not logged in": {
    limits: { longPollsPerAddressMax: 4 },
    held: [{}, {}, {}],
    over: {},
    others: ADMIN,
    status: 429,
    text: "Too many long polls from this address. Limit is 3",
  },
  "long polls of an address": {
    limits: { longPollsPerAddressMax: 2 },
    held: [{}, ADMIN],
    over: OPS,
    others: FROM_ELSEWHERE,
    status: 429,
    text: "Too many long polls from this address. Limit is 2",
  },
  "long polls of a network": {
    limits: { longPollsPerAddressMax: 1 },
    held: [FROM_SAME_NETWORK],
    over: ALSO_FROM_THERE,
    others: {},
    status: 429,
    text: "Too many long polls from this address. Limit is 1",
  },
  "long polls of a user": {
    limits: { longPollsPerUserMax: 2 },
    held: [ADMIN, { ...ADMIN, ...FROM_ELSEWHERE }],
    over: ADMIN,
    others: OPS,
    status: 429,
    text: "Too many long polls of this user. Limit is 2",
  },
};

for (const [what, bound] of Object.entries(HELD_BOUNDS)) {
  Deno.test(`${what}: one over is ${bound.status} with Retry-After`, async () => {
    await using app = await openSecuredApp({
      limits: bound.limits,
      app: { isTrustedProxy: (address) => address === "127.0.0.1" },
    });
    await post(app, eventsJson("1"));
    const poll = (headers: Readonly<Record<string, string>>) =>
      app.get("/streams/s/1/forward/5", undefined, { ...POLL, ...headers });
    // Logins are remembered from here on.
    for (const headers of [ADMIN, OPS]) {
      await app.get("/ping", undefined, headers);
    }
    const held = bound.held.map(poll);
    await settle();
    const refused = await poll(bound.over);
    assertEquals([refused.status, refused.body], [bound.status, bound.text]);
    assert(Number(refused.headers.get("Retry-After")) > 0);
    // Reads that are not held go on.
    assertEquals(
      (await app.get("/streams/s/0", undefined, bound.over)).status,
      200,
    );
    if (bound.others !== undefined) held.push(poll(bound.others));
    await settle();
    await app.append("s", [{ eventId: eventIdOf(2), eventType: "t" }]);
    for (const answer of await Promise.all(held)) {
      assertEquals(answer.status, 200);
    }
    // Their places are free again.
    const next = poll(bound.over);
    await settle();
    app.app.endLongPolls();
    assertEquals((await next).status, 200);
  });
}

const LIVE_BOUNDS: readonly (readonly [Partial<Limits>, number])[] = [
  [{ liveFeedsMax: 1 }, 503],
  [{ liveFeedsPerAddressMax: 1 }, 429],
];

for (const [limits, status] of LIVE_BOUNDS) {
  Deno.test(`live feeds over ${Object.keys(limits)} are ${status} with Retry-After`, async () => {
    await using app = openTestApp({ limits });
    await post(app, eventsJson("1"));
    const open = () =>
      app.app(
        new Request(TEST_BASE_URL + "/streams/s", {
          headers: { Accept: "text/event-stream" },
        }),
        TEST_INFO,
      );
    const first = await open();
    assertEquals(first.status, 200);
    const refused = await open();
    assertEquals(refused.status, status);
    assert(Number(refused.headers.get("Retry-After")) > 0);
    assertStringIncludes(await refused.text(), "Too many live feeds");
    await first.body?.cancel();
    const next = await open();
    assertEquals(next.status, 200);
    await next.body?.cancel();
  });
}

Deno.test("requests in flight: one over is 503 with Retry-After, held ones aside", async () => {
  await using app = openTestApp({ limits: { requestsInFlightMax: 2 } });
  await post(app, eventsJson("1"));
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  const slow = [0, 1].map(() =>
    app.app(
      new Request(TEST_BASE_URL + "/streams/s", {
        method: "POST",
        headers: {
          "Content-Type": EVENTS_JSON,
          "Transfer-Encoding": "chunked",
        },
        body: new ReadableStream({
          start: (controller) => void bodies.push(controller),
        }),
      }),
      TEST_INFO,
    )
  );
  const refused = await app.get("/ping");
  assertEquals(refused.status, 503);
  assert(Number(refused.headers.get("Retry-After")) > 0);
  assertStringIncludes(refused.body, "Too many requests");
  for (const body of bodies) body.close();
  await Promise.all(slow);
  assertEquals((await app.get("/ping")).status, 200);

  const held = [0, 1, 2].map(() =>
    app.get("/streams/s/1/forward/5", undefined, POLL)
  );
  // Until they are held, they count.
  let status = 503;
  for (let tried = 0; status === 503 && tried < 2_000; tried++) {
    await settle();
    ({ status } = await app.get("/ping"));
  }
  assertEquals(status, 200);
  app.app.endLongPolls();
  await Promise.all(held);
});

Deno.test("the time to send a body: over it is 408, and nothing is stored", async () => {
  await using app = openTestApp({ limits: { bodyReadMs: 20 } });
  const response = await app.app(
    new Request(TEST_BASE_URL + "/streams/s", {
      method: "POST",
      headers: { "Content-Type": EVENTS_JSON, "Transfer-Encoding": "chunked" },
      body: new ReadableStream({ start() {} }),
    }),
    TEST_INFO,
  );
  assertEquals(response.status, 408);
  await response.body?.cancel();
  assertEquals((await app.get("/streams/s")).status, 404);
});

Deno.test("large answers that nobody takes: over the bound it is 503", async () => {
  await using app = openTestApp({
    limits: { sendBufferBytesMax: 2_000_000, sendStallMs: 60_000 },
  });
  await post(app, eventsJson(text(1_000_000)));
  const read = () =>
    app.app(
      new Request(TEST_BASE_URL + "/streams/s/0", {
        headers: { Accept: "application/json" },
      }),
      TEST_INFO,
    );
  const first = await read();
  assertEquals(first.status, 200);
  const others = [await read(), await read()];
  const refused = others.find(({ status }) => status === 503);
  assert(refused !== undefined);
  assert(Number(refused.headers.get("Retry-After")) > 0);
  for (const { body } of others) await body?.cancel();
  // Whoever takes it gets it whole.
  assertEquals(await first.text(), text(1_000_000));
  const again = await read();
  assertEquals(again.status, 200);
  await again.body?.cancel();
});

Deno.test("a large answer of which nothing is taken is given up", async () => {
  await using app = openTestApp({ limits: { sendStallMs: 20 } });
  await post(app, eventsJson(text(1_000_000)));
  const response = await app.app(
    new Request(TEST_BASE_URL + "/streams/s/0", {
      headers: { Accept: "application/json" },
    }),
    TEST_INFO,
  );
  const reader = response.body?.getReader();
  assert(reader !== undefined);
  const first = await reader.read();
  assertEquals(first.value?.length, 64 * 1024);
  const reason = await reader.closed.catch((error) => error);
  assertStringIncludes(String(reason), "takes nothing of its answer");
});

Deno.test("events that wait to be written: over the bound it is 503, and nothing else is lost", async () => {
  const clock = createTestClock();
  await using store = await openStore({
    directory: undefined,
    segmentSizeBytes: 1024 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
    queue: { eventsMax: 10, bytesMax: 1024 * 1024 },
  });
  await using app = openTestApp({ store, clock });
  const answers = await Promise.all(
    Array.from(
      { length: 50 },
      (_, number) =>
        app.append("s", [{ eventId: eventIdOf(number), eventType: "t" }]),
    ),
  );
  const written = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status === 503);
  assertEquals(written.length + refused.length, 50);
  assert(written.length >= 10 && refused.length > 0, `${refused.length}`);
  for (const { headers } of refused) {
    assert(Number(headers.get("Retry-After")) > 0);
  }
  assertEquals((await store.readState("s")).head, written.length - 1);
});
