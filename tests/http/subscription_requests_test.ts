/**
 * What requests about persistent subscriptions become, and what becomes of the
 * answers of the service: the interface over a service that only notes what it
 * is asked.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type {
  CommandOutcome,
  Consumer,
  ConsumerNews,
  GroupInfo,
  Message,
  SubscriptionService,
} from "../../lib/subscriptions/contract.ts";
import { DEFAULT_SETTINGS } from "../../lib/subscriptions/settings.ts";
import { EventSourceReader } from "../support/event_source.ts";
import { testUuid } from "../support/events.ts";
import { plainEvent } from "../support/recorded_events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_INFO,
  TEST_LOGINS,
  type TestApp,
} from "../support/test_app.ts";

const JSON_TYPE = "application/json";
const COMPETING_JSON = "application/vnd.eventstore.competingatom+json";
const COMPETING_XML = "application/vnd.eventstore.competingatom+xml";
const GROUP = "/subscriptions/s1/g";
const ID = testUuid(7);

const INFO: GroupInfo = {
  group: { streamName: "s1", groupName: "g" },
  settings: DEFAULT_SETTINGS,
  status: "Live",
  averageItemsPerSecond: 2,
  totalItemsProcessed: 3,
  countSinceLastMeasurement: 0,
  lastProcessedEventNumber: -1,
  lastKnownEventNumber: 4,
  readBufferCount: 5,
  liveBufferCount: 6,
  retryBufferCount: 7,
  totalInFlightMessages: 8,
  connections: [{
    from: "127.0.0.1",
    username: "anonymous",
    averageItemsPerSecond: 0.5,
    totalItemsProcessed: 1,
    countSinceLastMeasurement: 0,
    availableSlots: 9,
    inFlightMessages: 1,
  }],
  outstandingMessagesCount: 9,
  parkedMessageCount: 10,
  oldestInFlightMs: 11,
  lagEvents: 12,
  lagMs: 13,
};

/** A service that notes its commands and answers what it was told to. */
interface FakeService extends SubscriptionService {
  /** `name` and what it was asked, as JSON. */
  readonly asked: string[];
  outcome: CommandOutcome;
  messages: readonly Message[];
  refusal: "notFound" | "unauthorized" | "tooMany" | undefined;
  readonly consumer: FakeConsumer;
}

interface FakeConsumer extends Consumer {
  isClosed: boolean;
  hand(news: ConsumerNews): void;
}

function createFakeConsumer(): FakeConsumer {
  const news: ConsumerNews[] = [];
  let waiting: ((next: ConsumerNews) => void) | undefined;
  return {
    isClosed: false,
    next() {
      const next = news.shift();
      if (next !== undefined) return Promise.resolve(next);
      return new Promise((resolve) => waiting = resolve);
    },
    hand(next) {
      if (waiting === undefined) news.push(next);
      else waiting(next);
      waiting = undefined;
    },
    close() {
      this.isClosed = true;
    },
  };
}

