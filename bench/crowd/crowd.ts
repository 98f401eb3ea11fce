/**
 * Clients that do harm by doing nothing: connections that say nothing, and
 * requests of which the rest never comes. What the server closes is opened
 * again, until the crowd goes home.
 *
 * @module
 */

/** How many there are. */
export interface CrowdSize {
  /** Connections without a request under way. */
  readonly idle: number;
  /** Half of them without the end of their head, half without their body. */
  readonly halfSent: number;
}

const HALF_A_HEAD =
  "POST /streams/crowd HTTP/1.1\r\nHost: localhost\r\nContent-";
const HALF_A_BODY = "POST /streams/crowd HTTP/1.1\r\nHost: localhost\r\n" +
  "Content-Type: application/vnd.eventstore.events+json\r\n" +
  "Content-Length: 1000\r\n\r\n[{";

/** Connections opened side by side. */
const OPENED_AT_ONCE = 100;

/** A crowd that is there. Disposing of it closes its connections. */
export class Crowd implements AsyncDisposable {
  readonly #port: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #watched: Promise<void>[] = [];
  #hasEnded = false;
  #reopenedCount = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Connections that are open. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Connections that the server had closed. */
  get reopenedCount(): number {
    return this.#reopenedCount;
  }

  /** Lets everybody in. */
  async gather({ idle, halfSent }: CrowdSize): Promise<void> {
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
