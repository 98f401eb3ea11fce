/**
 * One event in every form that it is served as.
 *
 * @module
 */

import {
  type EventForm,
  renderEvent,
} from "../../lib/formats/atom/event_body.ts";
import type { RecordedEvent } from "../../lib/model/event.ts";
import {
  LARGE_DATA_BYTES,
  nextEventId,
  orderJson,
  SMALL_DATA_BYTES,
} from "./samples.ts";

const FORMS: readonly EventForm[] = [
  "atomJson",
  "atomXml",
  "json",
  "xml",
  "eventJson",
  "eventXml",
  "bytes",
];
const SHAPES = [
  { title: "small", dataBytes: SMALL_DATA_BYTES },
  { title: "10 KB", dataBytes: LARGE_DATA_BYTES },
];

for (const { title, dataBytes } of SHAPES) {
  const json = orderJson(dataBytes);
  const original: RecordedEvent = {
    streamName: "load-0017",
    eventNumber: 17,
    eventId: nextEventId(),
    eventType: "order-placed",
    isJson: true,
    data: new TextEncoder().encode(json),
    metadata: new Uint8Array(0),
    createdAtUs: 1_700_000_000_000_000,
    logPosition: 1_000_000,
  };
  const group = `render ${title}`;
  const value = JSON.parse(json);
  Deno.bench(`JSON.stringify of its data, ${title}`, {
    group,
    baseline: true,
  }, () => {
    JSON.stringify(value);
  });
  for (const form of FORMS) {
    Deno.bench(`${form}, ${title}`, { group }, () => {
      renderEvent({ original, link: undefined, target: undefined }, form, {
        baseUrl: "http://127.0.0.1:2113",
        embed: "none",
      });
    });
  }
}