function createFakeService(): FakeService {
  const asked: string[] = [];
  const note = (name: string, command: unknown): void => {
    asked.push(`${name} ${JSON.stringify(command)}`);
  };
  const command = (name: string) => (_: unknown, asked: unknown) => {
    note(name, asked);
    return Promise.resolve(fake.outcome);
  };
  const fake: FakeService = {
    asked,
    outcome: { result: "Success", reason: "" },
    messages: [],
    refusal: undefined,
    consumer: createFakeConsumer(),
    create: command("create"),
    update: command("update"),
    delete: command("delete"),
    replayParked: command("replayParked"),
    discardParked: command("discardParked"),
    read(_, { signal: _signal, ...command }) {
      note("read", command);
      const { refusal } = fake;
      return Promise.resolve(
        refusal === "tooMany"
          ? { kind: "tooManyHeld" }
          : refusal !== undefined
          ? { kind: refusal }
          : { kind: "messages", messages: fake.messages },
      );
    },
    ack(_, command) {
      note("ack", command);
      return Promise.resolve({
        kind: fake.refusal === "unauthorized" ? "unauthorized" : "accepted",
      });
    },
    nack(_, command) {
      note("nack", command);
      return Promise.resolve({
        kind: fake.refusal === "unauthorized" ? "unauthorized" : "accepted",
      });
    },
    connect(_, command) {
      note("connect", command);
      const { refusal, consumer } = fake;
      return Promise.resolve(
        refusal === "tooMany"
          ? { kind: "tooMany", reason: "Too many consumers" }
          : refusal !== undefined
          ? { kind: refusal }
          : { kind: "connected", consumer },
      );
    },
    list: () => Promise.resolve([INFO]),
    listOf: (streamName) =>
      Promise.resolve(
        streamName === "s1" ? [INFO] : streamName === "had" ? [] : undefined,
      ),
    info: ({ groupName }) =>
      Promise.resolve(groupName === "g" ? INFO : undefined),
    groupNamesOf: (streamName) => streamName === "s1" ? ["g", "h i"] : [],
    counts: () => [],
    endWaiting: () => fake.consumer.hand({ kind: "ended", reason: "stopping" }),
    close: () => Promise.resolve(),
  };
  return fake;
}

function openApp(): TestApp & { readonly fake: FakeService } {
  const fake = createFakeService();
  return { ...openTestApp({ app: { subscriptions: fake } }), fake };
}

function messageOf(number: number): Message {
  const event = plainEvent({ eventNumber: number });
  return { id: event.original.eventId, event, retryCount: 0 };
}

const COUNTS: readonly (readonly [string, number])[] = [
  ["", 1],
  ["/1", 1],
  ["/100", 100],
  ["/+5", 5],
  ["/007", 7],
];

const BAD_COUNTS: readonly (readonly [string, number])[] = [
  ["/0", 0],
  ["/-1", -1],
  ["/101", 101],
  ["/1.5", 0],
  ["/1e1", 0],
  ["/one", 0],
  ["/%20", 0],
  ["/99999999999", 0],
  ["/ack", 0],
  ["/nack", 0],
  ["/replayParked", 0],
  ["/discardParked", 0],
];

Deno.test("GET /subscriptions/{stream}/{group}[/{count}] takes so many messages", async () => {
  await using app = openApp();
  for (const [path, count] of COUNTS) {
    const answer = await app.get(GROUP + path, COMPETING_JSON);
    assertEquals(answer.status, 200, path);
    const command = { group: INFO.group, count, longPollMs: 0 };
    assertEquals(app.fake.asked.pop(), `read ${JSON.stringify(command)}`);
  }
  for (const [path, count] of BAD_COUNTS) {
    const answer = await app.get(GROUP + path, COMPETING_JSON);
    assertEquals(answer.status, 400, path);
    assertEquals(
      answer.body,
      "Message count must be an integer between 1 and 100 'count' " +
        `='${count}'`,
    );
  }
  assertEquals(app.fake.asked, []);
});

Deno.test("messages are a feed, the last one first, with links to answer", async () => {
  await using app = openApp();
  app.fake.messages = [messageOf(3), messageOf(1)];
  const [first, last] = app.fake.messages.map(({ id }) => id);
  const answer = await app.get(`${GROUP}/2?embed=rich`, COMPETING_JSON);
  const uri = TEST_BASE_URL + GROUP;
  const feed = JSON.parse(answer.body);
  assertEquals(feed.title, "Messages for 's1/g'");
  assertEquals(feed.id, uri);
  assertEquals(feed.headOfStream, false);
  assertEquals(feed.links, [
    { uri: `${uri}/ack?ids=${first},${last}`, relation: "ackAll" },
    { uri: `${uri}/nack?ids=${first},${last}`, relation: "nackAll" },
    { uri: `${uri}/2`, relation: "previous" },
    { uri, relation: "self" },
  ]);
  assertEquals(
    feed.entries.map(({ eventId }: { eventId: string }) => eventId),
    [last, first],
  );
  assertEquals(feed.entries[0].links.slice(2), [
    { uri: `${uri}/ack/${last}`, relation: "ack" },
    { uri: `${uri}/nack/${last}`, relation: "nack" },
  ]);
  assertEquals(feed.updated, feed.entries[0].updated);
  assertEquals(
    [...answer.headers.keys()].filter((name) => /etag|cache|vary/.test(name)),
    [],
  );
});

