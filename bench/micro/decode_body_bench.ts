/**
 * Decoding of request bodies into events, beside `JSON.parse` of the same text.
 *
 * @module
 */

import {
  decodeEventsJsonInSteps,
  decodeEventsTextInSteps,
  decodeEventsXmlInSteps,
} from "../../lib/http/appending.ts";
import { runSteps } from "../../lib/text/steps.ts";
import {
  eventsJsonBody,
  eventsXmlBody,
  LARGE_DATA_BYTES,
  SMALL_DATA_BYTES,
} from "./samples.ts";

const SHAPES = [
  { title: "1 event", count: 1, dataBytes: SMALL_DATA_BYTES },
  { title: "100 events", count: 100, dataBytes: SMALL_DATA_BYTES },
  { title: "1 event of 10 KB", count: 1, dataBytes: LARGE_DATA_BYTES },
];

for (const { title, count, dataBytes } of SHAPES) {
  const json = eventsJsonBody(count, dataBytes);
  const xml = eventsXmlBody(count, dataBytes);
  const group = `decode ${title}`;
  Deno.bench(`JSON.parse, ${title}`, { group, baseline: true }, () => {
    JSON.parse(json);
  });
  const jsonBytes = new TextEncoder().encode(json);
  Deno.bench(`events+json, ${title}`, { group }, () => {
    runSteps(decodeEventsJsonInSteps(jsonBytes));
  });
  Deno.bench(`events+json, not plain, ${title}`, { group }, () => {
    runSteps(decodeEventsTextInSteps(json));
  });
  Deno.bench(`events+xml, ${title}`, { group }, () => {
    runSteps(decodeEventsXmlInSteps(xml));
  });
}
