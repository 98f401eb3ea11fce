/**
 * JSON as text against the engine's own parser: bodies of 1 and 100 events,
 * and data put into an answer.
 *
 * @module
 */

import { scanEventArray } from "../lib/formats/json/json_events.ts";
import { reindentJson } from "../lib/formats/json/json_text.ts";
import { jsonToXml } from "../lib/formats/xml/json_xml.ts";

const DATA = {
  orderId: "8d1e2c1a-55f1-4a4e-9a3b-0f3a1c2d4e5f",
  customer: "Alice Example",
  amount: 1234.5,
  items: [{ sku: "abc-1", quantity: 2 }, { sku: "def-2", quantity: 1 }],
  note: "a few words about nothing",
};
const EVENT = {
  eventId: "fbf4a1a1-b4a3-4dfe-a01f-ec52c34e16e4",
  eventType: "order-placed",
  data: DATA,
};
const ONE = JSON.stringify([EVENT]);
const HUNDRED = JSON.stringify(Array.from({ length: 100 }, () => EVENT));
const COMPACT = JSON.stringify(DATA);
const INDENTED = JSON.stringify(DATA, null, 2);

interface ParsedEvent {
  readonly data: unknown;
}

function parseAndStringify(body: string): number {
  let length = 0;
  for (const event of JSON.parse(body) as ParsedEvent[]) {
    length += JSON.stringify(event.data, null, 2).length;
  }
  return length;
}

for (
  const [group, body] of [["body of 1", ONE], ["body of 100", HUNDRED]] as const
) {
  Deno.bench({
    name: `JSON.parse + stringify, ${group}`,
    group,
    baseline: true,
    fn: () => {
      parseAndStringify(body);
    },
  });
  Deno.bench({
    name: `scanEventArray, ${group}`,
    group,
    fn: () => {
      scanEventArray(body);
    },
  });
}

Deno.bench({
  name: "JSON.parse + stringify, data",
  group: "data",
  baseline: true,
  fn: () => {
    JSON.stringify(JSON.parse(COMPACT), null, 2);
  },
});
Deno.bench({
  name: "reindentJson, compact",
  group: "data",
  fn: () => {
    reindentJson(COMPACT, { depth: 2 });
  },
});
Deno.bench({
  name: "reindentJson, as stored",
  group: "data",
  fn: () => {
    reindentJson(INDENTED, { depth: 2 });
  },
});
Deno.bench({
  name: "jsonToXml",
  group: "data",
  fn: () => {
    jsonToXml(INDENTED, "data");
  },
});
