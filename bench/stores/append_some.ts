/**
 * What a server is given before it is killed.
 *
 * @module
 */

import type { ChildServer } from "../servers/child_server.ts";

/** Batches that are appended before a server is killed. */
const BATCHES_BEFORE_KILL = 20;
const BATCH_EVENTS = 500;
const EVENTS_JSON = "application/vnd.eventstore.events+json";

/** Appends 10,000 events to 20 streams. */
export async function appendSome({ origin }: ChildServer): Promise<void> {
  for (let batch = 0; batch < BATCHES_BEFORE_KILL; batch++) {
    const events = Array.from({ length: BATCH_EVENTS }, (_, number) => ({
      eventId: crypto.randomUUID(),
      eventType: "appended",
      data: { number },
    }));
    const response = await fetch(`${origin}/streams/appended-${batch}`, {
      method: "POST",
      headers: { "Content-Type": EVENTS_JSON },
      body: JSON.stringify(events),
    });
    await response.body?.cancel();
    if (response.status !== 201) throw new Error(`Status ${response.status}`);
  }
}
