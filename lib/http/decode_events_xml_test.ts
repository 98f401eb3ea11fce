import { assertEquals, assertThrows } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { runSteps } from "../text/steps.ts";
import { decodeEventsXmlInSteps } from "./appending.ts";
import { Refusal } from "./errors.ts";

function decode(text: string) {
  return runSteps(decodeEventsXmlInSteps(text));
}

const ID = "00000000-0000-4000-8000-000000000001";

function eventWith(children: string): string {
  return `<Events><Event><EventId>${ID}</EventId><EventType>t</EventType>` +
    `${children}</Event></Events>`;
}

function refusalOf(text: string): Refusal {
  return assertThrows(() => decode(text), Refusal);
}

Deno.test("data and metadata become what is stored", () => {
  const table: [
    children: string,
    data: string,
    metadata: string,
    isJson: boolean,
  ][] = [
    ["", "", "", false],
    ["<Data/>", "", "", false],
    ["<Data>text</Data>", "text", "", false],
    ["<Data><a>1</a></Data>", '{\n  "a": "1"\n}', "", true],
    [
      '<data><e id="7"><l>a</l><l>b</l></e></data>',
      '{\n  "e": {\n    "@id": "7",\n    "l": [\n      "a",\n      "b"\n    ]\n  }\n}',
      "",
      true,
    ],
    ["<DATA>x</DATA><METADATA><m/></METADATA>", "x", '{\n  "m": null\n}', true],
  ];
  for (const [children, data, metadata, isJson] of table) {
    assertEquals(
      decode(eventWith(children)),
      [{ eventId: ID, eventType: "t", isJson, data, metadata }],
      children,
    );
  }
});

Deno.test("every child of the root is an event, whatever its name", () => {
  const event = (name: string) =>
    `<${name}><EventId>${ID}</EventId><EventType>${name}</EventType></${name}>`;
  const events = decode(`<x>${event("a")}${event("b")}</x>`);
  assertEquals(events.map((one) => one.eventType), ["a", "b"]);
});

Deno.test("bodies that are no list of events are invalid", () => {
  const bodies = [
    "",
    "[]",
    "null",
    "<Events/>",
    "<Events></Events>",
    "<Events>text</Events>",
    "<a><b></a>",
    "<Events><Event><EventId>x</EventId></Event></Events>",
    "<Events><Event><EventId></EventId></Event></Events>",
    '<!DOCTYPE x [<!ENTITY a "b">]>' + eventWith("<Data>&a;</Data>"),
    eventWith("<Data>&unknown;</Data>"),
    eventWith("<Data><!-- c --><a/></Data>"),
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
  assertEquals(refusalOf("<a><b/></a>").message, "Empty eventId provided.");
  assertEquals(
    refusalOf(`<a><b><EventId>${ID}</EventId></b></a>`).message,
    "Empty eventType provided.",
  );
});

Deno.test("bounds of an event and of nesting", () => {
  const large = "x".repeat(LIMITS.eventBytesMax + 1);
  const { code, message } = refusalOf(eventWith(`<Data>${large}</Data>`));
  assertEquals(code, "bodyTooLarge");
  assertEquals(message, "Too large events received. Limit is 4mb");
  const deep = "<a>".repeat(5000) + "</a>".repeat(5000);
  assertEquals(refusalOf(eventWith(`<Data>${deep}</Data>`)).code, "malformed");
});
