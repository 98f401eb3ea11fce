import { assert, assertEquals } from "@std/assert";
import {
  notModifiedOf,
  type ResponseFacts,
  type ResponseKey,
  responseOf,
  StoredResponses,
  type WholeRepresentation,
} from "./response_cache.ts";
import { ATOM_JSON } from "./negotiation.ts";

const FACTS: ResponseFacts = {
  streamName: "s",
  validator: {
    head: 0,
    metadataNumber: -1,
    isPublic: true,
    isImmutable: false,
  },
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
  responseCacheBytes: 1024 * 1024,
  responsesSeenMax: 100,
};

function keyOf(url: string, variant = "v"): ResponseKey {
  return { url, text: `${url}\n${variant}` };
}

function textOf(body: string | Uint8Array<ArrayBuffer>): WholeRepresentation {
  return { ...FACTS.head, body };
}

/** Keeps it for sure: what is asked for once is not kept. */
function keepTwice(
  cache: StoredResponses,
  key: ResponseKey,
  body = "body",
): void {
  cache.store(key, FACTS, textOf(body));
  cache.store(key, FACTS, textOf(body));
}

async function bodyOf(
  cache: StoredResponses,
  key: ResponseKey,
): Promise<string | undefined> {
  const answer = cache.find(key);
  return answer && await responseOf(answer)?.text();
}

Deno.test("StoredResponses keeps what comes the second time, and sends it again and again", async () => {
  const cache = new StoredResponses(LIMITS);
  cache.store(keyOf("a"), FACTS, textOf("ä\ud800"));
  assertEquals(cache.find(keyOf("a")), undefined);
  cache.store(keyOf("a"), FACTS, textOf("ä\ud800"));
  for (let time = 0; time < 3; time++) {
    assertEquals(await bodyOf(cache, keyOf("a")), "ä\ufffd");
  }
  const answer = cache.find(keyOf("a"));
  assert(answer !== undefined);
  const { headers } = responseOf(answer) ?? new Response();
  assertEquals(headers.get("Content-Type"), ATOM_JSON.contentType);
  assertEquals(headers.get("Access-Control-Allow-Methods"), "GET, OPTIONS");
});

Deno.test("StoredResponses sends answers of which one can be changed without the others", async () => {
  const cache = new StoredResponses(LIMITS);
  keepTwice(cache, keyOf("a"));
  const answer = cache.find(keyOf("a"));
  assert(answer !== undefined);
  const first = responseOf(answer);
  first?.headers.set("X-Request-Id", "1");
  await first?.body?.cancel();
  const second = responseOf(answer);
  assertEquals(second?.headers.get("X-Request-Id"), null);
  assertEquals(await second?.text(), "body");
});

Deno.test("StoredResponses keeps variants of a URL apart", async () => {
  const cache = new StoredResponses(LIMITS);
  cache.store(keyOf("a"), FACTS, textOf(""));
  for (let number = 0; number < 10; number++) {
    cache.store(keyOf("a", `v${number}`), FACTS, textOf(`body ${number}`));
  }
  assertEquals(cache.size, 10);
  for (let number = 0; number < 10; number++) {
    assertEquals(
      await bodyOf(cache, keyOf("a", `v${number}`)),
      `body ${number}`,
    );
  }
});

Deno.test("StoredResponses puts a newer answer in the place of the older one", async () => {
  const cache = new StoredResponses(LIMITS);
  keepTwice(cache, keyOf("a"), "older");
  assertEquals(await bodyOf(cache, keyOf("a")), "older");
  cache.store(keyOf("a"), FACTS, textOf("newer"));
  assertEquals(await bodyOf(cache, keyOf("a")), "newer");
  assertEquals(cache.size, 1);
});

Deno.test("StoredResponses knows a 304 without a representation", () => {
  const cache = new StoredResponses(LIMITS);
  cache.store(keyOf("a"), FACTS, undefined);
  cache.store(keyOf("a"), FACTS, undefined);
  const answer = cache.find(keyOf("a"));
  assert(answer !== undefined);
  assertEquals(answer.facts, FACTS);
  assertEquals(responseOf(answer), undefined);
  for (let time = 0; time < 2; time++) {
    const { status, headers } = notModifiedOf(answer);
    assertEquals([status, headers.get("ETag")], [304, '"0;1"']);
  }
});

Deno.test("StoredResponses drops the least recently used first", async () => {
  const cache = new StoredResponses({
    ...LIMITS,
    responseCacheBytes: 3 * 2100,
  });
  for (const url of ["a", "b", "c"]) keepTwice(cache, keyOf(url));
  assertEquals(await bodyOf(cache, keyOf("a")), "body");
  keepTwice(cache, keyOf("d"));
  assertEquals(cache.size, 3);
  assertEquals(cache.find(keyOf("b")), undefined);
  for (const url of ["a", "c", "d"]) assert(cache.find(keyOf(url)), url);
});

Deno.test("StoredResponses holds no more bytes than it may, whatever is kept", () => {
  const cache = new StoredResponses({ ...LIMITS, responseCacheBytes: 50_000 });
  for (let number = 0; number < 200; number++) {
    const key = keyOf(`u${number % 40}`, `v${number % 3}`);
    keepTwice(cache, key, "€".repeat(number * 37 % 5000));
    const answer = cache.find(key);
    if (answer !== undefined && number % 2 === 0) responseOf(answer);
    assert(cache.bytes <= 50_000, `${cache.bytes} after ${number}`);
    assert(cache.size > 0);
  }
  // What would drive out everything else is not kept.
  const { size } = cache;
  keepTwice(cache, keyOf("long"), "x".repeat(50_000));
  assertEquals(cache.find(keyOf("long")), undefined);
  assertEquals(cache.size, size);
});

Deno.test("StoredResponses stores nothing when it has no room", () => {
  const cache = new StoredResponses({ ...LIMITS, responseCacheBytes: 0 });
  for (let number = 0; number < 10; number++) keepTwice(cache, keyOf("u"));
  assertEquals([cache.size, cache.bytes], [0, 0]);
});

Deno.test("StoredResponses remembers a bounded number of URLs that were asked for once", () => {
  const cache = new StoredResponses({ ...LIMITS, responsesSeenMax: 2 });
  const ask = (url: string) => cache.store(keyOf(url), FACTS, textOf("body"));
  for (const url of ["a", "b", "c", "d", "e"]) ask(url);
  ask("a");
  assertEquals(cache.find(keyOf("a")), undefined);
  ask("e");
  assert(cache.find(keyOf("e")) !== undefined);
});
