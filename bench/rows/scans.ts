/**
 * History as clients get it: pages of 4,096 with their bodies, of a stream and
 * of the whole log, beside `JSON.stringify` of the same objects in a process
 * of its own; and a live feed that catches up, beside the scan of the stream.
 * One client, one request after the other, in turns with the reference.
 *
 * @module
 */

import { join } from "@std/path";
import { grouped } from "../report.ts";
import {
  type Bench,
  type BenchContext,
  inTurns,
  type Measured,
  measured,
  median,
  medianOf,
  ratiosOf,
  type Row,
} from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { JsonReference } from "../servers/json_reference.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { CATEGORY } from "../stores/fill_store.ts";
import { keepStore } from "../stores/keep_store.ts";

const STREAM_ROW: Row = {
  name: "scan-stream",
  title:
    "scan of a stream by pages of 4,096, embed=body, against JSON.stringify",
  unit: "ratio",
  marks: { goal: 0.60, stretch: 1.0 },
};
const ALL_ROW: Row = {
  name: "scan-all",
  title: "scan of $all by pages of 4,096, embed=body, against JSON.stringify",
  unit: "ratio",
  marks: { goal: 0.60, stretch: 1.0 },
};
const LIVE_ROW: Row = {
  name: "live-catch-up",
  title: "live feed over 1 M events, against the scan of the stream",
  unit: "ratio",
  marks: { goal: 0.8, stretch: 1.0 },
};

const EVENTS = 1_000_000;
const PAGE = 4096;
/** Pages of a turn. */
const TURN_PAGES = 60;
const WARM_UP_PAGES = 30;
const REFERENCE_MS = 1000;
const ACCEPT = {
  Accept: "application/vnd.eventstore.atom+json",
  Authorization: `Basic ${btoa("admin:changeit")}`,
};
const STREAM = `/streams/${CATEGORY}-0`;

/** Events a second, by the clock and by the server's CPU time. */
interface Turn {
  readonly rate: number;
  readonly cpuRate: number;
}

/** The three rows, on a store of one stream of a million events. */
export const SCANS: Bench = {
  rows: [STREAM_ROW, ALL_ROW, LIVE_ROW],
  async measure({ options, directory }: BenchContext): Promise<Measured[]> {
    const place = join(options.bigStoreDirectory ?? directory, "stream");
    await keepStore(place, EVENTS, 1);
    await using server = await startQuipu(join(place, "data"));
    const page = join(directory, "page.json");
    const pageOf = await get(server, pagePath(0));
    await Deno.writeTextFile(page, await pageOf.text());
    await using reference = JsonReference.start(page);
    await reference.turn(REFERENCE_MS / 2);
    await scanStream(server, WARM_UP_PAGES);
    await scanAll(server, WARM_UP_PAGES);
    const turns = await inTurns(options.rounds, {
      json: async (): Promise<Turn> => {
        const { pages, seconds, cpuSeconds } = await reference.turn(
          REFERENCE_MS,
        );
        return {
          rate: pages * PAGE / seconds,
          cpuRate: pages * PAGE / cpuSeconds,
        };
      },
      stream: () => timed(server, () => scanStream(server, TURN_PAGES)),
      all: () => timed(server, () => scanAll(server, TURN_PAGES)),
      live: () => timed(server, () => follow(server)),
    });
    return [
      compared(STREAM_ROW, turns.stream, turns.json),
      compared(ALL_ROW, turns.all, turns.json),
      compared(LIVE_ROW, turns.live, turns.stream),
    ];
  },
};

function compared(
  row: Row,
  own: readonly Turn[],
  other: readonly Turn[],
): Measured {
  const text = (turns: readonly Turn[]) =>
    `${grouped(medianOf(turns, ({ rate }) => rate))} events/s, ` +
    `${(1e6 / medianOf(turns, ({ cpuRate }) => cpuRate)).toFixed(2)} µs of ` +
    "CPU time each";
  return measured(row, ratiosOf(own, other, ({ rate }) => rate), {
    notes: [`server     ${text(own)}`, `against    ${text(other)}`],
    byCpuTime: median(ratiosOf(own, other, ({ cpuRate }) => cpuRate)),
  });
}

function pagePath(page: number): string {
  return `${STREAM}/${page * PAGE}/forward/${PAGE}?embed=body`;
}

async function scanStream(server: ChildServer, pages: number): Promise<number> {
  for (let page = 0; page < pages; page++) {
    await drain(await get(server, pagePath(page)));
  }
  return pages * PAGE;
}

/** Follows `previous` links, from the first event on. */
async function scanAll(server: ChildServer, pages: number): Promise<number> {
  let position = "0".repeat(32);
  for (let page = 0; page < pages; page++) {
    const path = `/streams/%24all/${position}/forward/${PAGE}?embed=body`;
    const start = await drain(await get(server, path));
    const link = /%24all\/([0-9A-Fa-f]{32})\/forward/.exec(start);
    if (link?.[1] === undefined) throw new Error("The page leads nowhere");
    position = link[1];
  }
  return pages * PAGE;
}

/** All events of the stream. */
async function follow(server: ChildServer): Promise<number> {
  const response = await get(server, STREAM, { Accept: "text/event-stream" });
  let tail = "";
  for await (const piece of response.body ?? []) {
    const end = new TextDecoder("latin1").decode(piece.subarray(-80));
    if ((tail + end).includes("event: caught-up")) break;
    tail = end;
  }
  return EVENTS;
}

async function get(
  { origin }: ChildServer,
  path: string,
  headers: HeadersInit = ACCEPT,
): Promise<Response> {
  const response = await fetch(origin + path, { headers });
  if (response.status !== 200) throw new Error(`Status ${response.status}`);
  return response;
}

async function timed(
  server: ChildServer,
  read: () => Promise<number>,
): Promise<Turn> {
  const cpuBeforeMs = server.cpuMs();
  const startedAt = performance.now();
  const events = await read();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = (server.cpuMs() - cpuBeforeMs) / 1000;
  return { rate: events / seconds, cpuRate: events / cpuSeconds };
}

/** Reads a body to its end; gives its first characters. */
async function drain(response: Response): Promise<string> {
  let start = "";
  for await (const piece of response.body ?? []) {
    if (start.length < 8192) start += new TextDecoder().decode(piece);
  }
  return start;
}
