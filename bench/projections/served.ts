/**
 * Projections of a server in a process of its own: what they cost appends by
 * HTTP, how soon a changed state comes over a live feed, and their memory.
 *
 * @module
 */

import { EventSourceReader } from "../../tests/support/event_source.ts";
import { ADMIN } from "../load/post.ts";
import { appends, driveWell } from "../load/run_driver.ts";
import { print } from "../report.ts";
import { median } from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu } from "../servers/quipu_server.ts";

const FEED_ROUNDS = 300;
const PROJECTIONS = 50;
const LIVE_PROJECTIONS = 10;
const LIVE_ROUNDS = 3;
const LIVE_MS = 3_000;
const CONNECTIONS = 16;

/** Appends by HTTP beside ten live projections, in turns with those alone. */
export async function measureServedAppends(directory: string): Promise<void> {
  await using server = await startQuipu(directory);
  const appendTo = async (streamPrefix: string, measureMs = LIVE_MS) =>
    (await driveWell(server, {
      ...appends({ streamPrefix }),
      connections: CONNECTIONS,
      warmupMs: 500,
      measureMs,
      seed: 1,
    })).rate;
  await appendTo("warm");
  const rounds: { alone: number; beside: number }[] = [];
  for (let round = 0; round < LIVE_ROUNDS; round++) {
    const alone = await appendTo(`alone${round}`);
    const names = Array.from(
      { length: LIVE_PROJECTIONS },
      (_, index) => `live${round}-${index}`,
    );
    const source = `fromCategory('live${round}')`;
    for (const name of names) await create(server, name, source);
    rounds.push({ alone, beside: await appendTo(`live${round}`) });
    for (const name of names) {
      const command = `${server.origin}/projection/${name}/command/disable`;
      await send(command, "application/json", "", 200);
    }
  }
  const loss = 100 * (1 - median(rounds.map((r) => r.beside / r.alone)));
  print(
    `served     ${loss.toFixed(1)} % less appends by HTTP beside ` +
      `${LIVE_PROJECTIONS} live projections: ` +
      `${Math.round(median(rounds.map((r) => r.alone)))} a second alone, ` +
      `${Math.round(median(rounds.map((r) => r.beside)))} beside them`,
  );
}

/** From an append by HTTP to the state that server-sent events bring. */
export async function measureFeed(directory: string): Promise<void> {
  await using server = await startQuipu(directory);
  await create(server, "feed");
  const response = await fetch(`${server.origin}/projection/feed/state`, {
    headers: { ...ADMIN, Accept: "text/event-stream" },
  });
  await using feed = new EventSourceReader(response.body);
  const sinceAnswer: number[] = [];
  const sinceRequest: number[] = [];
  for (let n = 1; n <= FEED_ROUNDS; n++) {
    const startedAtMs = performance.now();
    const shown = untilShown(feed, n);
    await append(server);
    const answeredAtMs = performance.now();
    await shown;
    const shownAtMs = performance.now();
    sinceRequest.push(shownAtMs - startedAtMs);
    sinceAnswer.push(Math.max(0, shownAtMs - answeredAtMs));
  }
  print(
    `feed       p50 ${percentile(sinceAnswer, 0.5)} ms after the append's ` +
      `answer, p99 ${percentile(sinceAnswer, 0.99)} ms; ` +
      `p50 ${percentile(sinceRequest, 0.5)} ms from its request on`,
  );
}

/** What running projections add to a server. */
export async function measureMemory(directory: string): Promise<void> {
  await using server = await startQuipu(directory);
  await append(server);
  const before = server.residentMb();
  const startedAtMs = performance.now();
  for (let n = 0; n < PROJECTIONS; n++) await create(server, `memory${n}`);
  const startMs = (performance.now() - startedAtMs) / PROJECTIONS;
  const each = (server.residentMb() - before) / PROJECTIONS;
  print(
    `memory     ${each.toFixed(1)} MB for each of ${PROJECTIONS} running ` +
      `projections, ${startMs.toFixed(0)} ms to create one`,
  );
}

/** The appended value shown at last, or a later one. */
async function untilShown(
  feed: EventSourceReader,
  count: number,
): Promise<void> {
  for (;;) {
    const sent = await feed.next();
    if (sent === undefined) throw new Error("The feed has ended");
    if (sent.data !== "" && JSON.parse(sent.data).n >= count) return;
  }
}

async function create(
  { origin }: ChildServer,
  name: string,
  source = "fromStream('fed')",
): Promise<void> {
  await send(
    `${origin}/projections/continuous?name=${name}&enabled=yes`,
    "application/javascript",
    `${source}.when({$init:()=>({n:0}), $any(s){s.n++}})`,
  );
}

async function append({ origin }: ChildServer): Promise<void> {
  const events = [{
    eventId: crypto.randomUUID(),
    eventType: "ordered",
    data: { text: "x".repeat(180) },
  }];
  const type = "application/vnd.eventstore.events+json";
  await send(`${origin}/streams/fed`, type, JSON.stringify(events));
}

async function send(
  url: string,
  type: string,
  body: string,
  expectedStatus = 201,
): Promise<void> {
  const headers = { ...ADMIN, "Content-Type": type };
  const response = await fetch(url, { method: "POST", headers, body });
  const text = await response.text();
  if (response.status === expectedStatus) return;
  throw new Error(`${response.status} ${text}`);
}

function percentile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
}
