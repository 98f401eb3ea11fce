/**
 * HTTP/1.1 by hand over TCP or TLS: requests that no well-behaved client would send,
 * and answers exactly as they came.
 *
 * @module
 */

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Status line and headers, without the blank line that ends them. */
  readonly head: string;
  /** First line of the head. */
  readonly statusLine: string;
  /** Value of a header, of the first if there are several. */
  header(name: string): string | undefined;
  readonly body: string;
}

const LATIN1 = new TextDecoder("latin1");
const UTF8 = new TextDecoder();

/** A connection to a server. */
export class RawConnection implements Disposable {
  readonly #connection: Deno.Conn;
  /** What has come and is not read yet. */
  #buffer = new Uint8Array(0);
  #isClosed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /**
   * @param url Any address of the server.
   * @param caCerts In PEM, for a server with `https:`.
   */
  static async open(
    url: string,
    caCerts: string[] = [],
  ): Promise<RawConnection> {
    const { protocol, hostname, port } = new URL(url);
    return new RawConnection(
      protocol === "https:"
        ? await Deno.connectTls({ hostname, port: Number(port), caCerts })
        : await Deno.connect({ hostname, port: Number(port) || 80 }),
    );
  }

  /**
   * Writes all of it.
   *
   * @throws {Error} If the server has closed the connection.
   */
  async write(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.length > 0) {
      rest = rest.subarray(await this.#connection.write(rest));
    }
  }

  /**
   * Reads one answer.
   *
   * @param options.isAnyStatus Whether it may be an interim one (100 Continue);
   * else those are passed over.
   * @param options.isToHead Answers to HEAD have no body, whatever they say.
   * @param options.isCutOff The connection may end within the body, which then
   * is what has come of it.
   * @param options.isEnough Asked after each chunk of the body: whether to read
   * no further.
   * @throws {Deno.errors.UnexpectedEof} If the connection ends before the answer.
   */
  async readAnswer(
    options: {
      isToHead?: boolean;
      isCutOff?: boolean;
      isAnyStatus?: boolean;
      isEnough?: (body: string) => boolean;
    } = {},
  ): Promise<RawAnswer> {
    const head = await this.#readHead();
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? NaN);
    if (status < 200 && !options.isAnyStatus) {
      return await this.readAnswer(options);
    }
    const header = (name: string) => headerOf(head, name);
    const hasBody = status >= 200 && status !== 204 && status !== 304 &&
      !options.isToHead;
    const body = hasBody
      ? await this.#readBody(header, options)
      : new Uint8Array(0);
    const [statusLine = ""] = head.split("\n");
    return { status, head, statusLine, header, body: UTF8.decode(body) };
  }

  /** Whether the server ends the connection without another byte. */
  async isEnded(): Promise<boolean> {
    return this.#buffer.length === 0 && !await this.#fill();
  }

  /** Ends the connection; what is being read ends with it. */
  end(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  async #readHead(): Promise<string> {
    for (;;) {
      const text = LATIN1.decode(this.#buffer);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#buffer = this.#buffer.subarray(end + 4);
        return text.slice(0, end).replaceAll("\r\n", "\n");
      }
      await this.#fillOrFail();
    }
  }

  async #readBody(
    header: (name: string) => string | undefined,
    options: { isCutOff?: boolean; isEnough?: (body: string) => boolean },
  ): Promise<Uint8Array> {
    if (header("Transfer-Encoding") === "chunked") {
      return await this.#readChunks(options);
    }
    const length = header("Content-Length");
    if (length !== undefined) return await this.#readBytes(Number(length));
    while (await this.#fill());
    return this.#buffer;
  }

  async #readChunks(
    { isCutOff = false, isEnough }: {
      isCutOff?: boolean;
      isEnough?: (body: string) => boolean;
    },
  ): Promise<Uint8Array> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    try {
      for (let length = -1; length !== 0;) {
        length = parseInt(await this.#readLine(), 16);
        pieces.push(await this.#readBytes(length));
        await this.#readLine();
        if (isEnough?.(UTF8.decode(await new Blob(pieces).bytes()))) break;
      }
    } catch (error) {
      const isEnd = error instanceof Deno.errors.UnexpectedEof;
      if (!isCutOff || !isEnd) throw error;
    }
    return await new Blob(pieces).bytes();
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf(0x0a);
      if (end >= 0) return LATIN1.decode(await this.#readBytes(end + 1)).trim();
      await this.#fillOrFail();
    }
  }

  async #readBytes(length: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#buffer.length < length) await this.#fillOrFail();
    const bytes = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return bytes;
  }

  async #fillOrFail(): Promise<void> {
    if (await this.#fill()) return;
    throw new Deno.errors.UnexpectedEof("The connection ended in an answer");
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#connection.read(buffer);
    } catch (error) {
      if (this.#isClosed) return null;
      throw error;
    }
  }

  async #fill(): Promise<boolean> {
    const piece = new Uint8Array(64 * 1024);
    const count = await this.#read(piece);
    if (count === null) return false;
    const buffer = new Uint8Array(this.#buffer.length + count);
    buffer.set(this.#buffer);
    buffer.set(piece.subarray(0, count), this.#buffer.length);
    this.#buffer = buffer;
    return true;
  }
}

function headerOf(head: string, name: string): string | undefined {
  const prefix = name.toLowerCase() + ":";
  for (const line of head.split("\n").slice(1)) {
    if (line.toLowerCase().startsWith(prefix)) {
      return line.slice(prefix.length).trim();
    }
  }
  return undefined;
}

/** Opens a connection, sends a request, reads its answer, and closes. */
export async function exchange(
  url: string,
  request: string | Uint8Array,
  options: { isToHead?: boolean } = {},
): Promise<RawAnswer> {
  using connection = await RawConnection.open(url);
  await connection.write(request);
  return await connection.readAnswer(options);
}
