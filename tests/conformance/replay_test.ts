import { assertEquals } from "@std/assert";
import { wireRequestOf } from "./replay.ts";
import type { Answer } from "./compare.ts";
import type { RecordedRequest } from "./recording.ts";

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
