/**
 * Live feeds as server-sent events: each message is an entry as feeds with
 * `embed=body` have it, on one line; its id resumes right after it.
 *
 * @module
 */

import { EntryBytes } from "../formats/atom/entry_bytes.ts";
import { renderEntryLine } from "../formats/atom/feed_json.ts";
import { formatAllPosition } from "../formats/atom/links.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type { EmbedLevel } from "../model/feed.ts";
import type { LiveEnd, LiveFormat } from "../streams/outcomes.ts";

/** What follows an id in a place that comes before all others. */
const BEFORE_ALL = "-1";

const REASONS = {
  stopping: "the server is stopping",
  deleted: "the stream was deleted",
  unauthorized: "the right to read this was taken away",
} satisfies Record<LiveEnd, string>;

/** Events whose streams' names are remembered, to write them faster. */
const REMEMBERED_EVENTS = 1_000;

/** How a feed's messages are written. */
export interface LiveFormatOptions {
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  readonly embed: EmbedLevel;
  /** Whether places are positions in the whole log. */
  readonly isAll: boolean;
}

/** Makes the format. */
export function createLiveFormat(
  { baseUrl, embed, isAll }: LiveFormatOptions,
): LiveFormat {
  const formatPlace = isAll ? formatPosition : formatNumber;
  const placeName = isAll ? "position" : "eventNumber";
  const entries = new EntryBytes(
    baseUrl,
    embed,
    (event, refs) => renderEntryLine(event, refs, { embed }),
  );
  let eventCount = 0;
  return {
    key: `${embed} ${baseUrl}`,
    event(out, event, place) {
      if (++eventCount % REMEMBERED_EVENTS === 0) entries.forgetStreams();
      out.pushAscii("id: ");
      out.pushAscii(formatPlace(place));
      out.pushAscii("\ndata: ");
      entries.write(out, event);
      out.pushAscii("\n\n");
    },
    progress: (place) => `id: ${formatPlace(place)}\n\n`,
    caughtUp(place) {
      const text = formatPlace(place);
      const value = isAll ? `"${text}"` : text;
      return `event: caught-up\nid: ${text}\n` +
        `data: {"${placeName}": ${value}}\n\n`;
    },
    opening: "retry: 2000\n\n",
    heartbeat: ": heartbeat\n\n",
    ended: (reason) => `: ended, ${REASONS[reason]}\n\n`,
  };
}

function formatNumber(place: number): string {
  return place < 0 ? BEFORE_ALL : formatEventNumber(place);
}

function formatPosition(place: number): string {
  return place < 0
    ? BEFORE_ALL
    : formatAllPosition({ commit: place, prepare: place });
}
