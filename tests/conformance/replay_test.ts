import { assertEquals } from "@std/assert";
import { fulfils, replayScenario, wireRequestOf } from "./replay.ts";
import type { Answer } from "./compare.ts";
import type { RecordedRequest, Wish } from "./recording.ts";

const AUTHORITY = "example.org:99";

Deno.test("a path with {loc:N} gets the path of that step's Location", () => {
  const answers = [
    answered({ location: "http://example.org:99/streams/a/incoming/7" }),
    answered({}),
  ];
  const request = wireRequestOf(
    requestOf({ path: "{loc:0}?x=1" }),
    answers,
    AUTHORITY,
  );
  assertEquals(request.path, "/streams/a/incoming/7?x=1");
});

Deno.test("ifNoneMatchFromStep sends the ETag that the step got", () => {
  const answers = [answered({ etag: '"1;2"' }), answered({ etag: '"3;4"' })];
  const request = wireRequestOf(
    requestOf({ ifNoneMatchFromStep: 0 }),
    answers,
    AUTHORITY,
  );
  assertEquals(request.headers["If-None-Match"], '"1;2"');
});

Deno.test("the recorded address becomes the one under test", () => {
  const request = wireRequestOf(
    requestOf({
      method: "POST",
      headers: { Origin: "http://127.0.0.1:2113" },
      body: "http://127.0.0.1:2113/é",
    }),
    [],
    AUTHORITY,
  );
  const sent = "http://example.org:99/é";
  assertEquals(request.headers["Origin"], "http://example.org:99");
  assertEquals(new TextDecoder().decode(request.body), sent);
  assertEquals(request.headers["Content-Length"], "24");
});

Deno.test("a request without Accept and Content-Type stays without them", () => {
  const request = wireRequestOf(requestOf({ method: "POST" }), [], AUTHORITY);
  assertEquals(request.headers, { "Content-Length": "0" });
  assertEquals(request.body, undefined);
});

Deno.test("a path with {json:N:/pointer} gets what that answer holds", () => {
  const answers = [
    answeredJson({
      links: [{ uri: "http://example.org:99/subscriptions/a/b/ack/1?x=2" }],
      "a/b": { n: 7 },
    }),
    answered({}),
  ];
  const cases = [
    ["{json:0:/links/0/uri}&y", "/subscriptions/a/b/ack/1?x=2&y"],
    ["/streams/s/{json:0:/a~1b/n}", "/streams/s/7"],
    ["/streams/{json:0:/none}x", "/streams/x"],
    ["/streams/{json:1:/links}x", "/streams/x"],
  ];
  for (const [path = "", wanted] of cases) {
    const request = wireRequestOf(requestOf({ path }), answers, AUTHORITY);
    assertEquals(request.path, wanted);
  }
});

Deno.test("a wish is fulfilled when all of it holds", () => {
  const answer = answeredJson({ status: "Live", links: [1, 2], none: null });
  const cases: [Wish, boolean][] = [
    [{}, true],
    [{ status: 200 }, true],
    [{ status: 404 }, false],
    [{ bodyIncludes: "Live" }, true],
    [{ bodyIncludes: ["Live", "Behind"] }, false],
    [{ json: { "/status": "Live", "/links/1": 2 } }, true],
    [{ json: { "/status": "Live", "/links/1": "2" } }, false],
    [{ json: { "/links": [1, 2] } }, true],
    [{ json: { "/none": null } }, true],
    [{ json: { "/absent": null } }, false],
    [{ status: 200, json: { "/status": "Behind" } }, false],
  ];
  for (const [wish, isFulfilled] of cases) {
    assertEquals(fulfils(answer, wish), isFulfilled, JSON.stringify(wish));
  }
  assertEquals(fulfils(answered({}), { json: { "/status": "Live" } }), false);
});

for (
  const { name, until, tries } of [
    { name: "that comes true", until: { status: 203 }, tries: 4 },
    { name: "that is over", until: { status: 1, timeoutMs: 300 }, tries: 3 },
    { name: "that is true at once", until: { status: 200 }, tries: 1 },
  ]
) {
  Deno.test(`a request is sent again for a wish ${name}`, async () => {
    let sent = 0;
    let waitedMs = 0;
    const target = {
      authority: AUTHORITY,
      send: () => Promise.resolve({ ...answered({}), status: 200 + sent++ }),
      wait(durationMs: number) {
        waitedMs += durationMs;
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const [exchange] = await replayScenario(target, {
      area: "test",
      name: "test",
      steps: [{
        request: requestOf({ until }),
        response: { status: 200, headers: {} },
      }],
    });
    assertEquals(sent, tries);
    assertEquals(waitedMs, 150 * (tries - 1));
    assertEquals(exchange?.answered.status, 199 + tries);
  });
}

function answeredJson(document: unknown): Answer {
  return {
    ...answered({}),
    body: new TextEncoder().encode(JSON.stringify(document)),
  };
}

function requestOf(changes: Partial<RecordedRequest>): RecordedRequest {
  return { method: "GET", path: "/", headers: {}, ...changes };
}

function answered(headers: Record<string, string>): Answer {
  return {
    status: 200,
    headers: new Map(Object.entries(headers)),
    body: new Uint8Array(0),
    elapsedMs: 1,
  };
}
