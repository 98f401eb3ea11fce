/**
 * What pages of two stores cost, the large one's beside the small one's, over
 * HTTP: one request after the other, at random places, in turns.
 *
 * @module
 */

import { ResponseReader } from "../load/response_reader.ts";
import {
  inTurns,
  type Measured,
  measured,
  median,
  medianOf,
  ratiosOf,
  type Row,
} from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import {
  CATEGORY,
  type FilledStore,
  TYPE_COUNT,
} from "../stores/fill_store.ts";

/** The worst kind of page that is not cold. */
export const PAGES_ROW: Row = {
  name: "pages-large",
  title: "pages and events, 10 M events against 100,000, the worst kind",
  unit: "ratio",
  isLessBetter: true,
  marks: { goal: 1.25 },
};

/** A server, and what is in its store. */
export interface ScaleStore {
  readonly server: ChildServer;
  readonly filled: FilledStore;
}

interface PageKind {
  readonly name: string;
  /**
   * Whether hardly any page is asked for twice. The small store fits into the
   * server's caches as a whole, the large one doesn't, so that what is compared
   * is memory with reading files: no mark.
   */
  readonly isCold?: boolean;
  /** Path of a page; `random` gives whole numbers below a number. */
  readonly path: (
    filled: FilledStore,
    random: (below: number) => number,
  ) => string;
}

const REQUESTS_PER_ROUND = 600;
const WARM_UP_REQUESTS = 1200;
/** Streams that are read again and again. */
const HOT_STREAMS = 200;
const AUTHORIZATION = `Basic ${btoa("admin:changeit")}`;

const KINDS: readonly PageKind[] = [
  {
    name: "category page",
    path: ({ eventCount }, random) =>
      `/streams/%24ce-${CATEGORY}/${random(eventCount)}/backward/20`,
  },
  {
    name: "category page, embed=body",
    path: ({ eventCount }, random) =>
      `/streams/%24ce-${CATEGORY}/${random(eventCount)}/backward/20?embed=body`,
  },
  {
    name: "type page",
    path: ({ eventCount }, random) =>
      `/streams/%24et-type-${random(TYPE_COUNT)}/` +
      `${random(Math.floor(eventCount / TYPE_COUNT))}/backward/20`,
  },
  {
    name: "$all page",
    path: ({ end }, random) => {
      const position = random(end).toString(16).padStart(16, "0");
      return `/streams/%24all/${position}${position}/backward/20`;
    },
  },
  {
    name: "stream page",
    path: ({ streamCount }, random) =>
      `/streams/${CATEGORY}-${random(Math.min(HOT_STREAMS, streamCount))}`,
  },
  {
    name: "event",
    path: ({ streamCount }, random) =>
      `/streams/${CATEGORY}-${random(Math.min(HOT_STREAMS, streamCount))}/0`,
  },
  {
    name: "stream page, cold",
    isCold: true,
    path: ({ streamCount }, random) =>
      `/streams/${CATEGORY}-${random(streamCount)}`,
  },
  {
    name: "event, cold",
    isCold: true,
    path: ({ streamCount }, random) =>
      `/streams/${CATEGORY}-${random(streamCount)}/0`,
  },
];

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

/** Measures pages of every kind. */
export async function measurePages(
  stores: { readonly small: ScaleStore; readonly large: ScaleStore },
  rounds: number,
): Promise<Measured> {
  using small = await PageReader.open(stores.small);
  using large = await PageReader.open(stores.large);
  const notes: string[] = [];
  const worst = { ratio: 0, cpuRatio: 0 };
  for (const kind of KINDS) {
    await small.measure(kind, WARM_UP_REQUESTS);
    await large.measure(kind, WARM_UP_REQUESTS);
    const turns = await inTurns(rounds, {
      small: () => small.measure(kind, REQUESTS_PER_ROUND),
      large: () => large.measure(kind, REQUESTS_PER_ROUND),
    });
    const ratio = median(
      ratiosOf(turns.large, turns.small, ({ medianUs }) => medianUs),
    );
    // The system counts CPU time in ticks of 10 ms.
    const [cpuSmall = NaN, cpuLarge = NaN] = [turns.small, turns.large].map(
      (own) => own.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    );
    const cpuRatio = cpuLarge / cpuSmall;
    const [ofSmall, ofLarge] = [turns.small, turns.large].map((own) =>
      `${medianOf(own, ({ medianUs }) => medianUs).toFixed(0)} µs`
    );
    notes.push(
      `${kind.name.padEnd(26)} ${ofSmall}, ${ofLarge}: ${ratio.toFixed(2)}, ` +
        `by CPU time ${cpuRatio.toFixed(2)}`,
    );
    if (kind.isCold) continue;
    worst.ratio = Math.max(worst.ratio, ratio);
    worst.cpuRatio = Math.max(worst.cpuRatio, cpuRatio);
  }
  return measured(PAGES_ROW, [worst.ratio], {
    notes,
    byCpuTime: worst.cpuRatio,
  });
}

/** Some requests, one after the other. */
interface Turn {
  readonly medianUs: number;
  readonly cpuMs: number;
}

/** One connection that asks for pages. */
class PageReader implements Disposable {
  readonly #store: ScaleStore;
  readonly #connection: Deno.TcpConn;
  readonly #reader: ResponseReader;

  private constructor(store: ScaleStore, connection: Deno.TcpConn) {
    this.#store = store;
    this.#connection = connection;
    this.#reader = new ResponseReader(connection);
  }

  static async open(store: ScaleStore): Promise<PageReader> {
    const { port } = store.server;
    return new PageReader(
      store,
      await Deno.connect({ hostname: "127.0.0.1", port }),
    );
  }

  async measure(kind: PageKind, count: number): Promise<Turn> {
    const { server, filled } = this.#store;
    const requests = Array.from(
      { length: count },
      () => this.#requestOf(kind.path(filled, random)),
    );
    const cpuBeforeMs = server.cpuMs();
    const times: number[] = [];
    for (const request of requests) {
      const startedAt = performance.now();
      await this.#connection.write(request);
      await this.#reader.read();
      times.push((performance.now() - startedAt) * 1000);
      const { status } = this.#reader;
      if (status !== 200) throw new Error(`${kind.name}: status ${status}`);
    }
    const cpuMs = server.cpuMs() - cpuBeforeMs;
    return { medianUs: median(times), cpuMs };
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #requestOf(path: string): Uint8Array {
    return new TextEncoder().encode(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#store.server.port}\r\n` +
        "Accept: application/vnd.eventstore.atom+json\r\n" +
        `Authorization: ${AUTHORIZATION}\r\n\r\n`,
    );
  }
}
