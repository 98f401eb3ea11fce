/**
 * ETags say what is shown: whatever is written, deleted, hidden or refused, two
 * answers to a URL in one type that have the same ETag have the same body, to
 * whomever they are sent. A 304 is answered where the 200 would have had the
 * body of the ETag that the client named, and has the headers of that 200.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { type Random, withSeed } from "../support/random.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestAnswer,
  type TestApp,
} from "../support/test_app.ts";

const STEPS = 250;
const READS_A_STEP = 6;
const ADMIN = { Authorization: TEST_LOGINS.admin };
const STREAMS = ["s-1", "s-2", "t-1", "links-1"];
const FEEDS = [
  ...STREAMS,
  "$$s-1",
  "$ce-s",
  "$ce-links",
  "$et-T",
  "$category-s",
  "$streams",
  "$all",
];
const TYPES = [
  "application/vnd.eventstore.atom+json",
  "application/atom+xml",
  "application/json",
  "text/xml",
  "text/html",
];
const EMBEDS = ["none", "content", "rich", "body", "pretty", "tryharder"];
const FILTERS = ["filter-type=T", "filter-stream=s-*"];

type HeaderFields = Readonly<Record<string, string>>;

/** Bodies by URL and type, and in them by ETag. */
type Seen = Map<string, Map<string, string>>;

Deno.test("answers with the same ETag have the same body, and a 304 stands for that body", async () => {
  await withSeed(async (random) => {
    await using app = openTestApp();
    const seen: Seen = new Map();
    const counts = { compared: 0, renewed: 0, stale: 0 };
    for (let step = 0; step < STEPS; step++) {
      await changeSomething(app, random, step);
      for (let read = 0; read < READS_A_STEP; read++) {
        await readSomething(app, random, { seen, counts });
      }
    }
    for (const [what, count] of Object.entries(counts)) assert(count > 9, what);
  });
});

async function readSomething(
  app: TestApp,
  random: Random,
  { seen, counts }: {
    readonly seen: Seen;
    readonly counts: { compared: number; renewed: number; stale: number };
  },
): Promise<void> {
  const path = nextPath(random);
  const accept = random.pick(TYPES);
  const headers: HeaderFields = {
    Accept: accept,
    ...random.pick<HeaderFields>([
      {},
      ADMIN,
      { Authorization: TEST_LOGINS.user },
    ]),
    ...(random.chance(0.4) ? { "ES-ResolveLinkTos": "false" } : {}),
  };
  const key = `${path} ${accept}`;
  const bodies = seen.get(key) ?? new Map<string, string>();
  seen.set(key, bodies);
  const answer = await app.send(path, { headers });
  const etag = answer.headers.get("ETag");
  if (etag !== null) {
    const before = bodies.get(etag);
    if (before !== undefined) {
      counts.compared++;
      assertEquals(answer.body, before, `${key} with ${etag}`);
    }
    bodies.set(etag, answer.body);
  }
  const known = random.pick([...bodies.keys(), '"0;0"']);
  const again = await app.send(path, {
    headers: { ...headers, "If-None-Match": spelled(known, random) },
  });
  if (again.status !== 304) {
    if (known !== etag) counts.stale++;
    const isEvent = path.includes("/head?");
    assert(isEvent || known !== etag, `${key} with ${known} is 304`);
    assertEquals(shown(again), shown(answer), key);
    return;
  }
  counts.renewed++;
  assertEquals(answer.status, 200, key);
  assertEquals(known, etag, key);
  assertEquals(again.body, "");
  assertEquals(again.headers.get("Content-Type"), null);
  for (const name of ["ETag", "Cache-Control", "Vary"]) {
    assertEquals(again.headers.get(name), answer.headers.get(name), key);
  }
}

function shown({ status, body, headers }: TestAnswer) {
  return { status, body, etag: headers.get("ETag") };
}

/** The ETag as clients and proxies may send it. */
function spelled(etag: string, random: Random): string {
  return random.pick([
    etag,
    `W/${etag}`,
    `"other", ${etag}`,
    `W/${etag} ,"x;y"`,
    etag.slice(1, -1),
  ]);
}

function nextPath(random: Random): string {
  const name = random.pick(FEEDS);
  const number = random.integer(0, 12);
  const position = number === 0
    ? "0".repeat(32)
    : "f".repeat(8).padStart(16, "0").repeat(2);
  const count = random.pick([1, 3, 20]);
  const from = name === "$all" ? position : String(number);
  const rest = random.pick([
    "",
    "",
    `/head/backward/${count}`,
    `/${from}/backward/${count}`,
    `/${from}/forward/${count}`,
    ...(name === "$all" ? [] : ["/head"]),
  ]);
  const filter =
    random.chance(0.2) && !STREAMS.includes(name) && rest !== "/head"
      ? "&" + random.pick(FILTERS)
      : "";
  const asOf = random.chance(0.1) && rest !== "/head"
    ? "&asOf=2026-01-01T00:00:05Z"
    : "";
  return `/streams/${encodeURIComponent(name)}${rest}?embed=${
    random.pick(EMBEDS)
  }${filter}${asOf}`;
}

async function changeSomething(
  app: TestApp,
  random: Random,
  step: number,
): Promise<void> {
  const name = random.pick(STREAMS);
  switch (random.integer(0, 8)) {
    case 0:
      await app.send(`/streams/${name}`, {
        method: "DELETE",
        headers: {
          ...ADMIN,
          // One stream stays for good, so that there is something to read.
          ...(name !== "s-1" && random.chance(0.1)
            ? { "ES-HardDelete": "true" }
            : {}),
        },
      });
      return;
    case 1:
    case 2:
      await describe(app, random, step);
      return;
    case 3:
      app.clock.advanceMs(2_000);
      return;
    default:
      await append(app, name, random, step);
  }
}

async function append(
  app: TestApp,
  name: string,
  random: Random,
  step: number,
): Promise<void> {
  const isLink = name === "links-1";
  const target = random.pick(["s-1", "s-2", "t-1", "$ce-s", "none"]);
  await app.send(`/streams/${name}`, {
    headers: {
      ...ADMIN,
      "Content-Type": "application/vnd.eventstore.events+json",
    },
    body: JSON.stringify([{
      eventId: testUuid(step + 1),
      eventType: isLink ? "$>" : random.pick(["T", "U"]),
      data: isLink ? `${random.integer(0, 9)}@${target}` : { step },
    }]),
  });
}

async function describe(
  app: TestApp,
  random: Random,
  step: number,
): Promise<void> {
  const name = random.pick([...STREAMS, "$ce-s", "$all"]);
  const maybe = (member: object) => random.chance(0.35) ? member : {};
  await app.send(`/streams/${encodeURIComponent(name)}/metadata`, {
    headers: {
      ...ADMIN,
      "Content-Type": "application/json",
      "ES-EventId": testUuid(step + 1),
    },
    body: JSON.stringify({
      ...maybe({ $maxCount: random.integer(1, 8) }),
      ...maybe({ $tb: random.integer(0, 12) }),
      ...maybe({ $maxAge: random.integer(1, 10) }),
      ...maybe({ $cacheControl: random.integer(1, 9) }),
      ...maybe({ $acl: { $r: random.pick(["$all", "$admins", "user"]) } }),
    }),
  });
}
