import { assertEquals } from "@std/assert";
import { scanEventArray } from "./json_events.ts";

Deno.test("scanEventArray() keeps each value's kind and text", () => {
  const scanned = scanEventArray(
    '[{"eventId":"1","eventType":"t","data":{"b":1.0,"a":[]},"metadata":"m\\n"}]',
  );
  assertEquals(scanned, {
    kind: "events",
    events: [{
      eventId: { kind: "string", text: "1" },
      eventType: { kind: "string", text: "t" },
      data: { kind: "object", text: '{\n  "b": 1.0,\n  "a": []\n}' },
      metadata: { kind: "string", text: "m\n" },
    }],
  });
});

Deno.test("scanEventArray() matches names in any case, takes the last, skips others", () => {
  const scanned = scanEventArray(
    '[{"EVENTID":1,"EventType":true,"Data":[1],"x":{"data":2},"data":null}, null]',
  );
  assertEquals(scanned, {
    kind: "events",
    events: [{
      eventId: { kind: "number", text: "1" },
      eventType: { kind: "boolean", text: "true" },
      data: { kind: "null", text: "null" },
      metadata: undefined,
    }, null],
  });
});

Deno.test("scanEventArray() reads what Json.NET reads", () => {
  const scanned = scanEventArray(
    "[{eventId:'1', /* c */ data:{a:1,}},] // end",
  );
  assertEquals(scanned, {
    kind: "events",
    events: [{
      eventId: { kind: "string", text: "1" },
      eventType: undefined,
      data: { kind: "object", text: '{\n  "a": 1\n}' },
      metadata: undefined,
    }],
  });
});

Deno.test("scanEventArray() refuses all that is no array of objects", () => {
  const bad = [
    "",
    "{}",
    "null",
    "42",
    '"x"',
    "[1]",
    "[[]]",
    '["x"]',
    "[{}",
    "[{}] x",
    '[{"data"}]',
    "<a/>",
  ];
  for (const text of bad) {
    assertEquals(scanEventArray(text), { kind: "malformed" }, text);
  }
  assertEquals(scanEventArray("[]"), { kind: "events", events: [] });
});

Deno.test("scanEventArray() is bounded in depth and number", () => {
  assertEquals(scanEventArray("[".repeat(5000)), { kind: "tooDeep" });
  assertEquals(
    scanEventArray('[{"data":' + "[".repeat(5000), { depthMax: 200 }),
    { kind: "tooDeep" },
  );
  assertEquals(scanEventArray("[{},{},{}]", { eventsMax: 2 }), {
    kind: "tooMany",
  });
});

Deno.test("scanEventArray() refuses values that would grow beyond measure", () => {
  const nested = "[".repeat(150) + "1,".repeat(50_000) + "1" + "]".repeat(150);
  assertEquals(scanEventArray(`[{"data":${nested}}]`), { kind: "tooLong" });
  const wide = "[" + "1,".repeat(50_000) + "1]";
  assertEquals(scanEventArray(`[{"data":${wide}}]`).kind, "events");
  const twice = `[{"data":${wide}}]`;
  assertEquals(
    scanEventArray(twice, { layoutMax: 1000 }),
    { kind: "tooLong" },
  );
});
