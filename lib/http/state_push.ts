/**
 * The state or the result of a projection as server-sent events: the one there
 * is, then each one after a change; its id is the position, as the header
 * `ES-Position` says it. A client that is slow gets the newest.
 *
 * @module
 */

import type { StateFeed, StateView } from "../projections/contract.ts";
import type { Limits } from "../model/limits.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { EventPush, type PushedBytes } from "./event_push.ts";
import { positionHeader } from "./projection_documents.ts";

/** The bytes for a connection. Ending it closes the feed. */
export class StatePush extends EventPush {
  constructor(feed: StateFeed, limits: Limits) {
    let hasEnded = false;
    super({
      async next(): Promise<PushedBytes | undefined> {
        if (hasEnded) return undefined;
        const view = await feed.next();
        hasEnded = view === undefined;
        return encodeUtf8(
          view === undefined
            ? ": ended, the projection was deleted, the right to read this " +
              "was taken away or the server is stopping\n\n"
            : messageOf(view),
        );
      },
      close: () => feed.close(),
    }, limits);
  }
}

function messageOf({ text, position }: StateView): string {
  const id = position === undefined ? "" : `id: ${positionHeader(position)}\n`;
  // States are JSON on one line; a stored one might be anything.
  return `${id}data: ${text.replaceAll(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;
}
