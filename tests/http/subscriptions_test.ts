/**
 * Persistent subscriptions as clients see them: the interface over the real
 * service.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodePathSegment } from "../../lib/text/path_segment.ts";
import { EventSourceReader } from "../support/event_source.ts";
import { testUuid } from "../support/events.ts";
import { settle } from "../support/manual_timers.ts";
import {
  ADMIN,
  JSON_TYPE,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../support/secured_app.ts";
import { TEST_BASE_URL, TEST_INFO } from "../support/test_app.ts";

const COMPETING_JSON = "application/vnd.eventstore.competingatom+json";
const GROUP = "/subscriptions/s/g";

type Headers = Readonly<Record<string, string>>;

interface Link {
  readonly uri: string;
  readonly relation: string;
}

interface Entry {
  readonly title: string;
  readonly eventType: string;
  readonly eventId: string;
  readonly streamId: string;
  readonly positionStreamId: string;
  readonly links: readonly Link[];
}

/** Appends events with these numbers as ids and data. */
async function append(
  app: SecuredApp,
  streamName: string,
  numbers: readonly number[],
  eventType = "t",
): Promise<void> {
  const events = numbers.map((number) => ({
    eventId: testUuid(number),
    eventType,
    data: { number },
  }));
  const answer = await app.append(streamName, events, ADMIN);
  assertEquals(answer.status, 201, answer.body);
  await app.timers.pass(0);
}

/** Makes a group, and lets it begin. */
async function create(
  app: SecuredApp,
  settings: unknown = {},
  path = GROUP,
): Promise<void> {
  const answer = await app.sendJson(path, settings, {
    method: "PUT",
    headers: ADMIN,
  });
  assertEquals(answer.status, 201, answer.body);
  await app.timers.pass(0);
}

