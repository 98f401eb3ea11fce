/**
 * What pages of two stores cost, the large one's beside the small one's, over
 * HTTP: one request after the other, at random places, in turns.
 *
 * @module
 */

import type { ChildServer } from "../load/child_server.ts";
import { median } from "../load/median.ts";
import { ResponseReader } from "../load/response_reader.ts";
import { CATEGORY, type FilledStore, TYPE_COUNT } from "./fill_store.ts";

/** A server, and what is in its store. */
export interface ScaleStore {
  readonly server: ChildServer;
  readonly filled: FilledStore;
}

/** What pages of one kind cost. */
export interface PageCost {
  readonly name: string;
  /** Median of the medians of the rounds: request to answer, in µs. */
  readonly smallUs: number;
  readonly largeUs: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  /** CPU time of the server, large over small; NaN without `/proc`. */
  readonly cpuRatio: number;
  /** See {@link PageKind}. */
  readonly isCold: boolean;
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
): Promise<PageCost[]> {
  using small = await PageReader.open(stores.small);
  using large = await PageReader.open(stores.large);
  const costs: PageCost[] = [];
  for (const kind of KINDS) {
    await small.measure(kind, WARM_UP_REQUESTS);
    await large.measure(kind, WARM_UP_REQUESTS);
    const rows: { small: Turn; large: Turn }[] = [];
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 === 0
        ? await small.measure(kind, REQUESTS_PER_ROUND)
        : undefined;
      const ofLarge = await large.measure(kind, REQUESTS_PER_ROUND);
      const ofSmall = first ?? await small.measure(kind, REQUESTS_PER_ROUND);
      rows.push({ small: ofSmall, large: ofLarge });
    }
    costs.push({
      name: kind.name,
      smallUs: median(rows.map(({ small }) => small.medianUs)),
      largeUs: median(rows.map(({ large }) => large.medianUs)),
      ratio: median(
        rows.map(({ small, large }) => large.medianUs / small.medianUs),
      ),
      cpuRatio: sum(rows.map(({ large }) => large.cpuMs)) /
        sum(rows.map(({ small }) => small.cpuMs)),
      isCold: kind.isCold ?? false,
    });
  }
  return costs;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
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
    const cpuBeforeMs = server.cpuMs() ?? NaN;
    const times: number[] = [];
    for (const request of requests) {
      const startedAt = performance.now();
      await this.#connection.write(request);
      await this.#reader.read();
      times.push((performance.now() - startedAt) * 1000);
      const { status } = this.#reader;
      if (status !== 200) throw new Error(`${kind.name}: status ${status}`);
    }
    const cpuMs = (server.cpuMs() ?? NaN) - cpuBeforeMs;
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
