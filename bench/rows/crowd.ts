/**
 * What writers lose to clients that do harm by doing nothing: 2,000 connections
 * that say nothing, and 500 requests of which the rest never comes. What the
 * server closes is opened again, until the crowd goes home.
 *
 * @module
 */

import { join } from "@std/path";
import { type Bench, measured, ratiosOf, type Row } from "../row.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { appendBeside, runsText } from "./beside.ts";

const ROW: Row = {
  name: "crowd",
  title: "appends beside 2,000 idle connections and 500 half-sent requests",
  unit: "ratio",
  marks: { goal: 0.8 },
};

const IDLE = 2_000;
const HALF_SENT = 500;

/** Alone and with the crowd there, in turns. */
export const CROWD: Bench = {
  rows: [ROW],
  async measure({ options, directory }) {
    await using server = await startQuipu(join(directory, "store"));
    let reopened = 0;
    const { alone, beside } = await appendBeside(server, options, async () => {
      const crowd = new Crowd(server.port);
      await crowd.gather(IDLE, HALF_SENT);
      return {
        async [Symbol.asyncDispose]() {
          reopened += crowd.reopenedCount;
          await crowd[Symbol.asyncDispose]();
        },
      };
    });
    return [
      measured(ROW, ratiosOf(beside, alone, ({ rate }) => rate), {
        notes: [
          `alone   ${runsText(alone)}`,
          `crowded ${runsText(beside)}`,
          `${reopened} connections were opened again`,
        ],
      }),
    ];
  },
};

const HALF_A_HEAD =
  "POST /streams/crowd HTTP/1.1\r\nHost: localhost\r\nContent-";
const HALF_A_BODY = "POST /streams/crowd HTTP/1.1\r\nHost: localhost\r\n" +
  "Content-Type: application/vnd.eventstore.events+json\r\n" +
  "Content-Length: 1000\r\n\r\n[{";

/** Connections opened side by side. */
const OPENED_AT_ONCE = 100;

/** A crowd that is there. Disposing of it closes its connections. */
class Crowd implements AsyncDisposable {
  readonly #port: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #watched: Promise<void>[] = [];
  #hasEnded = false;
  #reopenedCount = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Connections that the server had closed. */
  get reopenedCount(): number {
    return this.#reopenedCount;
  }

  /** Lets everybody in. */
  async gather(idle: number, halfSent: number): Promise<void> {
    const texts = [
      ...Array<string>(idle).fill(""),
      ...Array<string>(halfSent >> 1).fill(HALF_A_HEAD),
      ...Array<string>(halfSent - (halfSent >> 1)).fill(HALF_A_BODY),
    ];
    for (let index = 0; index < texts.length; index += OPENED_AT_ONCE) {
      const some = texts.slice(index, index + OPENED_AT_ONCE);
      const opened = await Promise.all(some.map((text) => this.#enter(text)));
      for (const [at, connection] of opened.entries()) {
        this.#watched.push(this.#stay(connection, some[at] ?? ""));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    for (const connection of this.#open) connection.close();
    await Promise.all(this.#watched);
  }

  async #enter(text: string): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.#port,
    });
    this.#open.add(connection);
    if (text !== "") await connection.write(new TextEncoder().encode(text));
    return connection;
  }

  /** Waits for the connection's end, and comes back. */
  async #stay(first: Deno.TcpConn, text: string): Promise<void> {
    let connection = first;
    const bytes = new Uint8Array(1024);
    while (!this.#hasEnded) {
      try {
        if (await connection.read(bytes) !== null) continue;
      } catch {
        // Closed, by either side.
      }
      if (!this.#open.delete(connection) || this.#hasEnded) return;
      connection.close();
      this.#reopenedCount++;
      connection = await this.#enter(text);
    }
  }
}
