/**
 * The program killed, and stopped, while a worker makes the index file of a
 * full segment: everything that was answered is there afterwards, and every
 * byte that lies on the disk is as it should be.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { runProgram, startServer } from "../support/program.ts";
import { withSeed } from "../support/random.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const CLIENTS = 4;
const STREAMS_PER_CLIENT = 60;
const EVENTS_PER_BATCH = 500;
/** Holds more records than are sealed without a worker. */
const SEGMENT_BYTES = 16 * 1024 * 1024;
const KILLS = 4;

/** Events of each stream that were answered. */
type Answered = Map<string, number>;

/** Appends batch after batch until the server is gone. */
async function appendUntilGone(
  url: string,
  client: number,
  answered: Answered,
): Promise<void> {
  for (let batch = 0;; batch++) {
    const streamName = `sealed-${client}-${batch % STREAMS_PER_CLIENT}`;
    const events = Array.from({ length: EVENTS_PER_BATCH }, () => ({
      eventId: crypto.randomUUID(),
      eventType: "sent",
      data: {},
    }));
    try {
      const response = await fetch(`${url}/streams/${streamName}`, {
        method: "POST",
        headers: { "Content-Type": "application/vnd.eventstore.events+json" },
        body: JSON.stringify(events),
      });
      await response.body?.cancel();
      // It is stopping.
      if (response.status === 503) return;
      assertEquals(response.status, 201);
    } catch (error) {
      // The connection broke, or there is nobody to connect to.
      assert(error instanceof TypeError, String(error));
      return;
    }
    const before = answered.get(streamName) ?? 0;
    answered.set(streamName, before + EVENTS_PER_BATCH);
  }
}

/** Settles once an index file is being written. */
async function untilSealing(directory: StoreDirectory): Promise<void> {
  for (let tries = 0; tries < 30_000; tries++) {
    for await (const { name } of Deno.readDir(directory.pathOf("segments"))) {
      if (name.endsWith(".idx.tmp")) return;
    }
    await delay(5);
  }
  throw new Error("No segment is sealed");
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

async function checkAll(
  directory: StoreDirectory,
  answered: Answered,
): Promise<void> {
  await using opened = await directory.open(SEGMENT_BYTES);
  for (const [streamName, count] of answered) {
    const { head } = await opened.store.readState(streamName);
    assert(head + 1 >= count, `${streamName}: ${head + 1} of ${count} events`);
  }
}

Deno.test("a kill while a worker makes an index file costs nothing", async () => {
  await withSeed(async (random) => {
    await using directory = new StoreDirectory(
      await Deno.makeTempDir({ prefix: "quipu-seal-" }),
    );
    const args = [`--db=${directory.path}`, `--segment-size=${SEGMENT_BYTES}`];
    const answered: Answered = new Map();
    let sealedCount = 0;
    for (let round = 0; round <= KILLS; round++) {
      const server = await startServer(args);
      const clients = Array.from(
        { length: CLIENTS },
        (_, client) => appendUntilGone(server.url, client, answered),
      );
      await untilSealing(directory);
      await delay(random.integer(0, 150));
      const isKilled = round < KILLS;
      server.kill(isKilled ? "SIGKILL" : "SIGTERM");
      await Promise.all(clients);
      const { exitCode, log } = await server.end;
      assert(!log.includes("segment.index_made_here"), log);
      sealedCount += log.split(" segment.sealed ").length - 1;
      if (!isKilled) assertEquals(exitCode, 0, log);
    }
    assert(sealedCount > 0, "The last one was not killed");
    await checkAll(directory, answered);
    const { exitCode, output } = await runProgram([
      "verify",
      `--db=${directory.path}`,
    ]);
    assertEquals(exitCode, 0, output);
  });
});