Deno.test("no messages are a feed without entries and time", async () => {
  await using app = openApp();
  const json = JSON.parse((await app.get(GROUP, COMPETING_JSON)).body);
  assertEquals(json.updated, "0001-01-01T00:00:00Z");
  assertEquals(json.entries, []);
  assertEquals(
    json.links.map(({ relation }: { relation: string }) => relation),
    ["previous", "self"],
  );
  const xml = await app.get(GROUP);
  assertEquals(
    xml.headers.get("Content-Type"),
    `${COMPETING_XML}; charset=utf-8`,
  );
  assertStringIncludes(xml.body, "<updated>0001-01-01T00:00:00Z</updated>");
});

Deno.test("a message that cannot be resolved leaves the feed without its time", async () => {
  await using app = openApp();
  const whole = messageOf(1);
  const broken: Message = {
    ...messageOf(0),
    event: {
      ...messageOf(0).event,
      link: { streamName: "gone", eventNumber: 3 },
    },
  };
  const timeOf = async (messages: readonly Message[]): Promise<string> => {
    app.fake.messages = messages;
    return JSON.parse((await app.get(GROUP, COMPETING_JSON)).body).updated;
  };
  const none = "0001-01-01T00:00:00Z";
  assertEquals(await timeOf([broken, whole]), none);
  assertEquals(await timeOf([whole, broken]), none);
  assert(await timeOf([whole]) !== none);
});

Deno.test("a large page of messages has its links, too", async () => {
  await using app = openApp();
  const data = JSON.stringify({ text: "x".repeat(9000) });
  app.fake.messages = Array.from({ length: 100 }, (_, number) => {
    const event = plainEvent({ eventNumber: number, data });
    return { id: event.original.eventId, event, retryCount: 0 };
  });
  for (const type of [COMPETING_JSON, COMPETING_XML]) {
    const answer = await app.get(`${GROUP}/100?embed=body`, type);
    assertEquals(answer.body.match(/\/nack\/0000/g)?.length, 100, type);
  }
});

Deno.test("a read that is refused says why", async () => {
  await using app = openApp();
  const rows = [
    ["notFound", 404],
    ["unauthorized", 401],
    ["tooMany", 503],
  ] as const;
  for (const [refusal, status] of rows) {
    app.fake.refusal = refusal;
    const answer = await app.get(GROUP, COMPETING_JSON);
    assertEquals(answer.status, status);
    assert(answer.body !== "");
  }
});

Deno.test("types of messages are the competing ones alone", async () => {
  await using app = openApp();
  const rows: [string | undefined, string | undefined][] = [
    [undefined, COMPETING_XML],
    ["*/*", COMPETING_XML],
    ["application/*", COMPETING_XML],
    [COMPETING_JSON, COMPETING_JSON],
    [`${COMPETING_XML};q=0.5,${COMPETING_JSON};q=0.9`, COMPETING_JSON],
    [JSON_TYPE, undefined],
    ["application/atom+xml", undefined],
    ["application/vnd.eventstore.atom+json", undefined],
    ["text/html", undefined],
    ["garbage", undefined],
  ];
  for (const [accept, type] of rows) {
    const answer = await app.get(GROUP, accept);
    const got = answer.headers.get("Content-Type")?.split(";")[0];
    assertEquals(answer.status, type === undefined ? 406 : 200, accept);
    if (type !== undefined) assertEquals(got, type, accept);
  }
  for (const format of ["json", "xml", "atom", "competingjson"]) {
    assertEquals((await app.get(`${GROUP}?format=${format}`)).status, 406);
  }
});

