import { assertEquals } from "@std/assert";
import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../model/event_number.ts";
import { ByteText } from "../../text/byte_text.ts";
import { EntryBytes } from "./entry_bytes.ts";
import { renderEntryJson, renderEntryLine } from "./feed_json.ts";
import { plainEvent } from "../../../tests/support/recorded_events.ts";
import { StreamRefs } from "./links.ts";

const BASES = ["http://127.0.0.1:2113", 'http://a/"b\\\ue005'];
const LEVELS: readonly EmbedLevel[] = [
  "none",
  "content",
  "rich",
  "body",
  "pretty",
  "tryharder",
];
const NAMES = ["cart-1", "a", "b".repeat(70), 'ü/"$\ue003', "c.d", "..", "🛒"];
const TYPES = ["orderPlaced", 'odd "type"\n', "\ue000"];
const NUMBERS = [0, 9, 10, 99, 12_345, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1];

function events(): ResolvedEvent[] {
  const made: ResolvedEvent[] = [];
  for (const streamName of [...NAMES, ...NAMES.toReversed()]) {
    for (const eventNumber of [...NUMBERS, TOMBSTONE_EVENT_NUMBER]) {
      const turn = made.length;
      made.push(plainEvent({
        streamName,
        eventNumber,
        eventType: TYPES[turn % 3] ?? "",
        isJson: turn % 2 === 0,
        data: turn % 5 === 0 ? "" : `{\n  "n": "${turn} é\ue001"\n}`,
        metadata: turn % 4 < 2 ? "" : '{"m": "\\"x\\""}',
        createdAtUs: 1_700_000_000_000_000 + turn * 100_000,
      }));
    }
  }
  return made;
}

for (const embed of LEVELS) {
  Deno.test(`entries at ${embed} are the same as bytes and as text`, () => {
    for (const base of BASES) {
      const page = (event: ResolvedEvent, refs: StreamRefs) =>
        renderEntryJson(event, refs, { embed, depth: 2 });
      const line = (event: ResolvedEvent, refs: StreamRefs) =>
        renderEntryLine(event, refs, embed);
      for (const render of [page, line]) {
        const entries = new EntryBytes(base, embed, render);
        for (const event of events()) {
          const out = new ByteText(10);
          entries.write(out, event);
          assertEquals(
            new TextDecoder().decode(out.array.subarray(0, out.length)),
            render(event, new StreamRefs(base)),
          );
        }
      }
    }
  });
}
