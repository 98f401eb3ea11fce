/**
 * Fills a fresh server with the streams that the read rows read, and takes
 * down its answers for the reference.
 *
 * @module
 */

import {
  type RecordedAnswer,
  recordedAnswerOf,
  type RecordedRead,
  recordRead,
} from "./answers.ts";
import { drive } from "./driver.ts";
import { PAGE_EVENTS, READ_STREAMS, type RecordedReads } from "./rows.ts";

const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ATOM_XML = "application/atom+xml";
const EVENTS_JSON = "application/vnd.eventstore.events+json";
const SEED_DEADLINE_MS = 10_000;

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
  data: { readonly dataBytes: number; readonly seed: number },
): Promise<RecordedReads> {
  const events: RecordedRead[] = [];
  const feeds: RecordedRead[] = [];
  const bodyFeeds: RecordedRead[] = [];
  const xmlFeeds: RecordedRead[] = [];
  for (let stream = 0; stream < READ_STREAMS; stream++) {
    const streamPrefix = `read-${stream}`;
    await appendPage(server.port, { ...data, streamPrefix, stream });
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

interface PageSeed {
  readonly dataBytes: number;
  readonly seed: number;
  readonly streamPrefix: string;
  readonly stream: number;
}

async function appendPage(port: number, page: PageSeed): Promise<void> {
  const result = await drive({
    port,
    connections: 1,
    warmupMs: 0,
    measureMs: SEED_DEADLINE_MS,
    requestsMax: 1,
    seed: page.seed + page.stream,
    work: {
      kind: "append",
      format: "json",
      eventsPerPost: PAGE_EVENTS,
      dataBytes: page.dataBytes,
      streamCount: 1,
      streamPrefix: page.streamPrefix,
    },
    expectedStatus: 201,
  });
  if (result.requestsInAll !== 1) {
    throw new Error(`Cannot seed ${page.streamPrefix}: ${result.firstError}`);
  }
}