Deno.test("ES-LongPoll holds a read of messages", async () => {
  await using app = openApp();
  const headers = { "ES-LongPoll": "3" };
  await app.get(GROUP, COMPETING_JSON, headers);
  const command = { group: INFO.group, count: 1, longPollMs: 3000 };
  assertEquals(app.fake.asked, [`read ${JSON.stringify(command)}`]);
  const bad = await app.get(GROUP, COMPETING_JSON, { "ES-LongPoll": "x" });
  assertEquals(bad.status, 400);
});

Deno.test("HEAD takes no messages", async () => {
  await using app = openApp();
  for (const path of [GROUP, `${GROUP}/5`, `${GROUP}/ack`]) {
    const answer = await app.send(path, { method: "HEAD" });
    assertEquals(answer.status, 405, path);
  }
  for (const path of ["/subscriptions", "/subscriptions/s1", `${GROUP}/info`]) {
    assertEquals((await app.send(path, { method: "HEAD" })).status, 200, path);
  }
  assertEquals(app.fake.asked, []);
});

const ID_FORMS: readonly string[] = [
  ID,
  ID.toUpperCase(),
  ID.replaceAll("-", ""),
  `{${ID}}`,
  `(${ID})`,
];

Deno.test("an id of a message is a UUID in any form", async () => {
  await using app = openApp();
  const command = { group: INFO.group, ids: [ID] };
  for (const form of ID_FORMS) {
    for (const path of [`/ack/${form}`, `/ack?ids=${form}`]) {
      const answer = await app.send(GROUP + path, { method: "POST" });
      assertEquals(answer.status, 202, path);
      assertEquals(answer.body, "");
      assertEquals(answer.headers.get("Content-Type"), null);
      assertEquals(app.fake.asked.pop(), `ack ${JSON.stringify(command)}`);
    }
  }
  const nil = "00000000-0000-0000-0000-000000000000";
  const answer = await app.send(`${GROUP}/ack/${nil}`, { method: "POST" });
  assertEquals(answer.status, 202);
});

Deno.test("several ids stand in one or more parameters", async () => {
  await using app = openApp();
  const ids = [testUuid(3), testUuid(1), testUuid(2)];
  const [a, b, c] = ids;
  for (const query of [`ids=${a},${b},${c}`, `ids=${a}&ids=${b},${c}`]) {
    for (const verb of ["ack", "nack"]) {
      await app.send(`${GROUP}/${verb}?${query}`, { method: "POST" });
      const action = verb === "nack" ? { action: "retry" } : {};
      assertEquals(
        app.fake.asked.pop(),
        `${verb} ${JSON.stringify({ group: INFO.group, ids, ...action })}`,
      );
    }
  }
});

Deno.test("an id that is none acknowledges nothing", async () => {
  await using app = openApp();
  const bad = ["x", `${ID}x`, ID.slice(1), "", `${ID},`, `,${ID}`, `${ID},x`];
  for (const ids of bad) {
    for (const path of ["ack", "nack", "discardParked"]) {
      const target = `${GROUP}/${path}?ids=${ids}`;
      const answer = await app.send(target, { method: "POST" });
      assertEquals(answer.status, 400, target);
      assertEquals(answer.body, "messageid should be a properly formed guid");
    }
  }
  for (const path of ["ack", "nack", "discardParked", "ack/x", "nack/x"]) {
    const answer = await app.send(`${GROUP}/${path}`, { method: "POST" });
    assertEquals(answer.status, 400, path);
  }
  assertEquals(app.fake.asked, []);
});