async function take(
  app: SecuredApp,
  { count = 100, path = GROUP, headers = ADMIN }: {
    readonly count?: number;
    readonly path?: string;
    readonly headers?: Headers;
  } = {},
): Promise<{ readonly entries: readonly Entry[]; links: readonly Link[] }> {
  const target = `${path}/${count}?embed=rich`;
  const answer = await app.get(target, COMPETING_JSON, headers);
  assertEquals(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

/** Titles of messages in the order of delivery. */
async function titles(
  app: SecuredApp,
  options: Parameters<typeof take>[1] = {},
): Promise<string[]> {
  const { entries } = await take(app, options);
  return entries.map(({ title }) => title).reverse();
}

async function post(
  app: SecuredApp,
  target: string,
  headers: Headers = ADMIN,
): Promise<number> {
  const path = target.replace(TEST_BASE_URL, "");
  const { status } = await app.send(path, { method: "POST", headers });
  await app.timers.pass(0);
  return status;
}

async function infoOf(app: SecuredApp, path = GROUP) {
  return JSON.parse((await app.get(`${path}/info`)).body);
}

/** Opens a consumer that is pushed to. */
async function connect(
  app: SecuredApp,
  query = "",
  headers: Headers = ADMIN,
): Promise<EventSourceReader> {
  const response = await ask(app, query, headers);
  assertEquals(response.status, 200);
  return new EventSourceReader(response.body);
}

async function ask(
  app: SecuredApp,
  query: string,
  headers: Headers,
): Promise<Response> {
  return await app.app(
    new Request(`${TEST_BASE_URL}${GROUP}${query}`, {
      headers: {
        Accept: "text/event-stream",
        Host: "127.0.0.1:2113",
        ...headers,
      },
    }),
    TEST_INFO,
  );
}

/** Title of the next message that is pushed. */
async function nextTitle(reader: EventSourceReader): Promise<string> {
  const sent = await reader.next();
  assert(sent !== undefined, "The connection ended");
  return JSON.parse(sent.data).title;
}

Deno.test("links of messages lead back, whatever the names hold", async () => {
  await using app = await openSecuredApp();
  const names = [
    "a b",
    "ü-型",
    "a/b",
    "a%b",
    "%41",
    "a@b+c",
    "..",
    "a?b#c",
    "5",
  ];
  for (const name of names) {
    const segment = encodePathSegment(name);
    const path = `/subscriptions/${segment}/${segment}`;
    await append(app, name, [1, 2, 3]);
    await create(app, {}, path);
    const { entries, links } = await take(app, { path, count: 2 });
    const [, first] = entries;
    const ack = first?.links.find(({ relation }) => relation === "ack");
    assertEquals(await post(app, ack?.uri ?? ""), 202);
    const nackAll = links.find(({ relation }) => relation === "nackAll");
    assertEquals(await post(app, `${nackAll?.uri}&action=Park`), 202);
    const info = await infoOf(app, path);
    assertEquals(info.totalInFlightMessages, 0, name);
    assertEquals(info.parkedMessagesCount, 1, name);
    const follow = async (uri: string, accept: string) => {
      const target = uri.replace(TEST_BASE_URL, "");
      return (await app.get(target, accept, ADMIN)).status;
    };
    assertEquals(await follow(info.links[0].href, "*/*"), 200, name);
    assertEquals(await follow(info.getMessagesUri, "*/*"), 200, name);
    assertEquals(await follow(info.parkedMessageUri, "*/*"), 200, name);
    assertEquals(await post(app, info.links[1].href), 200, name);
  }
});

Deno.test("taking and answering messages needs the right to read the stream", async () => {
  await using app = await openSecuredApp();
  const reader = await app.createUser("rita", { groups: ["readers"] });
  const other = await app.createUser("otto");
  await app.writeAcl("s", { $r: "readers" });
  await append(app, "s", [0, 1]);
  await create(app);
  const requests = [
    ["GET", `${GROUP}/1`, 200],
    ["POST", `${GROUP}/ack/${testUuid(0)}`, 202],
    ["POST", `${GROUP}/nack?ids=${testUuid(1)}`, 202],
  ] as const;
  for (const [method, path, allowed] of requests) {
    for (const headers of [{}, other, OPS]) {
      const answer = await app.send(path, { method, headers });
      assertEquals(answer.status, 401, path);
    }
    for (const headers of [reader, ADMIN]) {
      const answer = await app.send(path, { method, headers });
      assertEquals(answer.status, allowed, path);
    }
  }
  assertEquals((await ask(app, "", other)).status, 401);
});

Deno.test("changing groups needs the right to write $settings", async () => {
  await using app = await openSecuredApp();
  const requests = [
    ["PUT", GROUP, {}],
    ["POST", GROUP, {}],
    ["POST", `${GROUP}/replayParked`, undefined],
    ["POST", `${GROUP}/discardParked?ids=${testUuid(1)}`, undefined],
    ["DELETE", GROUP, undefined],
  ] as const;
  const statuses = async (headers: Headers): Promise<number[]> => {
    const all: number[] = [];
    for (const [method, path, body] of requests) {
      const answer = await app.send(path, {
        method,
        headers: { ...headers, ...JSON_TYPE },
        ...(body && { body: JSON.stringify(body) }),
      });
      await app.timers.pass(0);
      all.push(answer.status);
    }
    return all;
  };
  assertEquals(await statuses({}), [401, 401, 401, 401, 401]);
  assertEquals(await statuses(OPS), [401, 401, 401, 401, 401]);
  assertEquals(await statuses(ADMIN), [201, 200, 200, 200, 200]);
  await app.writeAcl("$settings", { $w: ["$ops"], $r: "$admins" });
  assertEquals(await statuses(OPS), [201, 200, 200, 200, 200]);
});

Deno.test("a link is followed for those who may read its target", async () => {
  await using app = await openSecuredApp();
  await append(app, "secret", [0, 1]);
  await app.writeAcl("secret", { $r: "$admins" });
  const links = [0, 1].map((number) => ({
    eventId: testUuid(10 + number),
    eventType: "$>",
    data: `${number}@secret`,
  }));
  await app.append("s", links);
  await create(app, { resolveLinktos: true });
  const [first] = (await take(app, { count: 1, headers: {} })).entries;
  assertEquals(first?.eventType, "$>");
  assertEquals(first?.streamId, "s");
  const [second] = (await take(app, { count: 1 })).entries;
  assertEquals(second?.eventType, "t");
  assertEquals([second?.streamId, second?.positionStreamId], ["secret", "s"]);
  // Both are acknowledged by the id of the link.
  assertEquals(await post(app, `${GROUP}/ack?ids=${testUuid(10)}`), 202);
  assertEquals((await infoOf(app)).totalInFlightMessages, 1);
});

Deno.test("$all may be shared, by those who may read it, and filtered", async () => {
  await using app = await openSecuredApp();
  const path = "/subscriptions/$all/g";
  await create(app, { filterType: "wanted", startFrom: -1 }, path);
  await append(app, "a", [1], "wanted");
  await append(app, "b", [2], "other");
  await append(app, "b", [3], "wanted");
  assertEquals((await app.get(`${path}/1`, "*/*")).status, 401);
  assertEquals(await titles(app, { path }), ["0@a", "1@b"]);
  assertStringIncludes(
    JSON.stringify((await infoOf(app, path)).config),
    '"filterType":"wanted"',
  );
});

/** Lets a long poll come so far that it is held. */
async function untilHeld(app: SecuredApp): Promise<void> {
  for (;;) {
    const { body } = await app.send("/metrics", { headers: ADMIN });
    if (body.includes("quipu_long_polls 1\n")) return;
    await settle();
  }
}

Deno.test("ES-LongPoll waits for the first message", async () => {
  await using app = await openSecuredApp();
  await create(app, { messageTimeoutMilliseconds: 120_000 });
  const headers = { ...ADMIN, "ES-LongPoll": "60" };
  const held = titles(app, { headers });
  await append(app, "s", [0]);
  assertEquals(await held, ["0@s"]);
  const late = titles(app, { headers });
  await untilHeld(app);
  await app.timers.pass(60_000);
  assertEquals(await late, []);
  const stopped = titles(app, { headers });
  await untilHeld(app);
  app.app.endLongPolls();
  assertEquals(await stopped, []);
});

Deno.test("a consumer that is pushed to gets what is written, and is shown", async () => {
  await using app = await openSecuredApp();
  await create(app);
  await using reader = await connect(app, "?buffer=2");
  const first = nextTitle(reader);
  await append(app, "s", [0, 1, 2]);
  assertEquals(await first, "0@s");
  assertEquals(await nextTitle(reader), "1@s");
  const [connection] = (await infoOf(app)).connections;
  assertEquals(connection.username, "admin");
  assertEquals([connection.availableSlots, connection.inFlightMessages], [
    0,
    2,
  ]);
  // It holds two at most: the third comes with room for it.
  const third = nextTitle(reader);
  assertEquals(await post(app, `${GROUP}/ack/${testUuid(0)}`), 202);
  assertEquals(await third, "2@s");
});

Deno.test("what a consumer holds goes to others when its connection ends", async () => {
  await using app = await openSecuredApp();
  await create(app);
  await append(app, "s", [0, 1]);
  const reader = await connect(app);
  assertEquals(await nextTitle(reader), "0@s");
  assertEquals(await titles(app), []);
  await reader[Symbol.asyncDispose]();
  await app.timers.pass(0);
  assertEquals(await titles(app), ["0@s", "1@s"]);
  assertEquals((await infoOf(app)).connections, []);
});

Deno.test("no more consumers are connected than the group allows", async () => {
  await using app = await openSecuredApp();
  await create(app, { maxSubscriberCount: 1 });
  const reader = await connect(app);
  const refused = await ask(app, "", ADMIN);
  assertEquals(refused.status, 503);
  assert((await refused.text()).length > 0);
  await reader[Symbol.asyncDispose]();
  await app.timers.pass(0);
  await using _again = await connect(app);
});

Deno.test("a consumer is told when its group changes or goes", async () => {
  await using app = await openSecuredApp();
  await create(app);
  const endOf = async (reader: EventSourceReader): Promise<string> => {
    let last = "";
    for (;;) {
      const sent = await reader.nextAny();
      if (sent === undefined) return last;
      last = sent.data;
    }
  };
  const changed = await connect(app);
  const firstEnd = endOf(changed);
  await app.sendJson(GROUP, {}, { headers: ADMIN });
  assertStringIncludes(await firstEnd, "changed");
  const deleted = await connect(app);
  const lastEnd = endOf(deleted);
  await app.send(GROUP, { method: "DELETE", headers: ADMIN });
  assertStringIncludes(await lastEnd, "deleted");
});

Deno.test("an access token opens a consumer, and acknowledges nothing", async () => {
  await using app = await openSecuredApp();
  await app.writeAcl("s", { $r: "$admins" });
  await append(app, "s", [0]);
  await create(app);
  const path = "/users/$current/access-token";
  const made = await app.sendJson(path, {}, { headers: ADMIN });
  const query = `?access_token=${JSON.parse(made.body).accessToken}`;
  await using reader = await connect(app, query, {});
  assertEquals(await nextTitle(reader), "0@s");
  const target = `${GROUP}/ack/${testUuid(0)}${query}`;
  assertEquals(await post(app, target, {}), 401);
  const asFeed = await app.get(`${GROUP}${query}`, COMPETING_JSON);
  assertEquals(asFeed.status, 401);
});

Deno.test("parked messages are counted, replayed up to a number, and given up", async () => {
  await using app = await openSecuredApp();
  await append(app, "s", [0, 1, 2]);
  await create(app);
  await take(app);
  const ids = [0, 1, 2].map(testUuid).join(",");
  assertEquals(await post(app, `${GROUP}/nack?ids=${ids}&action=park`), 202);
  const info = await infoOf(app);
  assertEquals(info.parkedMessagesCount, 3);
  const parked = await app.get(
    `${info.parkedMessageUri.replace(TEST_BASE_URL, "")}?embed=rich`,
    "application/vnd.eventstore.atom+json",
    { ...ADMIN, "ES-ResolveLinkTos": "false" },
  );
  const [, middle] = JSON.parse(parked.body).entries;
  const discard = `${GROUP}/discardParked?ids=${middle.eventId}`;
  assertEquals(await post(app, discard), 200);
  assertEquals((await infoOf(app)).parkedMessagesCount, 2);
  assertEquals(await post(app, `${GROUP}/replayParked?stopAt=1`), 200);
  assertEquals(await titles(app), ["0@s"]);
  assertEquals(await post(app, `${GROUP}/replayParked`), 200);
  assertEquals(await titles(app), ["2@s"]);
  assertEquals((await infoOf(app)).parkedMessagesCount, 0);
});

Deno.test("each change of a subscription is audited, and no refusal", async () => {
  await using app = await openSecuredApp();
  const audited = () =>
    app.auth.logged.filter(([event]) => event.startsWith("subscription."));
  await create(app);
  await app.sendJson(GROUP, {}, { headers: ADMIN });
  await app.sendJson(GROUP, {}, { headers: OPS });
  await post(app, `${GROUP}/replayParked`);
  await post(app, `${GROUP}/discardParked?ids=${testUuid(1)}`);
  await app.send(GROUP, { method: "DELETE", headers: ADMIN });
  await app.send(GROUP, { method: "DELETE", headers: ADMIN });
  assertEquals(audited().map(([event]) => event), [
    "subscription.created",
    "subscription.updated",
    "subscription.parked_replayed",
    "subscription.parked_discarded",
    "subscription.deleted",
  ]);
  for (const [event, fields] of audited()) {
    const wanted = { stream: "s", group: "g", by: "admin", from: "127.0.0.1" };
    assertEquals(fields, wanted, event);
  }
});

Deno.test("documents follow the forwarded headers", async () => {
  await using app = await openSecuredApp();
  await append(app, "s", [0]);
  await create(app);
  const headers = {
    ...ADMIN,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "events.example.org",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Prefix": "/quipu",
  };
  const base = "https://events.example.org/quipu";
  const info = await app.get(`${GROUP}/info`, "*/*", headers);
  assertEquals(
    JSON.parse(info.body).getMessagesUri,
    `${base}/subscriptions/s/g/1`,
  );
  const { links } = await take(app, { headers });
  assertEquals(links.at(-1)?.uri, `${base}/subscriptions/s/g`);
});
