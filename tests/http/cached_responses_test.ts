/**
 * Responses from the cache, compared with those of an app without one.
 */

import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../../lib/model/limits.ts";
import type { StreamService } from "../../lib/streams/outcomes.ts";
import { createStreamService } from "../../lib/streams/stream_service.ts";
import { testUuid } from "../support/events.ts";
import { type Random, withSeed } from "../support/random.ts";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import {
  openTestApp,
  type TestAnswer,
  type TestApp,
  type TestAppOptions,
} from "../support/test_app.ts";
import { withoutMarks } from "../support/web_forms.ts";

type HeaderFields = Readonly<Record<string, string>>;

/** One store, with an app that caches responses and one that does not. */
interface Twins extends AsyncDisposable {
  readonly caching: SecuredApp;
  readonly plain: TestApp;
  /** Whether the store has local reads: without them nothing is cached. */
  readonly hasCache: boolean;
  /** Reads of the caching app that were not answered from the cache. */
  readCount(): number;
  /** Asks both, until the response would be stored if it may, and compares. */
  ask(path: string, headers?: HeaderFields): Promise<TestAnswer>;
  append(streamName: string, count?: number): Promise<void>;
  writeMetadata(streamName: string, metadata: unknown): Promise<void>;
}

const ATOM = { Accept: "application/vnd.eventstore.atom+json" };
const TIMES_ASKED = 4;

async function openTwins(app: TestAppOptions["app"] = {}): Promise<Twins> {
  let reads = 0;
  let eventCount = 0;
  const service: { streams?: StreamService } = {};
  const counting = new Proxy({} as StreamService, {
    get(_target, name: keyof StreamService) {
      if (name === "readFeed" || name === "readEvent") reads++;
      return (service.streams ?? fail())[name];
    },
  });
  const caching = await openSecuredApp({ app: { ...app, streams: counting } });
  const { store, clock, auth } = caching;
  service.streams = createStreamService({ store, clock });
  const plain = openTestApp({
    store,
    clock,
    auth,
    app,
    limits: { responseCacheBytes: 0 },
  });
  const write = async (streamName: string, event: unknown) => {
    const name = encodeURIComponent(streamName);
    const answer = await plain.send(`/streams/${name}`, {
      headers: {
        ...ADMIN,
        "Content-Type": "application/vnd.eventstore.events+json",
      },
      body: JSON.stringify([event]),
    });
    assertEquals(answer.status, 201, answer.body);
  };
  return {
    caching,
    plain,
    hasCache: store.local !== undefined,
    readCount: () => reads,
    async ask(path, headers = ATOM) {
      const wanted = await plain.send(path, { headers });
      for (let time = 0; time < TIMES_ASKED; time++) {
        const answer = await caching.send(path, { headers });
        assertEquals(shown(answer), shown(wanted), `${path}, time ${time}`);
      }
      return wanted;
    },
    async append(streamName, count = 1) {
      for (let index = 0; index < count; index++) {
        const number = ++eventCount;
        await write(streamName, {
          eventId: testUuid(number),
          eventType: "T",
          data: { number },
          metadata: { from: "here" },
        });
      }
    },
    writeMetadata: (streamName, metadata) =>
      write(`$$${streamName}`, {
        eventId: testUuid(++eventCount),
        eventType: "$metadata",
        data: metadata,
      }),
    async [Symbol.asyncDispose]() {
      await plain[Symbol.asyncDispose]();
      await caching[Symbol.asyncDispose]();
    },
  };
}

function fail(): never {
  throw new Error("The service is not there yet");
}

function shown({ status, headers, body }: TestAnswer) {
  return { status, headers: [...headers], body: withoutMarks(body) };
}

/** Pages and events of a stream of a few events. */
function pathsOf(name: string): string[] {
  const stream = `/streams/${name}`;
  return [
    stream,
    `${stream}?embed=body`,
    `${stream}?format=html`,
    `${stream}/head`,
    `${stream}/0`,
    `${stream}/2`,
    `${stream}/head/backward/2`,
    `${stream}/3/backward/2`,
    `${stream}/1/backward/20`,
    `${stream}/0/forward/2`,
    `${stream}/0/forward/4`,
    `${stream}/2/forward/20`,
    `${stream}/5/forward/20?embed=body`,
    `${stream}/metadata`,
    `${stream}/metadata/head/backward/5`,
  ];
}

async function askAll(twins: Twins, headers?: HeaderFields): Promise<void> {
  for (const path of pathsOf("s")) await twins.ask(path, headers);
}