Deno.test("an action counts in any case, and an unknown one is Retry", async () => {
  await using app = openApp();
  const rows = [
    ["Park", "park"],
    ["PARK", "park"],
    ["skip", "skip"],
    ["Stop", "stop"],
    ["Retry", "retry"],
    ["bogus", "retry"],
    ["", "retry"],
  ];
  for (const [action, wanted] of rows) {
    const query = `action=${action}`;
    for (const path of [`/nack/${ID}?${query}`, `/nack?ids=${ID}&${query}`]) {
      await app.send(GROUP + path, { method: "POST" });
      assertEquals(
        app.fake.asked.pop(),
        `nack ${
          JSON.stringify({ group: INFO.group, ids: [ID], action: wanted })
        }`,
      );
    }
  }
});

Deno.test("an ack takes any body and type, but answers in JSON or XML", async () => {
  await using app = openApp();
  const path = `${GROUP}/ack/${ID}`;
  for (const [type, body] of [[JSON_TYPE, "{}"], ["x/y", "garbage"]]) {
    const headers = { "Content-Type": type ?? "" };
    const answer = await app.send(path, { headers, body: body ?? "" });
    assertEquals(answer.status, 202);
  }
  for (const [accept, status] of [["text/xml", 202], ["text/html", 406]]) {
    const headers = { Accept: String(accept) };
    const answer = await app.send(path, { method: "POST", headers });
    assertEquals(answer.status, status);
  }
});

Deno.test("ack and nack without the right to read are 401", async () => {
  await using app = openApp();
  app.fake.refusal = "unauthorized";
  for (const path of [`ack/${ID}`, `nack?ids=${ID}`]) {
    const answer = await app.send(`${GROUP}/${path}`, { method: "POST" });
    assertEquals(answer.status, 401);
    assertEquals(answer.headers.get("WWW-Authenticate"), 'Basic realm="ES"');
  }
});

/** Status of each result, by command. */
const RESULTS:
  readonly (readonly [CommandOutcome["result"], number, number])[] = [
    ["Success", 201, 200],
    ["AlreadyExists", 409, 409],
    ["DoesNotExist", 404, 404],
    ["AccessDenied", 401, 401],
    ["Fail", 400, 400],
  ];

Deno.test("commands are answered with their result, and where the group is", async () => {
  await using app = openApp();
  const headers = { "Content-Type": JSON_TYPE };
  for (const [result, createStatus, status] of RESULTS) {
    app.fake.outcome = { result, reason: "Because" };
    const rows = [
      ["PUT", GROUP, "{}", createStatus],
      ["POST", GROUP, "{}", status],
      ["DELETE", GROUP, undefined, status],
      ["POST", `${GROUP}/replayParked`, undefined, status],
      ["POST", `${GROUP}/discardParked?ids=${ID}`, undefined, status],
    ] as const;
    for (const [method, path, body, wanted] of rows) {
      const answer = await app.send(path, {
        method,
        headers,
        ...(body !== undefined && { body }),
      });
      assertEquals(answer.status, wanted, `${method} ${path}`);
      const document = JSON.parse(answer.body);
      assertEquals(Object.keys(document), [
        "correlationId",
        "reason",
        "result",
        "msgTypeId",
      ]);
      assertEquals(document.result, result);
      assertEquals(document.reason, "Because");
      const isNamed = path === GROUP && method !== "DELETE";
      const location = isNamed ? TEST_BASE_URL + GROUP : null;
      assertEquals(answer.headers.get("Location"), location);
    }
  }
  const accept = { Accept: "text/xml" };
  const xml = await app.send(GROUP, { method: "DELETE", headers: accept });
  assertEquals(xml.headers.get("Content-Type"), "text/xml; charset=utf-8");
  assertStringIncludes(xml.body, "<Result>Fail</Result>");
});

