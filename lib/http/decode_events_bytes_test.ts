import { assert, assertEquals } from "@std/assert";
import { createRandom } from "../../tests/support/random.ts";
import type { ProposedEvent } from "../model/event.ts";
import { scanPlainEvents } from "../formats/json/json_events_bytes.ts";
import { runSteps } from "../text/steps.ts";
import {
  decodeEventsJsonInSteps,
  decodeEventsTextInSteps,
} from "./appending.ts";

function decodeBytes(bytes: Uint8Array) {
  return runSteps(decodeEventsJsonInSteps(bytes));
}

function decodeText(text: string) {
  return runSteps(decodeEventsTextInSteps(text));
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const OPTIONS = { depthMax: 200, eventsMax: 1000, make: () => true };

/** What one way makes of a body: events with text, or the refusal's message. */
function outcomeOf(decode: () => readonly ProposedEvent[]): unknown {
  try {
    return decode().map((event) => ({
      eventId: event.eventId,
      eventType: event.eventType,
      isJson: event.isJson,
      data: textOf(event.data),
      metadata: textOf(event.metadata),
    }));
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : DECODER.decode(value);
}

function assertBothWaysAgree(body: string): void {
  const bytes = ENCODER.encode(body);
  assertEquals(
    outcomeOf(() => decodeBytes(bytes)),
    outcomeOf(() => decodeText(DECODER.decode(bytes))),
    body,
  );
}

function bodyOf(members: string): string {
  return `[{"eventId":"00000000-0000-4000-8000-00000000000a","eventType":"t",${members}}]`;
}

const PLAIN = [
  '"data":{}',
  '"data":[]',
  '"data":{"a":{},"b":[],"c":[[]],"d":[{}]}',
  '"data":{"2":1,"1":2,"a":1.0,"b":-0,"c":1e5,"d":12345678901234567890}',
  '"data":{"a":1,"a":2}',
  '"data" : { "a" :\n[ 1 , "x\\n\\"\\\\" , true,false , null ] } ',
  '"data":"text"',
  '"data":"größer 水 😀"',
  '"data":null',
  '"data":12.5e-3',
  '"data":true',
  '"data":[1,2,{"a":"ü"}]',
  '"metadata":{"m":1},"data":{"a":1}',
  '"metadata":"text"',
  '"metadata":[1]',
  '"metadata":5',
  '"data":{"a":1},"data":{"b":2}',
  '"data":{"long":"' + "x".repeat(10_000) + '"}',
];

const NOT_PLAIN = [
  '"data":{"a":"\\u00e9"}',
  '"data":{"a":"\\/"}',
  '"data":{"a":"\u2028"}',
  '"data":{"a":"\u0085"}',
  '"data":"two\\nlines"',
  '"data":{a:1}',
  "\"data\":{'a':1}",
  '"data":{"a":1,}',
  '"data":[1,]',
  '"data":{"a":01}',
  '"data":{"a":.5}',
  '"data":/* no */{"a":1}',
  '"Data":{"a":1}',
  '"other":1',
  '"data":{"a":1',
  '"data":{"a" 1}',
  '"data":tru',
  '"data":truex',
  '"data":1x',
  '"data":-',
  '"data":"open',
  '"data":{"a":"control \u0001"}',
  '"data":' + "[".repeat(199) + "]".repeat(199),
  '"data":' + "[".repeat(300) + "]".repeat(300),
];

for (const members of PLAIN) {
  Deno.test(`decoding bytes reads ${members.slice(0, 50)} plainly`, () => {
    const bytes = ENCODER.encode(bodyOf(members));
    assert(scanPlainEvents(bytes, OPTIONS) !== undefined);
    assertBothWaysAgree(bodyOf(members));
  });
}

for (const members of NOT_PLAIN) {
  Deno.test(`decoding bytes leaves ${members.slice(0, 50)} to the other way`, () => {
    const bytes = ENCODER.encode(bodyOf(members));
    assertEquals(scanPlainEvents(bytes, OPTIONS), undefined);
    assertBothWaysAgree(bodyOf(members));
  });
}

Deno.test("decoding bytes leaves what is no plain array to the other way", () => {
  const id = "00000000-0000-4000-8000-00000000000a";
  const bodies = [
    "",
    "[]",
    "null",
    "{}",
    "[null]",
    "[{}]",
    "[[]]",
    `[{"eventId":"${id}"}]`,
    `[{"eventType":"t"}]`,
    `[{"eventId":"${id.toUpperCase()}","eventType":"t"}]`,
    `[{"eventId":"${id.replaceAll("-", "")}","eventType":"t"}]`,
    `[{"eventId":"no","eventType":"t"}]`,
    `[{"eventId":"${id}","eventType":""}]`,
    `[{"eventId":"${id}","eventType":5}]`,
    `[{"eventId":"${id}","eventType":"a\\tb"}]`,
    `[{"eventId":"${id}","eventType":"t"},]`,
    `[{"eventId":"${id}","eventType":"t"}] x`,
    `[{"eventId":"00000000-0000-0000-0000-000000000000","eventType":"t"}]`,
    `\ufeff[{"eventId":"${id}","eventType":"t"}]`,
  ];
  for (const body of bodies) {
    const bytes = ENCODER.encode(body);
    const text = DECODER.decode(bytes);
    assertEquals(
      outcomeOf(() => decodeBytes(bytes)),
      outcomeOf(() => decodeText(text)),
      body,
    );
  }
});

Deno.test("decoding bytes refuses bytes that are no UTF-8", () => {
  const bytes = ENCODER.encode(bodyOf('"data":{"a":"?"}'));
  bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
  assertEquals(
    outcomeOf(() => decodeBytes(bytes)),
    "Request body invalid: it is not UTF-8",
  );
});

Deno.test("bytes and text agree on changed bodies", () => {
  const random = createRandom(SEED);
  const templates = PLAIN.filter((one) => one.length < 200).map(bodyOf);
  for (let round = 0; round < 20_000; round++) {
    const template = random.pick(templates);
    const at = random.integer(0, template.length);
    const body = template.slice(0, at) + random.pick(INSERTED) +
      template.slice(at + random.integer(0, 2));
    assertBothWaysAgree(body);
  }
});

Deno.test("decoding bytes keeps what it decoded apart, however much layout grows it", () => {
  const bodies = Array.from({ length: 400 }, (_, index) => {
    // Deep, short items: layout makes the copy several times as long.
    const depth = index % 40;
    const data = "[".repeat(depth) + `"${index}"` + "]".repeat(depth);
    return `[${
      [1, 2, 3].map((digit) =>
        `{"eventId":"00000000-0000-4000-8000-00000000000${digit}",` +
        `"eventType":"t","data":{"a":${data}},"metadata":{"m":${index}}}`
      ).join()
    }]`;
  });
  // All are decoded before any is looked at.
  const decoded = bodies.map((body) => decodeBytes(ENCODER.encode(body)));
  for (const [index, body] of bodies.entries()) {
    assertEquals(
      outcomeOf(() => decoded[index] ?? []),
      outcomeOf(() => decodeText(body)),
    );
  }
});

Deno.test("decoding bytes reads nothing of the body before", () => {
  const body = bodyOf('"data":{"a":12,"b":"x","c":true}');
  decodeBytes(ENCODER.encode(body));
  for (let length = 1; length < body.length; length++) {
    // The longer body before would complete this one.
    decodeBytes(ENCODER.encode(body));
    assertEquals(
      scanPlainEvents(ENCODER.encode(body.slice(0, length)), OPTIONS),
      undefined,
    );
  }
});

/** Any will do; a failure names the body. */
const SEED = 20_261_121;

const INSERTED = [...'"\\{}[],:0e \nué-', ""];
