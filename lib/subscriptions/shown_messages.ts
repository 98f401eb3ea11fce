/**
 * What one consumer is shown of messages: a group reads its source as the
 * server does, but each consumer sees only what its own rights allow.
 *
 * @module
 */

import { ALL_STREAM, readsEverything } from "../streams/access.ts";
import type { ReadContext } from "../streams/context.ts";
import { Readability } from "../streams/access.ts";
import { unresolved } from "../streams/resolve_links.ts";
import type { Caller, Message } from "./contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import type { Delivery, SourceMessage } from "./group.ts";
import type { ResolvedEvent } from "../model/feed.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Messages as a consumer may see them. A link to what it may not read is not
 * followed; of an event of `$all` that it may not read it sees no data.
 */
export async function showMessages(
  context: ReadContext,
  caller: Caller,
  { group, deliveries }: {
    readonly group: GroupId;
    readonly deliveries: readonly Delivery[];
  },
): Promise<readonly Message[]> {
  const seesAll = readsEverything(caller);
  const readability = new Readability(context, caller, "private");
  const messages: Message[] = [];
  for (const { message, retryCount } of deliveries) {
    const event = seesAll
      ? message.event
      : await showEvent(message, group, readability);
    messages.push({ id: message.id, event, retryCount });
  }
  return messages;
}

async function showEvent(
  { event, origin }: SourceMessage,
  { streamName }: GroupId,
  readability: Readability,
): Promise<ResolvedEvent> {
  const { original, link } = event;
  const mayRead = async (name: string) =>
    name === streamName ||
    (readability.peek(name) ?? await readability.mayRead(name));
  if (streamName === ALL_STREAM && origin === "source") {
    if (!await mayRead(original.streamName)) {
      // Member by member: a store's events may decode theirs when read.
      return unresolved({
        streamName: original.streamName,
        eventNumber: original.eventNumber,
        eventId: original.eventId,
        eventType: original.eventType,
        isJson: false,
        data: NO_BYTES,
        metadata: NO_BYTES,
        createdAtUs: original.createdAtUs,
        logPosition: original.logPosition,
      });
    }
  }
  if (link === undefined || await mayRead(link.streamName)) return event;
  return unresolved(original);
}
