/**
 * Rounds of `kill -9` on a server with projections, while events come. At the
 * end states are those of a fold in plain code, and every event that had to be
 * emitted is there once and in order.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { testUuid } from "../support/events.ts";
import { type RunningServer, startServer } from "../support/program.ts";
import type { Random } from "../support/random.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const STREAMS = ["k-0", "k-1", "k-2", "k-3", "k-4"];
const ADMIN = `Basic ${btoa("admin:changeit")}`;
/** Longest time until everything is taken at the end. */
const CATCH_UP_MS = 120_000;
/** Small, so that there are many checkpoints. */
const CONFIG = { checkpointHandledThreshold: 20 };

/** Folds in order: another order gives another number. */
const FOLD = "s.n++; s.h=(s.h*31+e.data.n)%1000003";
const QUERIES = {
  fold: `fromStreams(${JSON.stringify(STREAMS)}).when({` +
    `$init:()=>({n:0,h:7}), evt(s,e){${FOLD}}})`,
  parted: "fromCategory('k').foreachStream().when({" +
    `$init:()=>({n:0,h:7}), evt(s,e){${FOLD}}})`,
  emitter: "fromCategory('k').when({$init:()=>({n:0,h:7})," +
    `evt(s,e){${FOLD}; emit('out-'+e.data.n%2,'seen',{n:e.data.n,h:s.h})}})`,
  linker: "fromAll().when({$init:()=>({n:0,h:7})," +
    `evt(s,e){${FOLD}; linkTo('links',e)}})`,
} as const;

/** An event that was appended. */
interface Sent {
  readonly streamName: string;
  readonly eventNumber: number;
  readonly n: number;
}

/** A request that was sent, and perhaps not answered. */
interface Request {
  readonly streamName: string;
  readonly events: readonly { readonly eventId: string; readonly n: number }[];
}

/** What came of the rounds. */
export interface ProjectionKillFigures {
  readonly rounds: number;
  readonly events: number;
}

/** Sends events, one request after the other, whichever server is there. */
class Sender {
  readonly sent: Sent[] = [];
  readonly #random: Random;
  readonly #counts = new Map<string, number>();
  #eventCount = 0;
  /** Sent again first, as nobody knows what became of it. */
  #unanswered: Request | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Sends until the server is gone. */
  async send(url: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const request = this.#unanswered ?? this.#next();
      this.#unanswered = request;
      const answer = await ask(url, `/streams/${request.streamName}`, {
        method: "POST",
        headers: { "Content-Type": "application/vnd.eventstore.events+json" },
        body: JSON.stringify(
          request.events.map(({ eventId, n }) => ({
            eventId,
            eventType: "evt",
            data: { n },
          })),
        ),
      }).catch((error) => {
        assert(isOver(), String(error));
      });
      if (answer === undefined) return;
      assertEquals(answer.status, 201, answer.body);
      this.#unanswered = undefined;
      this.#keep(request);
    }
  }

  #next(): Request {
    const count = this.#random.integer(1, 5);
    const events = Array.from({ length: count }, () => ({
      eventId: testUuid(++this.#eventCount),
      n: this.#random.integer(0, 99),
    }));
    return { streamName: this.#random.pick(STREAMS), events };
  }

  #keep({ streamName, events }: Request): void {
    for (const { n } of events) {
      const eventNumber = this.#counts.get(streamName) ?? 0;
      this.#counts.set(streamName, eventNumber + 1);
      this.sent.push({ streamName, eventNumber, n });
    }
  }
}

async function ask(
  url: string,
  path: string,
  options: RequestInit = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(url + path, {
    ...options,
    headers: { Authorization: ADMIN, ...options.headers },
  });
  return { status: response.status, body: await response.text() };
}

/**
 * Kills the program so many times; throws when something is not as it must be.
 */