Deno.test("a page and an event are made twice, and sent again after that", async () => {
  await using twins = await openTwins();
  await twins.append("s", 5);
  for (const path of ["/streams/s", "/streams/s/3", "/streams/s?embed=body"]) {
    const before = twins.readCount();
    const { status } = await twins.ask(path);
    assertEquals(status, 200);
    const made = twins.hasCache ? 2 : TIMES_ASKED;
    assertEquals(twins.readCount() - before, made, path);
  }
});

Deno.test("nothing that was sent is sent again once something has changed", async (test) => {
  const changes: [string, (twins: Twins) => Promise<unknown>][] = [
    ["an append", (twins) => twins.append("s")],
    ["$maxCount", (twins) => twins.writeMetadata("s", { $maxCount: 2 })],
    ["an append beyond $maxCount", (twins) => twins.append("s")],
    ["$tb", (twins) => twins.writeMetadata("s", { $tb: 3 })],
    ["less of $tb", (twins) => twins.writeMetadata("s", { $tb: 1 })],
    [
      "$cacheControl",
      (twins) => twins.writeMetadata("s", { $cacheControl: 60 }),
    ],
    [
      "an access list",
      (twins) => twins.writeMetadata("s", { $acl: { $r: "$admins" } }),
    ],
    [
      "a new default access list",
      (twins) => appendSettings(twins, { $userStreamAcl: { $r: "$admins" } }),
    ],
    ["no access list of its own", (twins) => twins.writeMetadata("s", {})],
    [
      "the default for everybody",
      (twins) => appendSettings(twins, { $userStreamAcl: { $r: "$all" } }),
    ],
    ["a soft delete", (twins) => remove(twins, {})],
    ["events after it", (twins) => twins.append("s", 2)],
    ["a hard delete", (twins) => remove(twins, { "ES-HardDelete": "true" })],
  ];
  await using twins = await openTwins();
  const user = { ...ATOM, ...await twins.caching.createUser("ann") };
  await twins.append("s", 5);
  await askAll(twins);
  await askAll(twins, user);
  for (const [what, change] of changes) {
    await test.step(what, async () => {
      await change(twins);
      await askAll(twins);
      await askAll(twins, user);
      await askAll(twins, { ...ATOM, ...ADMIN });
    });
  }
});

async function appendSettings(twins: Twins, data: unknown): Promise<void> {
  const { status } = await twins.plain.send("/streams/$settings", {
    headers: {
      ...ADMIN,
      "Content-Type": "application/json",
      "ES-EventType": "update",
      "ES-EventId": crypto.randomUUID(),
    },
    body: JSON.stringify(data),
  });
  assertEquals(status, 201);
}

async function remove(twins: Twins, headers: HeaderFields): Promise<void> {
  const request = { method: "DELETE", headers: { ...ADMIN, ...headers } };
  const { status } = await twins.plain.send("/streams/s", request);
  assertEquals(status, 204);
}

Deno.test("pages of the past are sent again however much is added", async () => {
  await using twins = await openTwins();
  await twins.append("s", 6);
  const settled = [
    "/streams/s/2",
    "/streams/s/3/backward/2",
    "/streams/s/0/forward/4",
  ];
  for (const path of settled) await twins.ask(path);
  await twins.append("s", 3);
  const before = twins.readCount();
  for (const path of settled) await twins.ask(path);
  const made = twins.hasCache ? 0 : settled.length * TIMES_ASKED;
  assertEquals(twins.readCount() - before, made);
});

Deno.test("a forward page that ends in the newest event does not stay the end", async () => {
  await using twins = await openTwins();
  await twins.append("s", 4);
  await twins.ask("/streams/s/0/forward/4");
  await twins.append("s");
  const { body } = await twins.ask("/streams/s/0/forward/4");
  assertEquals(JSON.parse(body).headOfStream, false);
});

Deno.test("what $maxCount hides after more events is not sent again", async () => {
  await using twins = await openTwins();
  await twins.writeMetadata("s", { $maxCount: 3 });
  await twins.append("s", 3);
  const paths = ["/streams/s/0", "/streams/s/1/backward/2"];
  for (const path of paths) assertEquals((await twins.ask(path)).status, 200);
  await twins.append("s");
  assertEquals((await twins.ask("/streams/s/0")).status, 404);
  const { body } = await twins.ask("/streams/s/1/backward/2");
  assertEquals(JSON.parse(body).entries.length, 1);
});

