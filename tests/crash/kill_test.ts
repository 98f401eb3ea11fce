/**
 * The program killed under load. A witness outside of it remembers what was
 * answered; afterwards all of that must be there, once, in order and without
 * gaps, and of the rest only whole batches that were really sent.
 *
 * `QUIPU_SEED` repeats the delays and the sizes of the batches.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RecordedEvent } from "../../lib/model/event.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { runProgram, startServer } from "../support/program.ts";
import { type Random, withSeed } from "../support/random.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const CLIENTS = 64;
/** Fewer than clients, so that some of them write to the same stream. */
const STREAMS = 48;
const ROUNDS = 20;
/** Segments so small that some kills meet a roll and the sealing after it. */
const SEGMENT_BYTES = 1024 * 1024;
/** Longest time until there was some load. */
const LOAD_MS_MAX = 60_000;

/** A batch that was sent, and where the answer said that it is. */
interface SentBatch {
  readonly streamName: string;
  readonly eventIds: readonly string[];
  /** Number of its first event; undefined when it was never answered. */
  firstEventNumber: number | undefined;
}

/** Remembers what was sent and what was answered. */
class Witness {
  readonly batches: SentBatch[] = [];

  get answeredCount(): number {
    return this.batches.filter((batch) => batch.firstEventNumber !== undefined)
      .length;
  }

  /** Settles once so many batches were answered. */
  async untilAnswered(count: number): Promise<void> {
    const endAtMs = performance.now() + LOAD_MS_MAX;
    while (this.answeredCount < count) {
      assert(performance.now() < endAtMs, "There is no load");
      await delay(5);
    }
  }

  /** Checks a store that nobody writes against everything remembered. */
  async check(store: EventStore): Promise<void> {
    const streams = await readStreams(store);
    const sentIds = new Map<string, SentBatch>();
    for (const batch of this.batches) {
      for (const eventId of batch.eventIds) sentIds.set(eventId, batch);
    }
    const found = new Set<string>();
    for (const [streamName, events] of streams) {
      for (const [index, { eventId, eventNumber }] of events.entries()) {
        assertEquals(eventNumber, index, `${streamName} has no gaps`);
        assert(!found.has(eventId), `${eventId} is there once`);
        found.add(eventId);
        const batch = sentIds.get(eventId);
        assert(batch !== undefined, `${eventId} was sent`);
        assertEquals(batch.streamName, streamName);
      }
    }
    for (const batch of this.batches) {
      const events = streams.get(batch.streamName) ?? [];
      checkBatch(batch, events, found);
    }
  }
}

/** An answered batch is where it was said to be; any other whole or absent. */
function checkBatch(
  batch: SentBatch,
  events: readonly RecordedEvent[],
  found: ReadonlySet<string>,
): void {
  const { eventIds, firstEventNumber } = batch;
  const [firstId = ""] = eventIds;
  if (firstEventNumber === undefined && !found.has(firstId)) {
    const parts = eventIds.filter((eventId) => found.has(eventId));
    assertEquals(parts, [], "A batch is not there in parts");
    return;
  }
  const first = firstEventNumber ??
    events.findIndex(({ eventId }) => eventId === firstId);
  assertEquals(
    events.slice(first, first + eventIds.length).map(({ eventId }) => eventId),
    eventIds,
    `the batch at ${first}@${batch.streamName}`,
  );
}

/** All events by stream, in the order of the log. */
async function readStreams(
  store: EventStore,
): Promise<Map<string, RecordedEvent[]>> {
  const streams = new Map<string, RecordedEvent[]>();
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = await store.readAll({
      from,
      count: 4096,
      direction: "forward",
      withBodies: true,
      // The server has streams of its own: users.
      accepts: ({ streamName }) => streamName.startsWith("kill-"),
    });
    for (const event of page.events) {
      const events = streams.get(event.streamName);
      if (events === undefined) streams.set(event.streamName, [event]);
      else events.push(event);
    }
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  return streams;
}

/** One batch after the other, until the server is gone. */
async function runClient(
  url: string,
  client: number,
  { witness, random, unanswered }: {
    witness: Witness;
    random: Random;
    /** Batch of the life before that got no answer: sent again. */
    unanswered: SentBatch | undefined;
  },
): Promise<SentBatch | undefined> {
  const streamName = `kill-${client % STREAMS}`;
  let batch = unanswered;
  while (true) {
    if (batch === undefined) {
      const count = random.chance(0.5) ? 1 : random.integer(2, 6);
      batch = {
        streamName,
        eventIds: Array.from({ length: count }, () => crypto.randomUUID()),
        firstEventNumber: undefined,
      };
      witness.batches.push(batch);
    }
    const answer = await sendBatch(url, batch);
    if (answer === undefined) return batch;
    batch.firstEventNumber = answer;
    batch = undefined;
  }
}

