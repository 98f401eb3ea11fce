/**
 * Fills a fresh server with the streams that the read rows read, and takes
 * down its answers for the reference.
 *
 * @module
 */

import { drive } from "../load/driver.ts";
import { appends } from "../load/run_driver.ts";
import {
  type RecordedAnswer,
  recordedAnswerOf,
  type RecordedRead,
  recordRead,
} from "../servers/answers.ts";

/** Events of a feed page. */
export const PAGE_EVENTS = 20;
/** Streams that are seeded. */
export const READ_STREAMS = 64;
const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ATOM_XML = "application/atom+xml";
const EVENTS_JSON = "application/vnd.eventstore.events+json";
const SEED_DEADLINE_MS = 10_000;

/** What can be read of the seeded streams. */
export interface RecordedReads {
  readonly events: readonly RecordedRead[];
  readonly feeds: readonly RecordedRead[];
  readonly bodyFeeds: readonly RecordedRead[];
  readonly xmlFeeds: readonly RecordedRead[];
}

/** Answer to an append of one event. */
export async function recordCreated(origin: string): Promise<RecordedAnswer> {
  const response = await fetch(`${origin}/streams/recorded`, {
    method: "POST",
    headers: { "Content-Type": EVENTS_JSON },
    body: JSON.stringify([{
      eventId: "6f1d6a3e-5d0b-4d3c-9f4e-0a1b2c3d4e5f",
      eventType: "recorded",
      data: { a: 1 },
    }]),
  });
  const answer = await recordedAnswerOf(response);
  if (answer.status !== 201) {
    throw new Error(`Cannot append: status ${answer.status}: ${answer.body}`);
  }
  return answer;
}

/** Writes one page of events to each stream and reads all of it once. */
export async function seedReads(
  server: { readonly port: number; readonly origin: string },
  { seed }: { readonly seed: number },
): Promise<RecordedReads> {
  const events: RecordedRead[] = [];
  const feeds: RecordedRead[] = [];
  const bodyFeeds: RecordedRead[] = [];
  const xmlFeeds: RecordedRead[] = [];
  for (let stream = 0; stream < READ_STREAMS; stream++) {
    const streamPrefix = `read-${stream}`;
    const { requestsInAll, firstError } = await drive({
      port: server.port,
      connections: 1,
      warmupMs: 0,
      measureMs: SEED_DEADLINE_MS,
      requestsMax: 1,
      seed: seed + stream,
      ...appends({ eventsPerPost: PAGE_EVENTS, streamCount: 1, streamPrefix }),
    });
    if (requestsInAll !== 1) {
      throw new Error(`Cannot seed ${streamPrefix}: ${firstError}`);
    }
    const path = `/streams/${streamPrefix}-0000`;
    const record = (path: string, accept = ATOM_JSON) =>
      recordRead(server.origin, { path, accept });
    for (let number = 0; number < PAGE_EVENTS; number++) {
      events.push(await record(`${path}/${number}`));
    }
    feeds.push(await record(path));
    bodyFeeds.push(await record(`${path}?embed=body`));
    xmlFeeds.push(await record(path, ATOM_XML));
  }
  return { events, feeds, bodyFeeds, xmlFeeds };
}
