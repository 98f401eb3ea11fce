import { assertEquals } from "@std/assert";
import { TOMBSTONE_EVENT_NUMBER } from "../../model/event_number.ts";
import type { ResolvedEvent } from "../../model/feed.ts";
import { ByteText } from "../../text/byte_text.ts";
import {
  plainEvent,
  recordedEvent,
} from "../../../tests/support/recorded_events.ts";
import { feedOfMessages, MessageLines } from "./competing_feed.ts";
import { renderFeedJson } from "./feed_json.ts";

const BASE = "http://127.0.0.1:2113/a";

const EVENTS: readonly ResolvedEvent[] = [
  plainEvent(),
  plainEvent({ data: '"\\u0000]}"', metadata: '{"m":"]}"}', isJson: false }),
  plainEvent({ streamName: '7777777777777 ü/"', eventNumber: 7777777777777 }),
  plainEvent({
    eventNumber: TOMBSTONE_EVENT_NUMBER,
    eventType: "$streamDeleted",
  }),
  {
    original: recordedEvent({ eventType: "$>", data: "3@t", isJson: false }),
    link: { streamName: "t", eventNumber: 3 },
    target: recordedEvent({ streamName: "t", eventNumber: 3 }),
  },
  {
    original: recordedEvent({ eventType: "$>", data: "3@t", isJson: false }),
    link: { streamName: "t", eventNumber: 3 },
    target: undefined,
  },
];

Deno.test("a message that is pushed is the entry of a feed, on one line", () => {
  for (const groupName of ["g", 'h "\\ü/%41', "7777777777777"]) {
    const group = { streamName: "s1", groupName };
    const lines = new MessageLines(BASE, group);
    for (let round = 0; round < 2; round++) {
      for (const event of EVENTS) {
        const out = new ByteText(16);
        lines.write(out, event);
        const line = new TextDecoder().decode(out.take(0));
        const feed = feedOfMessages(
          { ...group, count: 1, events: [event] },
          BASE,
        );
        const page = renderFeedJson(feed, "body");
        assertEquals(typeof page, "string");
        const [entry] = JSON.parse(String(page)).entries;
        assertEquals(line.includes("\n"), false);
        assertEquals(JSON.parse(line), entry);
        assertEquals(JSON.stringify(JSON.parse(line)), JSON.stringify(entry));
      }
    }
  }
});