/** Sends a batch; tells its first number, undefined when nothing came back. */
async function sendBatch(
  url: string,
  batch: SentBatch,
): Promise<number | undefined> {
  let response: Response;
  try {
    response = await fetch(`${url}/streams/${batch.streamName}`, {
      method: "POST",
      headers: { "Content-Type": "application/vnd.eventstore.events+json" },
      body: JSON.stringify(batch.eventIds.map((eventId, index) => ({
        eventId,
        eventType: "sent",
        data: { index, of: batch.eventIds.length, filler: "x".repeat(200) },
      }))),
    });
    await response.body?.cancel();
  } catch (error) {
    // The connection broke, or there is nobody to connect to.
    assert(error instanceof TypeError, String(error));
    return undefined;
  }
  if (response.status === 503) return undefined;
  assertEquals(response.status, 201);
  const location = response.headers.get("Location") ?? "";
  const match = /\/streams\/kill-\d+\/(\d+)$/.exec(location);
  assert(match !== null, location);
  return Number(match[1]);
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

Deno.test("twenty kills under load lose nothing that was answered", async () => {
  await withSeed(async (random) => {
    await using directory = new StoreDirectory(
      await Deno.makeTempDir({ prefix: "quipu-kill-" }),
    );
    const args = [`--db=${directory.path}`, `--segment-size=${SEGMENT_BYTES}`];
    const witness = new Witness();
    let unanswered: (SentBatch | undefined)[] = Array(CLIENTS).fill(undefined);
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startServer(args);
      const clients = unanswered.map((batch, client) =>
        runClient(server.url, client, {
          witness,
          random,
          // Some clients give up instead of asking again.
          unanswered: random.chance(0.7) ? batch : undefined,
        })
      );
      await delay(random.integer(20, 500));
      // A slow machine has to be given time for some load.
      await witness.untilAnswered(round * CLIENTS + 1);
      server.kill("SIGKILL");
      unanswered = await Promise.all(clients);
      await server.end;
      // Now and then somebody else than the next server opens what is left.
      if (round % 5 === 4) {
        await using opened = await directory.open(SEGMENT_BYTES);
        await witness.check(opened.store);
      }
    }
    const last = await startServer(args);
    last.kill("SIGTERM");
    assertEquals((await last.end).exitCode, 0);
    await using opened = await directory.open(SEGMENT_BYTES);
    assertEquals(opened.verdict, "CLEAN");
    await witness.check(opened.store);
  });
});

Deno.test("SIGTERM under load answers what is under way and leaves a clean store", async () => {
  await withSeed(async (random) => {
    await using directory = new StoreDirectory(
      await Deno.makeTempDir({ prefix: "quipu-stop-" }),
    );
    const witness = new Witness();
    const server = await startServer([`--db=${directory.path}`]);
    const clients = Array.from(
      { length: CLIENTS },
      (_, client) =>
        runClient(server.url, client, {
          witness,
          random,
          unanswered: undefined,
        }),
    );
    await delay(500);
    await witness.untilAnswered(CLIENTS);
    server.kill("SIGTERM");
    const unanswered = await Promise.all(clients);
    const { exitCode, log } = await server.end;
    assertEquals(exitCode, 0, log);
    await using opened = await directory.open();
    assertEquals(opened.verdict, "CLEAN");
    await witness.check(opened.store);
    // An append that was taken was answered: what got none is not there.
    const streams = await readStreams(opened.store);
    const ids = new Set(
      [...streams.values()].flat().map(({ eventId }) => eventId),
    );
    for (const batch of unanswered) {
      const taken = batch?.eventIds.filter((eventId) => ids.has(eventId));
      assertEquals(taken ?? [], []);
    }
  });
});

Deno.test("the second server on a directory ends with 1 and one line, the first goes on", async () => {
  await using directory = new StoreDirectory(
    await Deno.makeTempDir({ prefix: "quipu-second-" }),
  );
  const args = [`--db=${directory.path}`];
  await using first = await startServer(args);
  const batch: SentBatch = {
    streamName: "kill-1",
    eventIds: [crypto.randomUUID()],
    firstEventNumber: undefined,
  };
  assertEquals(await sendBatch(first.url, batch), 0);
  const { exitCode, output, log } = await runProgram(
    ["serve", "--port=0", "--log-level=error", ...args],
  );
  assertEquals({ exitCode, output }, { exitCode: 1, output: "" });
  assertMatch(log, /^quipu: [^\n]+\n$/);
  assert(log.includes(`process ${first.processId}`), log);
  const next = { ...batch, eventIds: [crypto.randomUUID()] };
  assertEquals(await sendBatch(first.url, next), 1);
});