Deno.test("names stand in the location as an address may hold them", async () => {
  await using app = openApp();
  const rows = [
    ["/subscriptions/$all/g", "/subscriptions/$all/g"],
    ["/subscriptions/%24all/g", "/subscriptions/$all/g"],
    ["/subscriptions/a@b+c/d::e", "/subscriptions/a@b+c/d::e"],
    ["/subscriptions/a%20b/%D0%B3", "/subscriptions/a%20b/%D0%B3"],
    ["/subscriptions/a%25b/c", "/subscriptions/a%25b/c"],
    ["/subscriptions/a%3Fb/c%23d", "/subscriptions/a%3Fb/c%23d"],
  ];
  for (const [path = "", wanted = ""] of rows) {
    const headers = { "Content-Type": JSON_TYPE };
    const answer = await app.send(path, { method: "PUT", headers, body: "{}" });
    assertEquals(answer.headers.get("Location"), TEST_BASE_URL + wanted);
  }
});

Deno.test("settings come as JSON or XML, in any case, and as texts", async () => {
  await using app = openApp();
  const wanted = JSON.stringify({
    group: INFO.group,
    settings: {
      ...DEFAULT_SETTINGS,
      resolveLinks: true,
      maxRetryCount: 7,
      strategy: "Pinned",
    },
  });
  const xml = "<SubscriptionConfigData><ResolveLinktos>true</ResolveLinktos>" +
    "<MaxRetryCount>7</MaxRetryCount>" +
    "<NamedConsumerStrategy>Pinned</NamedConsumerStrategy>" +
    "</SubscriptionConfigData>";
  const bodies = [
    [JSON_TYPE, '{"resolveLinkTos":true,"maxRetryCount":7,'],
    [JSON_TYPE, '{"ResolveLinktos":"true","MAXRETRYCOUNT":"7","other":[],'],
  ].map(([type, start]) => [
    type,
    `${start}"namedConsumerStrategy":"Pinned"}`,
  ]);
  for (const [type = "", body = ""] of [...bodies, ["text/xml", xml]]) {
    const headers = { "Content-Type": type };
    for (const [method, name] of [["PUT", "create"], ["POST", "update"]]) {
      await app.send(GROUP, { method: method ?? "", headers, body });
      assertEquals(app.fake.asked.pop(), `${name} ${wanted}`);
    }
  }
});

Deno.test("a body that is no settings is 400, and changes nothing", async () => {
  await using app = openApp();
  const bad = [
    "garbage",
    "[1]",
    "null",
    "42",
    '"text"',
    '{"startFrom":',
    '{"startFrom":"x"}',
    '{"startFrom":1.5}',
    '{"startFrom":99999999999999999999}',
    '{"startFrom":{}}',
    '{"resolveLinktos":7}',
    '{"bufferSize":-1}',
    '{"bufferSize":5,"readBatchSize":5}',
  ];
  for (const body of bad) {
    for (const method of ["PUT", "POST"]) {
      const headers = { "Content-Type": JSON_TYPE };
      const answer = await app.send(GROUP, { method, headers, body });
      assertEquals(answer.status, 400, body);
      assert(answer.body !== "", body);
    }
  }
  const headers = { "Content-Type": JSON_TYPE };
  const body = `{"x":"${"x".repeat(513 * 1024)}"}`;
  const long = await app.send(GROUP, { method: "PUT", headers, body });
  assertEquals(long.status, 413);
  assertEquals(app.fake.asked, []);
});

Deno.test("replayParked takes a number to stop before", async () => {
  await using app = openApp();
  const path = `${GROUP}/replayParked`;
  await app.send(path, { method: "POST" });
  await app.send(`${path}?stopAt=12`, { method: "POST" });
  assertEquals(app.fake.asked, [
    `replayParked ${JSON.stringify({ group: INFO.group })}`,
    `replayParked ${JSON.stringify({ group: INFO.group, stopAt: 12 })}`,
  ]);
  for (const stopAt of ["-1", "x", "1.5", "", "1e3", "9".repeat(20)]) {
    const answer = await app.send(`${path}?stopAt=${stopAt}`, {
      method: "POST",
    });
    assertEquals(answer.status, 400, stopAt);
  }
});

