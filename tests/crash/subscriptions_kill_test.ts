/**
 * Consumers of a persistent subscription while the server is killed: what was
 * not acknowledged comes again, what was acknowledged for long enough does not,
 * and in the end nothing was left out.
 *
 * `QUIPU_SEED` repeats what is acknowledged, and the moments of the kills.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { type RunningServer, startServer } from "../support/program.ts";
import { type Random, withSeed } from "../support/random.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const KILLS = 3;
const EVENTS_PER_LIFE = 300;
const CONSUMERS = 3;
/** Least length of a life, so that it has acknowledgements old enough. */
const LIFE_MS = 2_500;
const CHECKPOINT_AFTER_MS = 300;
/** What a write may take on a machine that is busy. */
const WRITE_MS = 1_200;
const HEADERS = {
  Authorization: `Basic ${btoa("admin:changeit")}`,
  "Content-Type": "application/json",
};
const COMPETING = "application/vnd.eventstore.competingatom+json";

/** What everybody knows of the run. */
interface Run {
  readonly random: Random;
  /** When the 202 for an event was there, by its id. */
  readonly ackedAt: Map<string, number>;
  /** Events of whose acknowledgement is not known whether it counted. */
  readonly unsure: Set<string>;
  /** When the server was killed last. */
  killedAt: number;
  eventCount: number;
  /** Messages that came again after their acknowledgement. */
  repeatedCount: number;
}

/** One server, until it is killed. */
class Life {
  readonly #run: Run;
  readonly #url: string;
  isOver = false;

  constructor(run: Run, { url }: RunningServer) {
    this.#run = run;
    this.#url = url;
  }

  /** The answer, read whole; undefined: the server is gone. */
  async request(
    path: string,
    options: RequestInit = {},
  ): Promise<{ readonly status: number; readonly body: string } | undefined> {
    try {
      const headers = { ...HEADERS, ...options.headers };
      const response = await fetch(this.#url + path, { ...options, headers });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      assert(this.isOver, String(error));
    }
  }

  async append(count: number): Promise<void> {
    const first = this.#run.eventCount;
    this.#run.eventCount += count;
    const events = Array.from({ length: count }, (_, index) => ({
      eventId: testUuid(first + index),
      eventType: "tested",
      data: { n: first + index },
    }));
    const body = JSON.stringify(events);
    const headers = {
      "Content-Type": "application/vnd.eventstore.events+json",
    };
    const options = { method: "POST", body, headers };
    assertEquals((await this.request("/streams/s", options))?.status, 201);
  }

  /** Reads, and acknowledges most of it, until the server is gone. */
  async consume(): Promise<void> {
    const { random } = this.#run;
    while (!this.isOver) {
      const ids = await this.readIds(random.integer(1, 20));
      const acked = ids.filter(() => random.chance(0.7));
      if (acked.length > 0) await this.ack(acked);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async readIds(count: number): Promise<string[]> {
    const answer = await this.request(
      `/subscriptions/s/g/${count}?embed=rich`,
      {
        headers: { Accept: COMPETING },
      },
    );
    if (answer === undefined) return [];
    assertEquals(answer.status, 200, answer.body);
    const { entries } = JSON.parse(answer.body);
    const ids: string[] = entries.map((entry: { eventId: string }) =>
      entry.eventId
    );
    for (const id of ids) this.#see(id);
    return ids;
  }

  async ack(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#run.unsure.add(id);
    const path = `/subscriptions/s/g/ack?ids=${ids.join(",")}`;
    const answer = await this.request(path, { method: "POST" });
    if (answer === undefined) return;
    assertEquals(answer.status, 202);
    for (const id of ids) {
      this.#run.unsure.delete(id);
      this.#run.ackedAt.set(id, performance.now());
    }
  }

  /** Nothing comes again whose acknowledgement had to be durable. */
  #see(id: string): void {
    const { ackedAt, killedAt } = this.#run;
    const at = ackedAt.get(id);
    if (at === undefined) return;
    const ageMs = killedAt - at;
    assert(
      ageMs < CHECKPOINT_AFTER_MS + WRITE_MS,
      `${id} comes again ${Math.round(ageMs)} ms after its acknowledgement`,
    );
    this.#run.repeatedCount++;
    ackedAt.delete(id);
  }
}

Deno.test("consumers lose nothing, and acknowledge nothing in vain, whatever is killed", () =>
  withSeed(async (random) => {
    await using directory = new StoreDirectory(
      await Deno.makeTempDir({ prefix: "quipu-subscriptions-kill-" }),
    );
    const args = [`--db=${directory.path}`, "--log-level=info"];
    const run: Run = {
      random,
      ackedAt: new Map(),
      unsure: new Set(),
      killedAt: 0,
      eventCount: 0,
      repeatedCount: 0,
    };
    for (let kill = 0; kill < KILLS; kill++) {
      await using server = await startServer(args);
      const life = new Life(run, server);
      if (kill === 0) {
        const body = JSON.stringify({
          checkPointAfterMilliseconds: CHECKPOINT_AFTER_MS,
          messageTimeoutMilliseconds: 600_000,
          minCheckPointCount: 50,
        });
        const options = { method: "PUT", body };
        const answer = await life.request("/subscriptions/s/g", options);
        assertEquals(answer?.status, 201);
      }
      const consumers = Promise.all(
        Array.from({ length: CONSUMERS }, () => life.consume()),
      );
      consumers.catch(() => {});
      const endsAt = performance.now() + LIFE_MS + random.integer(0, 300);
      for (let left = EVENTS_PER_LIFE; left > 0; left -= 10) {
        await life.append(10);
      }
      while (performance.now() < endsAt) {
        await Promise.race([
          consumers,
          new Promise((resolve) => setTimeout(resolve, 20)),
        ]);
      }
      life.isOver = true;
      run.killedAt = performance.now();
      server.kill("SIGKILL");
      await server.end;
      await consumers;
    }
    await using server = await startServer(args);
    const last = new Life(run, server);
    for (;;) {
      const ids = await last.readIds(100);
      if (ids.length === 0) break;
      await last.ack(ids);
    }
    for (let number = 0; number < run.eventCount; number++) {
      const id = testUuid(number);
      const isKnown = run.ackedAt.has(id) || run.unsure.has(id);
      assert(isKnown, `Event ${number} was never acknowledged`);
    }
  }));
