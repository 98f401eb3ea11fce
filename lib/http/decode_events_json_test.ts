import { assertEquals, assertThrows } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { runSteps } from "../text/steps.ts";
import { decodeEventsTextInSteps } from "./appending.ts";
import { Refusal } from "./errors.ts";

function decode(text: string) {
  return runSteps(decodeEventsTextInSteps(text));
}

const ID = "00000000-0000-4000-8000-000000000001";

function eventWith(members: string): string {
  return `[{"eventId":"${ID}","eventType":"t"${members}}]`;
}

function refusalOf(text: string): Refusal {
  return assertThrows(() => decode(text), Refusal);
}

Deno.test("data and metadata become what is stored", () => {
  const table: [
    members: string,
    data: string,
    metadata: string,
    isJson: boolean,
  ][] = [
    ["", "", "", false],
    [',"data":{"a":1}', '{\n  "a": 1\n}', "", true],
    [',"data":"plain"', "plain", "", false],
    [',"data":"plain","metadata":{}', "plain", "{}", true],
    [',"data":null,"metadata":null', "", "", false],
    [',"data":[1,2]', "[\n  1,\n  2\n]", "", true],
    [',"data":42', "42", "", true],
    [',"data":true', "true", "", true],
    [',"metadata":"m"', "", "m", false],
    [',"data":{},"metadata":[1]', "{}", "", true],
    [',"metadata":7', "", "", false],
    [',"DATA":{"b":2,"a":1.50}', '{\n  "b": 2,\n  "a": 1.50\n}', "", true],
    [',"data":12345678901234567890', "12345678901234567890", "", true],
    [
      ',"data":{"__proto__":1,"2":0,"1":0}',
      '{\n  "__proto__": 1,\n  "2": 0,\n  "1": 0\n}',
      "",
      true,
    ],
  ];
  for (const [members, data, metadata, isJson] of table) {
    assertEquals(
      decode(eventWith(members)),
      [{ eventId: ID, eventType: "t", isJson, data, metadata }],
      members,
    );
  }
});

Deno.test("bodies that are no list of events are invalid", () => {
  const bodies = [
    "",
    "[]",
    "{}",
    "null",
    "[null]",
    "[1]",
    "[[]]",
    '"text"',
    '[{"eventId":',
    "<Events/>",
    '[{"eventId":"x","eventType":"t"}]',
    '[{"eventId":"","eventType":"t"}]',
    '[{"eventId":null,"eventType":"t"}]',
    '[{"eventId":7,"eventType":"t"}]',
    `[{"eventId":"${ID}","eventType":{}}]`,
    // One bad id spoils even a batch whose first event lacks a type.
    `[{"eventId":"${ID}"},{"eventId":"x","eventType":"t"}]`,
    eventWith("") + "x",
  ];
  for (const body of bodies) {
    const { code, message } = refusalOf(body);
    assertEquals(
      [code, message],
      ["malformed", "Write request body invalid."],
      body,
    );
  }
});

Deno.test("events without an id or a type are refused by name", () => {
  const table: [body: string, message: string][] = [
    ['[{"eventType":"t"}]', "Empty eventId provided."],
    [
      '[{"eventId":"00000000-0000-0000-0000-000000000000","eventType":"t"}]',
      "Empty eventId provided.",
    ],
    [`[{"eventId":"${ID}"}]`, "Empty eventType provided."],
    [`[{"eventId":"${ID}","eventType":""}]`, "Empty eventType provided."],
    [`[{"eventId":"${ID}","eventType":null}]`, "Empty eventType provided."],
    ["[{}]", "Empty eventId provided."],
  ];
  for (const [body, message] of table) {
    assertEquals(refusalOf(body).message, message, body);
  }
});

Deno.test("bounds of a batch, of an event and of nesting", () => {
  const largest = "x".repeat(LIMITS.eventBytesMax);
  assertEquals(decode(eventWith(`,"data":"${largest}"`)).length, 1);
  const tooLarge = [
    eventWith(`,"data":"${largest}x"`),
    eventWith(`,"data":"${largest}","metadata":"x"`),
    eventWith(`,"data":"${"ü".repeat(LIMITS.eventBytesMax / 2)}x"`),
  ];
  for (const body of tooLarge) {
    const { code, message } = refusalOf(body);
    assertEquals(code, "bodyTooLarge");
    assertEquals(message, "Too large events received. Limit is 4mb");
  }
  const item = "{},".repeat(LIMITS.batchEventsMax);
  assertEquals(refusalOf(`[${item}{}]`).code, "bodyTooLarge");
  const deep = eventWith(`,"data":${"[".repeat(5000)}${"]".repeat(5000)}`);
  assertEquals(refusalOf(deep).code, "malformed");
});