Deno.test("GET …/info shows the recorded members, and then what is ours", async () => {
  await using app = openApp();
  const answer = await app.get(`${GROUP}/info`, JSON_TYPE);
  assertEquals(Object.keys(JSON.parse(answer.body)), [
    "links",
    "config",
    "eventStreamId",
    "groupName",
    "status",
    "averageItemsPerSecond",
    "parkedMessageUri",
    "getMessagesUri",
    "totalItemsProcessed",
    "countSinceLastMeasurement",
    "lastProcessedEventNumber",
    "lastKnownEventNumber",
    "readBufferCount",
    "liveBufferCount",
    "retryBufferCount",
    "totalInFlightMessages",
    "connections",
    "outstandingMessagesCount",
    "parkedMessagesCount",
    "oldestInFlightMilliseconds",
    "lagEvents",
    "lagMilliseconds",
  ]);
  // A rate has a decimal, whole or not.
  assertStringIncludes(answer.body, '"averageItemsPerSecond": 2.0,');
  assertStringIncludes(answer.body, '"averageItemsPerSecond": 0.5,');
  const xml = await app.get(`${GROUP}/info`, "text/xml");
  assertStringIncludes(xml.body, "<Connections><ConnectionInfo><From>");
  assertStringIncludes(xml.body, "<ExtraStatistics /><AvailableSlots>");
  assertEquals((await app.get("/subscriptions/s1/none/info")).status, 404);
});

Deno.test("lists have summaries; a stream that never had a group is 404 and []", async () => {
  await using app = openApp();
  for (const path of ["/subscriptions", "/subscriptions/s1"]) {
    const answer = await app.get(path, JSON_TYPE);
    assertEquals(answer.status, 200);
    assertEquals(JSON.parse(answer.body)[0].connectionCount, 1);
  }
  for (const [path, status] of [["had", 200], ["none", 404]]) {
    const answer = await app.get(`/subscriptions/${path}`, JSON_TYPE);
    assertEquals(answer.status, status);
    assertEquals(answer.body, "[]");
  }
  const xml = await app.get("/subscriptions/none", "text/xml");
  assertStringIncludes(xml.body, "<ArrayOfSubscriptionSummary xmlns:xsd=");
});

Deno.test("the description of a stream names its subscriptions", async () => {
  await using app = openApp();
  const type = "application/vnd.eventstore.streamdesc+json";
  const answer = await app.get("/streams/s1", type);
  const links = JSON.parse(answer.body)._links;
  assertEquals(
    links.streamSubscription.map(({ href }: { href: string }) => href),
    ["/subscriptions/s1/g", "/subscriptions/s1/h%20i"],
  );
  const other = await app.get("/streams/s2", type);
  assert(!("streamSubscription" in JSON.parse(other.body)._links));
});

Deno.test("a server without subscriptions says so", async () => {
  await using app = openTestApp();
  const headers = { "Content-Type": JSON_TYPE };
  const rows = [
    ["GET", "/subscriptions"],
    ["GET", `${GROUP}/info`],
    ["GET", GROUP],
    ["PUT", GROUP],
    ["POST", `${GROUP}/ack/${ID}`],
    ["POST", `${GROUP}/replayParked`],
  ];
  for (const [method = "", path = ""] of rows) {
    const answer = await app.send(path, {
      method,
      headers,
      ...(method === "PUT" && { body: "{}" }),
    });
    assertEquals(answer.status, 503, path);
    assertStringIncludes(answer.body, "not available");
  }
});