export async function killProjectionRounds(
  rounds: number,
  random: Random,
  onRound: (round: number) => void = () => {},
): Promise<ProjectionKillFigures> {
  await using directory = new StoreDirectory(
    await Deno.makeTempDir({ prefix: "quipu-projections-kill-" }),
  );
  const args = [`--db=${directory.path}`];
  const sender = new Sender(random);
  for (let round = 1; round <= rounds; round++) {
    await using server = await startServer(args);
    if (round === 1) await createProjections(server);
    let isOver = false;
    const sending = sender.send(server.url, () => isOver);
    sending.catch(() => {});
    const before = sender.sent.length;
    for (let waits = 0; sender.sent.length === before; waits++) {
      assert(waits < 6_000, "The server takes nothing");
      await pause(10);
    }
    // Engines have just been started, or have long been at work.
    await pause(random.integer(0, 1_500));
    isOver = true;
    server.kill("SIGKILL");
    await server.end;
    await sending;
    onRound(round);
  }
  {
    await using server = await startServer(args);
    // What was sent last may have been written: it is sent again.
    const count = sender.sent.length;
    await sender.send(server.url, () => sender.sent.length > count);
    await checkStates(server, sender.sent);
  }
  await using opened = await directory.open();
  await checkEmitted(opened.store, sender.sent);
  return { rounds, events: sender.sent.length };
}

async function createProjections({ url }: RunningServer): Promise<void> {
  for (const [name, query] of Object.entries(QUERIES)) {
    const create = `/projections/continuous?name=${name}&emit=yes&enabled=no`;
    const created = await ask(url, create, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: query,
    });
    assertEquals(created.status, 201, created.body);
    const configured = await ask(url, `/projection/${name}/config`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(CONFIG),
    });
    assertEquals(configured.status, 200, configured.body);
    const enabled = await ask(url, `/projection/${name}/command/enable`, {
      method: "POST",
    });
    assertEquals(enabled.status, 200, enabled.body);
  }
}

/** State of the fold over events, as JSON; empty: there are none. */
function foldOf(events: readonly Sent[]): string {
  if (events.length === 0) return "";
  let h = 7;
  for (const { n } of events) h = (h * 31 + n) % 1_000_003;
  return JSON.stringify({ n: events.length, h });
}

async function checkStates(
  server: RunningServer,
  sent: readonly Sent[],
): Promise<void> {
  const wanted: [string, string][] = [
    ["/projection/fold/state", foldOf(sent)],
    ["/projection/emitter/state", foldOf(sent)],
    ["/projection/linker/state", foldOf(sent)],
    ...STREAMS.map((name): [string, string] => [
      `/projection/parted/state?partition=${name}`,
      foldOf(sent.filter(({ streamName }) => streamName === name)),
    ]),
  ];
  const endsAt = performance.now() + CATCH_UP_MS;
  for (const [path, state] of wanted) {
    let body = "";
    while (body !== state && performance.now() < endsAt) {
      ({ body } = await ask(server.url, path));
      if (body !== state) await pause(50);
    }
    const name = path.split("/")[2];
    const { body: statistics } = await ask(server.url, `/projection/${name}`);
    assertEquals(body, state, `${path}: ${statistics}`);
  }
}

async function checkEmitted(
  store: EventStore,
  sent: readonly Sent[],
): Promise<void> {
  const wanted = new Map<string, string[]>([
    ["links", sent.map((one) => `${one.eventNumber}@${one.streamName}`)],
    ["out-0", []],
    ["out-1", []],
  ]);
  let h = 7;
  for (const { n } of sent) {
    h = (h * 31 + n) % 1_000_003;
    wanted.get(`out-${n % 2}`)?.push(JSON.stringify({ n, h }));
  }
  for (const [name, texts] of wanted) {
    assertEquals(await readTexts(store, name), texts, name);
  }
}

async function readTexts(store: EventStore, name: string): Promise<string[]> {
  const { head } = await store.readState(name);
  const decoder = new TextDecoder();
  const texts: string[] = [];
  for (let from = 0; from <= head;) {
    const { entries, continueFrom } = await store.readStream({
      streamName: name,
      from,
      count: 1000,
      direction: "forward",
      withBodies: true,
    });
    texts.push(...entries.map(({ event }) => decoder.decode(event.data)));
    from = continueFrom ?? from + 1000;
  }
  return texts;
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
