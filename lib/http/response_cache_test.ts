import { assert, assertEquals } from "@std/assert";
import {
  AnswerCache,
  type AnswerFacts,
  type AnswerKey,
  type WholeRepresentation,
} from "./response_cache.ts";
import { ATOM_JSON } from "./negotiation.ts";

const FACTS: AnswerFacts = {
  streamName: "s",
  basis: { head: 0, metadataNumber: -1, isPublic: true, isSettled: false },
  allowedMethods: "GET, OPTIONS",
  head: {
    type: ATOM_JSON,
    cache: { kind: "head", maxAgeSeconds: undefined, isPublic: true },
    etag: '"0;1"',
    hasLinks: false,
  },
  isConditional: true,
  route: undefined,
};

const LIMITS = {
  answerCacheBytes: 1024 * 1024,
  answerCacheEntriesMax: 100,
  answersSeenMax: 100,
};

function keyOf(url: string, variant = "v"): AnswerKey {
  return { url, variant };
}

function textOf(body: string | Uint8Array<ArrayBuffer>): WholeRepresentation {
  return { ...FACTS.head, body };
}

/** Keeps it for sure: what is asked for once is not kept. */
function keepTwice(cache: AnswerCache, key: AnswerKey, body = "body"): void {
  cache.keep(key, FACTS, textOf(body));
  cache.keep(key, FACTS, textOf(body));
}

async function bodyOf(
  cache: AnswerCache,
  key: AnswerKey,
): Promise<string | undefined> {
  const answer = cache.find(key);
  return answer && await cache.responseOf(answer)?.text();
}

Deno.test("AnswerCache keeps what comes the second time, and sends it again and again", async () => {
  const cache = new AnswerCache(LIMITS);
  cache.keep(keyOf("a"), FACTS, textOf("ä\ud800"));
  assertEquals(cache.find(keyOf("a")), undefined);
  cache.keep(keyOf("a"), FACTS, textOf("ä\ud800"));
  for (let time = 0; time < 3; time++) {
    assertEquals(await bodyOf(cache, keyOf("a")), "ä\ufffd");
  }
  const answer = cache.find(keyOf("a"));
  assert(answer !== undefined);
  const { headers } = cache.responseOf(answer) ?? new Response();
  assertEquals(headers.get("Content-Type"), ATOM_JSON.contentType);
  assertEquals(headers.get("Access-Control-Allow-Methods"), "GET, OPTIONS");
});

Deno.test("AnswerCache sends answers of which one can be changed without the others", async () => {
  const cache = new AnswerCache(LIMITS);
  keepTwice(cache, keyOf("a"));
  const answer = cache.find(keyOf("a"));
  assert(answer !== undefined);
  const first = cache.responseOf(answer);
  first?.headers.set("X-Request-Id", "1");
  await first?.body?.cancel();
  const second = cache.responseOf(answer);
  assertEquals(second?.headers.get("X-Request-Id"), null);
  assertEquals(await second?.text(), "body");
});

Deno.test("AnswerCache keeps variants of a URL apart, the last eight of them", async () => {
  const cache = new AnswerCache(LIMITS);
  cache.keep(keyOf("a"), FACTS, textOf(""));
  for (let number = 0; number < 10; number++) {
    cache.keep(keyOf("a", `v${number}`), FACTS, textOf(`body ${number}`));
  }
  assertEquals(cache.size, 8);
  for (let number = 0; number < 10; number++) {
    const body = await bodyOf(cache, keyOf("a", `v${number}`));
    assertEquals(body, number < 2 ? undefined : `body ${number}`);
  }
});

Deno.test("AnswerCache puts a newer answer in the place of the older one", async () => {
  const cache = new AnswerCache(LIMITS);
  keepTwice(cache, keyOf("a"), "older");
  assertEquals(await bodyOf(cache, keyOf("a")), "older");
  cache.keep(keyOf("a"), FACTS, textOf("newer"));
  assertEquals(await bodyOf(cache, keyOf("a")), "newer");
  assertEquals(cache.size, 1);
});

Deno.test("AnswerCache knows a 304 without a representation", () => {
  const cache = new AnswerCache(LIMITS);
  cache.keep(keyOf("a"), FACTS, undefined);
  cache.keep(keyOf("a"), FACTS, undefined);
  const answer = cache.find(keyOf("a"));
  assert(answer !== undefined);
  assertEquals(answer.facts, FACTS);
  assertEquals(cache.responseOf(answer), undefined);
  for (let time = 0; time < 2; time++) {
    const { status, headers } = cache.notModifiedOf(answer);
    assertEquals([status, headers.get("ETag")], [304, '"0;1"']);
  }
});

Deno.test("AnswerCache holds no more entries than it may, and keeps those that are used", async () => {
  const cache = new AnswerCache({ ...LIMITS, answerCacheEntriesMax: 3 });
  for (const url of ["a", "b", "c"]) keepTwice(cache, keyOf(url));
  assertEquals(await bodyOf(cache, keyOf("a")), "body");
  keepTwice(cache, keyOf("d"));
  assertEquals(cache.size, 3);
  assertEquals(cache.find(keyOf("b")), undefined);
  for (const url of ["a", "c", "d"]) assert(cache.find(keyOf(url)), url);
});

Deno.test("AnswerCache holds no more bytes than it may, whatever is kept", () => {
  const cache = new AnswerCache({ ...LIMITS, answerCacheBytes: 50_000 });
  for (let number = 0; number < 200; number++) {
    const key = keyOf(`u${number % 40}`, `v${number % 3}`);
    keepTwice(cache, key, "€".repeat(number * 37 % 5000));
    const answer = cache.find(key);
    if (answer !== undefined && number % 2 === 0) cache.responseOf(answer);
    assert(cache.bytes <= 50_000, `${cache.bytes} after ${number}`);
    assert(cache.size > 0);
  }
  // What would drive out everything else is not kept.
  const { size } = cache;
  keepTwice(cache, keyOf("long"), "x".repeat(50_000));
  assertEquals(cache.find(keyOf("long")), undefined);
  assertEquals(cache.size, size);
});

Deno.test("AnswerCache counts nothing once everything was driven out", () => {
  const cache = new AnswerCache({ ...LIMITS, answerCacheEntriesMax: 0 });
  for (let number = 0; number < 10; number++) {
    keepTwice(cache, keyOf(`u${number}`));
    keepTwice(cache, keyOf(`u${number}`, "w"));
  }
  assertEquals([cache.size, cache.bytes], [0, 0]);
});

Deno.test("AnswerCache remembers a bounded number of URLs that were asked for once", () => {
  const cache = new AnswerCache({ ...LIMITS, answersSeenMax: 2 });
  const ask = (url: string) => cache.keep(keyOf(url), FACTS, textOf("body"));
  for (const url of ["a", "b", "c", "d", "e"]) ask(url);
  ask("a");
  assertEquals(cache.find(keyOf("a")), undefined);
  ask("e");
  assert(cache.find(keyOf("e")) !== undefined);
});
