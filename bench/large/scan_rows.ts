/**
 * History as clients get it: pages of 4,096 with their bodies, of a stream and
 * of the whole log, beside `JSON.stringify` of the same objects in a process
 * of its own; and a live feed that catches up, beside the scan of the stream.
 * One client, one request after the other, in turns with the reference.
 *
 * @module
 */

import { join } from "@std/path";
import type { ChildServer } from "../load/child_server.ts";
import { median } from "../load/median.ts";
import { PROJECT_ROOT } from "../load/project_root.ts";
import { CATEGORY } from "../scale/fill_store.ts";
import { keepStore } from "../scale/keep_store.ts";
import { startQuipu } from "../scale/quipu_server.ts";
import type { JsonTurn } from "./json_reference.ts";
import { type LargeResult, largeResult, type LargeRow } from "./large_row.ts";
import { SCAN_ROWS } from "./rows.ts";

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

/** Measures the three rows on a store of one stream of a million events. */
export async function measureScans(
  directory: string,
  rounds: number,
): Promise<LargeResult[]> {
  await Deno.mkdir(directory, { recursive: true });
  await keepStore(directory, EVENTS, 1);
  const server = await startQuipu(join(directory, "data"));
  const page = await Deno.makeTempFile();
  try {
    const scans = new Scans(server);
    await Deno.writeTextFile(page, await scans.pageText());
    await using reference = await JsonReference.start(page);
    await scans.stream(WARM_UP_PAGES);
    await scans.all(WARM_UP_PAGES);
    const turns = { json: [], stream: [], all: [], live: [] } as Record<
      "json" | "stream" | "all" | "live",
      Turn[]
    >;
    for (let round = 0; round < rounds; round++) {
      turns.json.push(await reference.turn(REFERENCE_MS));
      turns.stream.push(await scans.stream(TURN_PAGES));
      turns.all.push(await scans.all(TURN_PAGES));
      turns.live.push(await scans.live());
    }
    return [
      compared(SCAN_ROWS.stream, turns.stream, turns.json),
      compared(SCAN_ROWS.all, turns.all, turns.json),
      compared(SCAN_ROWS.live, turns.live, turns.stream),
    ];
  } finally {
    await server.stop();
    await Deno.remove(page);
  }
}

function compared(
  row: LargeRow,
  own: readonly Turn[],
  other: readonly Turn[],
): LargeResult {
  const ratios = (of: (turn: Turn) => number) =>
    own.map((turn, round) => {
      const against = other[round];
      return against === undefined ? NaN : of(turn) / of(against);
    });
  const rates = (turns: readonly Turn[]) =>
    `${
      Math.round(median(turns.map(({ rate }) => rate))).toLocaleString("en")
    }` +
    ` events/s, ` +
    `${(1e6 / median(turns.map(({ cpuRate }) => cpuRate))).toFixed(2)} µs of ` +
    "CPU time each";
  return largeResult(row, ratios(({ rate }) => rate), {
    notes: [`server     ${rates(own)}`, `against    ${rates(other)}`],
    byCpuTime: median(ratios(({ cpuRate }) => cpuRate)),
  });
}

class Scans {
  readonly #server: ChildServer;

  constructor(server: ChildServer) {
    this.#server = server;
  }

  /** A page as the server writes it. */
  async pageText(): Promise<string> {
    return await (await this.#get(`${STREAM}/0/forward/${PAGE}?embed=body`))
      .text();
  }

  stream(pages: number): Promise<Turn> {
    return this.#timed(async () => {
      for (let page = 0; page < pages; page++) {
        const path = `${STREAM}/${page * PAGE}/forward/${PAGE}?embed=body`;
        await drain(await this.#get(path));
      }
      return pages * PAGE;
    });
  }

  /** Follows `previous` links, from the first event on. */
  all(pages: number): Promise<Turn> {
    return this.#timed(async () => {
      let position = "0".repeat(32);
      for (let page = 0; page < pages; page++) {
        const path = `/streams/%24all/${position}/forward/${PAGE}?embed=body`;
        const start = await drain(await this.#get(path));
        const link = /%24all\/([0-9A-Fa-f]{32})\/forward/.exec(start);
        if (link?.[1] === undefined) throw new Error("The page leads nowhere");
        position = link[1];
      }
      return pages * PAGE;
    });
  }

  /** All events of the stream. */
  live(): Promise<Turn> {
    return this.#timed(async () => {
      const response = await this.#get(STREAM, { Accept: "text/event-stream" });
      let tail = "";
      for await (const piece of response.body ?? []) {
        const end = new TextDecoder("latin1").decode(piece.subarray(-80));
        if ((tail + end).includes("event: caught-up")) break;
        tail = end;
      }
      return EVENTS;
    });
  }

  async #get(path: string, headers = ACCEPT as HeadersInit): Promise<Response> {
    const response = await fetch(this.#server.origin + path, { headers });
    if (response.status !== 200) throw new Error(`Status ${response.status}`);
    return response;
  }

  async #timed(read: () => Promise<number>): Promise<Turn> {
    const cpuBeforeMs = this.#server.cpuMs() ?? NaN;
    const startedAt = performance.now();
    const events = await read();
    const seconds = (performance.now() - startedAt) / 1000;
    const cpuMs = (this.#server.cpuMs() ?? NaN) - cpuBeforeMs;
    return { rate: events / seconds, cpuRate: events / (cpuMs / 1000) };
  }
}

/** Reads a body to its end; gives its first characters. */
async function drain(response: Response): Promise<string> {
  let start = "";
  for await (const piece of response.body ?? []) {
    if (start.length < 8192) start += new TextDecoder().decode(piece);
  }
  return start;
}

class JsonReference implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#reader = process.stdout.getReader();
  }

  static async start(page: string): Promise<JsonReference> {
    const reference = new JsonReference(
      new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--allow-read",
          join(PROJECT_ROOT, "bench", "large", "json_reference.ts"),
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
    );
    await reference.#ask(page);
    await reference.turn(REFERENCE_MS / 2);
    return reference;
  }

  async turn(forMs: number): Promise<Turn> {
    const { pages, seconds, cpuSeconds } = await this.#ask(String(forMs));
    return {
      rate: pages * PAGE / seconds,
      cpuRate: pages * PAGE / cpuSeconds,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#process.status;
  }

  async #ask(line: string): Promise<JsonTurn> {
    await this.#writer.write(new TextEncoder().encode(line + "\n"));
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The reference ended");
      text += new TextDecoder().decode(value);
    }
    return JSON.parse(text);
  }
}