Deno.test("a read that may be held is never answered with what is known", async () => {
  await using twins = await openTwins();
  await twins.append("s", 3);
  const path = "/streams/s/1/forward/20";
  assertEquals((await twins.ask(path)).status, 200);
  const malformed = { ...ATOM, "ES-LongPoll": "soon" };
  assertEquals((await twins.ask(path, malformed)).status, 400);
  const before = twins.readCount();
  await twins.ask(path, { ...ATOM, "ES-LongPoll": "1" });
  assertEquals(twins.readCount() - before, TIMES_ASKED);
});

Deno.test("what age hides is never sent again", async () => {
  await using twins = await openTwins();
  await twins.writeMetadata("s", { $maxAge: 10 });
  await twins.append("s", 3);
  await askAll(twins);
  twins.caching.clock.advanceMs(11_000);
  await askAll(twins);
  const { body } = await twins.ask("/streams/s");
  assertEquals(JSON.parse(body).entries, []);
});

Deno.test("only those who may read get what was sent to others", async () => {
  await using twins = await openTwins();
  const { caching } = twins;
  const ann = await caching.createUser("ann", { groups: ["readers"] });
  const bob = await caching.createUser("bob");
  await twins.append("s", 3);
  await twins.writeMetadata("s", { $acl: { $r: "readers" } });
  const statusOf = async (path: string, headers: HeaderFields) =>
    (await twins.ask(path, { ...ATOM, ...headers })).status;
  for (const path of ["/streams/s", "/streams/s/0"]) {
    assertEquals(await statusOf(path, ann), 200);
    assertEquals(await statusOf(path, bob), 401);
    assertEquals(await statusOf(path, {}), 401);
  }
  const { headers } = await caching.send("/streams/s", {
    headers: { ...ATOM, ...ann },
  });
  const conditional = { "If-None-Match": headers.get("ETag") ?? "" };
  assertEquals(await statusOf("/streams/s", { ...ann, ...conditional }), 304);
  assertEquals(await statusOf("/streams/s", { ...bob, ...conditional }), 401);
  const update = { fullName: "ann", groups: [] };
  await caching.sendJson("/users/ann", update, {
    method: "PUT",
    headers: ADMIN,
  });
  assertEquals(await statusOf("/streams/s", ann), 401);
  assertEquals(await statusOf("/streams/s", { ...ann, ...conditional }), 401);
  await caching.sendJson("/users/bob", { fullName: "b", groups: ["readers"] }, {
    method: "PUT",
    headers: ADMIN,
  });
  assertEquals(await statusOf("/streams/s", bob), 200);
  await caching.send("/users/bob/command/disable", {
    method: "POST",
    headers: ADMIN,
  });
  assertEquals(await statusOf("/streams/s", bob), 401);
});