Deno.test("pages of other origins take and answer messages only if they are named", async () => {
  const origin = "https://app.example.org";
  const rows = [
    ["GET", GROUP, 200],
    ["POST", `${GROUP}/ack/${ID}`, 202],
    ["POST", `${GROUP}/nack?ids=${ID}`, 202],
  ] as const;
  for (const isNamed of [false, true]) {
    const subscriptions = createFakeService();
    await using app = openTestApp({
      app: { subscriptions, ...(isNamed && { corsOrigins: [origin] }) },
    });
    for (const [method, path, status] of rows) {
      const headers = { Origin: origin, "Sec-Fetch-Site": "cross-site" };
      const answer = await app.send(path, { method, headers });
      assertEquals(answer.status, isNamed ? status : 403, path);
    }
    assertEquals(subscriptions.asked.length, isNamed ? rows.length : 0);
    const info = await app.get(`${GROUP}/info`, JSON_TYPE, { Origin: origin });
    assertEquals(info.status, 200);
  }
});

/** Opens a consumer that is pushed to. */
async function connect(
  { app }: TestApp,
  query = "",
): Promise<EventSourceReader> {
  const request = new Request(`${TEST_BASE_URL}${GROUP}${query}`, {
    headers: { Accept: "text/event-stream", Host: "127.0.0.1:2113" },
  });
  const response = await app(request, TEST_INFO);
  assertEquals(response.status, 200);
  return new EventSourceReader(response.body);
}

Deno.test("text/event-stream pushes messages as entries with their links", async () => {
  await using app = openApp();
  await using reader = await connect(app, "?buffer=3");
  const address = "127.0.0.1";
  assertEquals(app.fake.asked, [
    `connect ${JSON.stringify({ group: INFO.group, slotCount: 3, address })}`,
  ]);
  const messages = [messageOf(0), messageOf(1)];
  app.fake.consumer.hand({ kind: "messages", messages });
  app.fake.messages = messages;
  const { body } = await app.get(`${GROUP}/2?embed=body`, COMPETING_JSON);
  const entries = JSON.parse(body).entries.reverse();
  for (const [index, { id }] of messages.entries()) {
    const sent = await reader.next();
    assertEquals(sent?.type, "message");
    assertEquals(sent?.lastEventId, id);
    assertEquals(JSON.parse(sent?.data ?? ""), entries[index]);
  }
});

Deno.test("a consumer that is pushed to ends with its group, and closes with its client", async () => {
  await using app = openApp();
  await using reader = await connect(app);
  app.fake.consumer.hand({ kind: "ended", reason: "deleted" });
  assertEquals(await reader.next(), undefined);
  assert(app.fake.consumer.isClosed);

  await using other = openApp();
  const leaving = await connect(other);
  other.fake.consumer.hand({ kind: "messages", messages: [messageOf(0)] });
  await leaving.next();
  await leaving[Symbol.asyncDispose]();
  assert(other.fake.consumer.isClosed);
});

Deno.test("a consumer cannot be had where it is refused", async () => {
  await using app = openApp();
  const rows = [
    ["notFound", 404],
    ["unauthorized", 401],
    ["tooMany", 503],
  ] as const;
  for (const [refusal, status] of rows) {
    app.fake.refusal = refusal;
    const answer = await app.get(GROUP, "text/event-stream");
    assertEquals(answer.status, status);
  }
  for (const buffer of ["0", "-1", "x", "1001", "1.5", ""]) {
    const answer = await app.get(`${GROUP}?format=sse&buffer=${buffer}`);
    assertEquals(answer.status, 400, buffer);
  }
});

Deno.test("a wrong password is 401 everywhere", async () => {
  await using app = openApp();
  const headers = { Authorization: TEST_LOGINS.wrong };
  for (const path of ["/subscriptions", GROUP, `${GROUP}/info`]) {
    assertEquals((await app.get(path, undefined, headers)).status, 401);
  }
  const ack = { method: "POST", headers };
  assertEquals((await app.send(`${GROUP}/ack/${ID}`, ack)).status, 401);
});
