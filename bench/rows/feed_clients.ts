/**
 * Clients of feeds as raw connections: cheap enough to have thousands beside
 * the server on one machine.
 *
 * @module
 */

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

/** Connections that are opened at the same time. */
const OPENING_MAX = 64;
/** Time for a message to be at all clients. */
const DELIVERY_MS_MAX = 30_000;

/** A request as it goes over the wire; `{index}` is the connection's number. */
export interface OpenOptions {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly count: number;
}

/** Open connections that have been sent a request each. */
export class FeedClients implements Disposable {
  readonly #connections: Deno.TcpConn[] = [];
  #onMessage: (count: number) => void = () => {};

  /** Opens connections; each has had the start of its answer if `isFeed`. */
  static async open(
    options: OpenOptions & { readonly isFeed: boolean },
  ): Promise<FeedClients> {
    const clients = new FeedClients();
    for (let first = 0; first < options.count; first += OPENING_MAX) {
      const last = Math.min(options.count, first + OPENING_MAX);
      await Promise.all(
        Array.from(
          { length: last - first },
          (_, index) => clients.#open(options, first + index, options.isFeed),
        ),
      );
    }
    return clients;
  }

  /** Bytes of one message, as the first client gets it when `act` is done. */
  async recordMessage(act: () => Promise<void>): Promise<string> {
    const [first] = this.#connections;
    if (first === undefined) throw new Error("There are no clients");
    const message = readUntil(first, "}\n\n");
    await act();
    return await message;
  }

  /** Reads from now on; waits for messages with {@link deliverTo}. */
  listen(): void {
    for (const connection of this.#connections) void this.#read(connection);
  }

  /**
   * Does something that every client gets one message of.
   *
   * @returns Milliseconds until each had it, sorted.
   * @throws {Error} If some of them have it not within 30 s.
   */
  async deliver(act: () => Promise<void>): Promise<number[]> {
    const times: number[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`Only ${times.length} clients had the message`)),
      DELIVERY_MS_MAX,
    );
    const startedAt = performance.now();
    this.#onMessage = () => {
      times.push(performance.now() - startedAt);
      if (times.length === this.#connections.length) resolve();
    };
    try {
      await act();
      await promise;
    } finally {
      clearTimeout(timer);
    }
    return times.sort((a, b) => a - b);
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close();
    this.#connections.length = 0;
  }

  async #open(
    { port, path, headers }: OpenOptions,
    index: number,
    isFeed: boolean,
  ): Promise<void> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#connections.push(connection);
    const lines = Object.entries(headers).map(([name, value]) =>
      `${name}: ${value}\r\n`
    );
    await connection.write(UTF8.encode(
      `GET ${path.replace("{index}", String(index))} HTTP/1.1\r\n` +
        `Host: 127.0.0.1:${port}\r\n${lines.join("")}\r\n`,
    ));
    if (isFeed) await readUntil(connection, "\n\n");
  }

  async #read(connection: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const length = await connection.read(buffer);
        if (length === null) return;
        // A message comes whole, or its start tells it: heartbeats are short.
        if (length > 100) this.#onMessage(1);
      }
    } catch {
      // Closed.
    }
  }
}

/** Reads until something has come, and gives what came. */
async function readUntil(
  connection: Deno.TcpConn,
  end: string,
): Promise<string> {
  const buffer = new Uint8Array(16 * 1024);
  let text = "";
  while (!text.includes(end)) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error(`The connection ended: ${text}`);
    text += TEXT.decode(buffer.subarray(0, length));
    if (/^HTTP\/1.1 [^2]/.test(text)) throw new Error(`Not open: ${text}`);
  }
  return text;
}
