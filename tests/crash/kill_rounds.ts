/**
 * Rounds of `kill -9` on the program, under the load of several client
 * processes that keep their own account of what was answered.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { startServer } from "../support/program.ts";
import type { Random } from "../support/random.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const CLIENTS = 3;
const CONNECTIONS = 12;
const STREAMS = 16;
/** So small that many kills meet a roll and the sealing after it. */
const SEGMENT_BYTES = 1024 * 1024;
/** Rounds after which everything is checked, besides the end. */
const CHECKED_ROUNDS = 25;
/** Events that have to be answered, a round; else there is no load. */
const EVENTS_MIN = 25;
/** So many times the rounds are made at most, until there was load enough. */
const MORE_ROUNDS_MAX = 5;

export interface KillFigures {
  readonly rounds: number;
  readonly eventsAcknowledged: number;
  readonly eventsFound: number;
}

/** A client process. */
class Client implements AsyncDisposable {
  readonly witnessPath: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;

  constructor(witnessPath: string) {
    this.witnessPath = witnessPath;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--allow-net=127.0.0.1",
        "--allow-write",
        fromFileUrl(new URL("./kill_client.ts", import.meta.url)),
        witnessPath,
        String(CONNECTIONS),
        String(STREAMS),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
  }

  begin(url: string): Promise<void> {
    return this.#input.write(new TextEncoder().encode(url + "\n"));
  }

  /** Settles once the server is gone for all connections. */
  async ended(): Promise<void> {
    const { done } = await this.#output.read();
    assert(!done, "The client goes on");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#child.status;
    await this.#output.cancel();
  }
}

/**
 * Kills the program so many times, and more often where a slow machine was
 * killed before it could answer much; throws when something is not as it was.
 */
export async function killRounds(
  rounds: number,
  random: Random,
  onRound: (round: number) => void = () => {},
): Promise<KillFigures> {
  const outside = await Deno.makeTempDir({ prefix: "quipu-witness-" });
  await using directory = new StoreDirectory(
    await Deno.makeTempDir({ prefix: "quipu-kill-" }),
  );
  const args = [`--db=${directory.path}`, `--segment-size=${SEGMENT_BYTES}`];
  const paths = Array.from(
    { length: CLIENTS },
    (_, index) => `${outside}/${index}`,
  );
  try {
    await using stack = new AsyncDisposableStack();
    const clients = paths.map((path) => stack.use(new Client(path)));
    for (let round = 1;; round++) {
      const server = await startServer(args);
      await Promise.all(clients.map((client) => client.begin(server.url)));
      const delayMs = random.integer(10, 350);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      server.kill("SIGKILL");
      await Promise.all(clients.map((client) => client.ended()));
      await server.end;
      onRound(round);
      if (round < rounds && round % CHECKED_ROUNDS !== 0) continue;
      const figures = await check(directory, paths);
      if (round < rounds) continue;
      if (figures.eventsAcknowledged > rounds * EVENTS_MIN) {
        return { rounds: round, ...figures };
      }
      assert(round < rounds * MORE_ROUNDS_MAX, "There is no load");
    }
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
}

interface Batch {
  readonly streamName: string;
  readonly eventIds: readonly string[];
  answered: number | undefined;
}

/** Reads what the clients wrote down: batches by the id of their first event. */
async function readWitnesses(
  paths: readonly string[],
): Promise<Map<string, Batch>> {
  const batches = new Map<string, Batch>();
  for (const path of paths) {
    for (const line of (await Deno.readTextFile(path)).split("\n")) {
      const [what, one = "", other = ""] = line.split(" ");
      if (what === "ask") {
        const eventIds = other.split(",");
        batches.set(eventIds[0] ?? "", {
          streamName: one,
          eventIds,
          answered: undefined,
        });
      } else if (what === "ok") {
        const batch = batches.get(one);
        assert(batch !== undefined, "What was answered was asked");
        batch.answered = Number(other);
      }
    }
  }
  return batches;
}

/** Opens the store by itself and compares it with what the clients know. */
async function check(
  directory: StoreDirectory,
  paths: readonly string[],
): Promise<Omit<KillFigures, "rounds">> {
  const batches = await readWitnesses(paths);
  const streams = new Map<string, string[]>();
  await using opened = await directory.open(SEGMENT_BYTES);
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = await opened.store.readAll({
      from,
      count: 4096,
      direction: "forward",
      withBodies: true,
      accepts: ({ streamName }) => streamName.startsWith("kill-"),
    });
    for (const { streamName, eventId, eventNumber } of page.events) {
      const ids = streams.get(streamName) ?? [];
      streams.set(streamName, ids);
      assertEquals(eventNumber, ids.length, `${streamName} has no gaps`);
      ids.push(eventId);
    }
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  let eventsFound = 0;
  let eventsAcknowledged = 0;
  for (const [streamName, ids] of streams) {
    eventsFound += ids.length;
    // Batch after batch, each whole and in its own stream, and nothing else.
    for (let at = 0; at < ids.length;) {
      const batch = batches.get(ids[at] ?? "");
      assert(batch?.streamName === streamName, `${ids[at]} was sent`);
      const found = ids.slice(at, at + batch.eventIds.length);
      assertEquals(found, [...batch.eventIds], "A batch is whole");
      if (batch.answered !== undefined) {
        assertEquals(at, batch.answered, `${ids[at]} is where it was said`);
        eventsAcknowledged += found.length;
        batches.delete(ids[at] ?? "");
      }
      at += found.length;
    }
    assertEquals(new Set(ids).size, ids.length, "Each event is there once");
  }
  for (const { answered, eventIds } of batches.values()) {
    assertEquals(
      answered,
      undefined,
      `${eventIds[0]} was answered and is there`,
    );
  }
  return { eventsAcknowledged, eventsFound };
}