Deno.test("each address, type and way to follow links has answers of its own", async () => {
  await using twins = await openTwins();
  await twins.append("s", 5);
  const variants: HeaderFields[] = [
    {},
    { Host: "other.example:80" },
    { Host: "no host" },
    { "X-Forwarded-Host": "proxy.example" },
    { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443" },
    { "X-Forwarded-Prefix": "/quipu" },
    { Accept: "application/atom+xml" },
    { Accept: "null" },
    { Accept: "" },
    { Accept: "text/html" },
    { Accept: "application/json" },
    { Accept: "image/png" },
    { "ES-ResolveLinkTos": "false" },
    { "ES-ResolveLinkTos": "maybe" },
    { "ES-RequireMaster": "yes" },
    { "ES-LongPoll": "0" },
    { "If-None-Match": '"4;248368668"' },
    { "If-None-Match": "4;248368668" },
    { "If-None-Match": '"3;248368668"' },
  ];
  for (let round = 0; round < 2; round++) {
    for (const variant of variants) {
      await askAll(twins, { ...ATOM, ...variant });
    }
    const { Accept: _, ...without } = ATOM;
    await askAll(twins, without);
  }
});

Deno.test("events that may not be seen any more do not stay in pages of links", async () => {
  await using twins = await openTwins();
  const resolving = { ...ATOM, "ES-ResolveLinkTos": "true" };
  await twins.append("secret-1", 2);
  const paths = ["/streams/$ce-secret?embed=body", "/streams/$ce-secret/0"];
  for (const path of paths) await twins.ask(path, resolving);
  await twins.writeMetadata("secret-1", { $acl: { $r: "$admins" } });
  for (const path of paths) await twins.ask(path, resolving);
  await twins.writeMetadata("secret-1", { $tb: 1 });
  for (const path of paths) await twins.ask(path, resolving);
});

Deno.test("HEAD and POST are answered by themselves", async () => {
  await using twins = await openTwins();
  await twins.append("s", 3);
  await twins.ask("/streams/s");
  const head = await twins.caching.send("/streams/s", {
    method: "HEAD",
    headers: ATOM,
  });
  assertEquals([head.status, head.body], [200, ""]);
  const put = await twins.caching.send("/streams/s", {
    method: "PUT",
    headers: ATOM,
  });
  assertEquals(put.status, 405);
});

Deno.test("a page of one site is not answered with what another one was allowed", async () => {
  const corsOrigins = ["https://a.example", "https://b.example"];
  await using twins = await openTwins({ corsOrigins });
  await twins.append("s", 3);
  for (const Origin of [...corsOrigins, "https://evil.example"]) {
    for (const path of ["/streams/s", "/streams/s/0"]) {
      const { headers } = await twins.ask(path, { ...ATOM, Origin });
      const allowed = Origin.includes("evil") ? null : Origin;
      assertEquals(headers.get("Access-Control-Allow-Origin"), allowed);
      await twins.ask(path, {
        ...ATOM,
        Origin,
        "If-None-Match": '"2;248368668"',
      });
    }
  }
});

Deno.test("a 304 is known before its page, and gives way to it", async () => {
  await using twins = await openTwins();
  await twins.append("s", 3);
  const conditional = { ...ATOM, "If-None-Match": '"2;248368668"' };
  assertEquals((await twins.ask("/streams/s", conditional)).status, 304);
  const before = twins.readCount();
  assertEquals((await twins.ask("/streams/s", conditional)).status, 304);
  const made = twins.hasCache ? 0 : TIMES_ASKED;
  assertEquals(twins.readCount() - before, made);
  assertEquals((await twins.ask("/streams/s")).status, 200);
  assertEquals((await twins.ask("/streams/s", conditional)).status, 304);
  await twins.append("s");
  assertEquals((await twins.ask("/streams/s", conditional)).status, 200);
});

Deno.test("what one client's 304 is given is not sent to others", async () => {
  await using twins = await openTwins({ corsOrigins: ["https://a.example"] });
  await twins.append("s", 3);
  const conditional = { ...ATOM, "If-None-Match": '"2;248368668"' };
  const named = { "X-Request-Id": "mine", Origin: "https://a.example" };
  for (const more of [{}, named, {}]) {
    const answer = await twins.ask("/streams/s", { ...conditional, ...more });
    assertEquals(answer.status, 304);
    const { headers } = answer;
    assertEquals(headers.get("Vary"), "Accept, Origin");
    const isNamed = more === named;
    assertEquals(headers.get("X-Request-Id"), isNamed ? "mine" : null);
  }
});

Deno.test("answers and addresses beyond the bounds are made anew each time", async () => {
  await using twins = await openTwins();
  const filler = "&x=" + "x".repeat(LIMITS.responseCacheKeyLengthMax);
  await twins.append("s", 3);
  const before = twins.readCount();
  await twins.ask("/streams/s?embed=body" + filler);
  assertEquals(twins.readCount() - before, TIMES_ASKED);
});

Deno.test("whatever is done, what is sent again is what would be made", async () => {
  await withSeed(async (random) => {
    await using twins = await openTwins();
    const ann = await twins.caching.createUser("ann", { groups: ["g"] });
    const callers = [{}, ann, ADMIN];
    await twins.append("s", 4);
    for (let step = 0; step < 150; step++) {
      await changeSomething(twins, random);
      for (let read = 0; read < 4; read++) {
        const etag = `"${random.integer(0, 12)};248368668"`;
        await twins.ask(random.pick(pathsOf("s")), {
          ...ATOM,
          ...random.pick(callers),
          ...(random.chance(0.3) ? { "If-None-Match": etag } : {}),
          ...(random.chance(0.2) ? { Host: "other.example" } : {}),
        });
      }
    }
    assert(twins.readCount() > 0);
  });
});

async function changeSomething(twins: Twins, random: Random): Promise<void> {
  switch (random.integer(0, 9)) {
    case 0:
      return await remove(twins, {}).catch(() => {});
    case 1:
      return await twins.writeMetadata("s", {
        ...(random.chance(0.5) ? { $maxCount: random.integer(1, 6) } : {}),
        ...(random.chance(0.5) ? { $tb: random.integer(0, 6) } : {}),
        ...(random.chance(0.2) ? { $maxAge: 5 } : {}),
        ...(random.chance(0.5)
          ? { $acl: { $r: random.pick(["g", "$all"]) } }
          : {}),
      });
    case 2:
      twins.caching.clock.advanceMs(2_000);
      return;
    case 3:
      return await appendSettings(twins, {
        $userStreamAcl: { $r: random.pick(["g", "$all", "$admins"]) },
      });
    case 4:
    case 5:
      return await twins.append("s", random.integer(1, 3));
  }
}
