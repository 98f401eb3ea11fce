import { assertEquals } from "@std/assert";
import { abuse } from "./bystander.ts";
import { EVENTS_JSON, EVENTS_XML, post } from "./hostile_request.ts";

const EVENT_ID = "fbf4a1a1-b4a3-4dfe-a01f-ec52c34e16e4";
const TOO_DEEP = "Write request body invalid. It is nested too deeply.";
const INVALID = "Write request body invalid.";
const TOO_MANY = "Too many events received. Limit is 100000";

function jsonEvent(data: string): string {
  return `[{"eventId":"${EVENT_ID}","eventType":"Hostile","data":${data}}]`;
}

function xmlEvent(data: string): string {
  return `<Events><Event><EventId>${EVENT_ID}</EventId>` +
    `<EventType>Hostile</EventType><Data>${data}</Data></Event></Events>`;
}

/** Entities of entities: 10 ** 9 times `lol`. */
const BOMB = '<!DOCTYPE bomb [<!ENTITY e0 "lol">' +
  Array.from(
    { length: 9 },
    (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`,
  ).join("") + "]>";

/** What it is, its media type, how to make it, and the answer. */
const DOCUMENTS: readonly [string, string, () => string, number, string][] = [
  [
    "5,000 nested arrays as data",
    EVENTS_JSON,
    () => jsonEvent("[".repeat(5000) + "]".repeat(5000)),
    400,
    TOO_DEEP,
  ],
  [
    "5,000 nested arrays as events",
    EVENTS_JSON,
    () => "[".repeat(5000) + "]".repeat(5000),
    400,
    TOO_DEEP,
  ],
  [
    "a million open brackets",
    EVENTS_JSON,
    () => "[".repeat(1_000_000),
    400,
    TOO_DEEP,
  ],
  [
    "a document with entities of entities",
    EVENTS_XML,
    () => BOMB + xmlEvent("&e9;"),
    400,
    INVALID,
  ],
  [
    "an entity from a file",
    EVENTS_XML,
    () =>
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' +
      xmlEvent("&e;"),
    400,
    INVALID,
  ],
  [
    "100,000 nested elements",
    EVENTS_XML,
    () => xmlEvent("<a>".repeat(100_000) + "</a>".repeat(100_000)),
    400,
    TOO_DEEP,
  ],
  [
    "an element with 100,000 attributes",
    EVENTS_XML,
    () =>
      xmlEvent(
        "<a " +
          Array.from({ length: 100_000 }, (_, n) => `a${n}="1"`).join(" ") +
          "/>",
      ) + "<",
    400,
    INVALID,
  ],
  [
    "a million events in JSON",
    EVENTS_JSON,
    () => `[${"{},".repeat(999_999)}{}]`,
    413,
    TOO_MANY,
  ],
  [
    "a million events in XML",
    EVENTS_XML,
    () => `<Events>${"<Event/>".repeat(1_000_000)}</Events>`,
    413,
    TOO_MANY,
  ],
  [
    "16 MB of zeros in an array",
    EVENTS_JSON,
    () => jsonEvent(`[${"0,".repeat(8_000_000)}0]`),
    413,
    "Too large events received. Limit is 4mb",
  ],
];

Deno.test("hostile documents are refused at no one else's cost", async (t) => {
  for (const [name, contentType, makeBody, status, text] of DOCUMENTS) {
    const body = makeBody();
    await t.step(name, () =>
      abuse(async ({ url }) => {
        const answer = await post(url, contentType, body);
        assertEquals([answer.status, answer.body], [status, text]);
        const read = await fetch(`${url}/streams/victim/0`);
        await read.body?.cancel();
        assertEquals(read.status, 404, "nothing was written");
      }));
  }
});
