/**
 * Consumers of a persistent subscription as raw connections: cheap enough to
 * run beside the server on one machine.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const RECEIVE_BYTES = 256 * 1024;
/** Bytes of a feed's head, links and all, that name its ids. */
const LINKS_BYTES_MAX = 8 * 1024;
/** `id: ` and a UUID at the start of a line. */
const ID_LINE = "\nid: ";
const ID_LENGTH = 36;

/** A keep-alive connection with one request under way at a time. */
export class Connection implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  readonly #host: string;
  #isClosed = false;

  private constructor(connection: Deno.TcpConn, host: string) {
    this.#connection = connection;
    this.#host = host;
  }

  static async open(port: number): Promise<Connection> {
    const hostname = "127.0.0.1";
    const connection = await Deno.connect({ hostname, port });
    return new Connection(connection, `${hostname}:${port}`);
  }

  /** Sends a request without a body. */
  async send(method: string, path: string, accept: string): Promise<void> {
    const length = method === "POST" ? "Content-Length: 0\r\n" : "";
    await this.#connection.write(Buffer.from(
      `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n` +
        `Accept: ${accept}\r\n${length}\r\n`,
    ));
  }

  /** What has come, as Latin-1; undefined at the end. */
  async receive(): Promise<string | undefined> {
    const length = await this.#connection.read(this.#buffer);
    return length === null
      ? undefined
      : this.#buffer.toString("latin1", 0, length);
  }

  /**
   * Reads a whole answer.
   *
   * @returns The start of it, head and body.
   */
  async readAnswer(): Promise<string> {
    let start = "";
    let received = 0;
    let total: number | undefined;
    for (;;) {
      const part = await this.receive();
      if (part === undefined) throw new Error("The connection ended");
      received += part.length;
      if (start.length < LINKS_BYTES_MAX) start += part;
      const headEnd = start.indexOf("\r\n\r\n");
      if (headEnd < 0) continue;
      total ??= lengthOf(start.slice(0, headEnd), headEnd + 4);
      const isWhole = total === undefined
        ? part.endsWith("0\r\n\r\n")
        : received >= total;
      if (isWhole) return start;
    }
  }

  /** May be called twice. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }
}

/** Bytes of an answer, by its head; undefined: it comes in chunks. */
function lengthOf(head: string, headBytes: number): number | undefined {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return length === undefined ? undefined : headBytes + Number(length);
}

/** What a bench counts. */
export interface Count {
  /** Messages that were acknowledged. */
  messages: number;
}

/** Takes 100 messages with bodies, acknowledges them, and so on. */
export async function readAndAck(
  port: number,
  group: string,
  { count, endsAt }: { readonly count: Count; readonly endsAt: number },
): Promise<void> {
  using connection = await Connection.open(port);
  const type = "application/vnd.eventstore.competingatom+json";
  while (performance.now() < endsAt) {
    await connection.send("GET", `${group}/100?embed=body`, type);
    const answer = await connection.readAnswer();
    const ids = /\/ack\?ids=([^"]*)"/.exec(answer)?.[1];
    if (ids === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    await ack(connection, group, ids);
    count.messages += ids.split(",").length;
  }
}

/** Is pushed messages, and acknowledges a hundred at a time. */
export async function followAndAck(
  port: number,
  group: string,
  { count, endsAt, onMessages }: {
    readonly count: Count;
    readonly endsAt: number;
    /** Gets what has come, from the start of a message on. */
    readonly onMessages?: (text: string) => void;
  },
): Promise<void> {
  using pushed = await Connection.open(port);
  using answers = await Connection.open(port);
  await pushed.send("GET", `${group}?buffer=500`, "text/event-stream");
  const timer = setTimeout(
    () => pushed[Symbol.dispose](),
    endsAt - performance.now(),
  );
  let ids: string[] = [];
  let rest = "";
  try {
    for (;;) {
      const part = await pushed.receive();
      if (part === undefined) return;
      const text = rest + part;
      let at = text.indexOf(ID_LINE);
      let end = 0;
      while (at >= 0 && at + ID_LINE.length + ID_LENGTH <= text.length) {
        end = at + ID_LINE.length + ID_LENGTH;
        ids.push(text.slice(at + ID_LINE.length, end));
        at = text.indexOf(ID_LINE, end);
      }
      onMessages?.(part);
      rest = text.slice(Math.max(end, text.length - ID_LENGTH - 8));
      if (ids.length >= 100 || onMessages !== undefined && ids.length > 0) {
        const batch = ids;
        ids = [];
        await ack(answers, group, batch.join(","));
        count.messages += batch.length;
      }
    }
  } catch (error) {
    if (performance.now() < endsAt - 100) throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function ack(
  connection: Connection,
  group: string,
  ids: string,
): Promise<void> {
  await connection.send("POST", `${group}/ack?ids=${ids}`, "*/*");
  const answer = await connection.readAnswer();
  if (!answer.startsWith("HTTP/1.1 202")) throw new Error(answer);
}
