/**
 * Counts the source files that one request runs through: a measure of how many
 * places a newcomer has to read to understand it. V8's precise coverage is
 * taken around a single request to a server on a file store, after a warm-up of
 * the same kind, so that modules that only load do not count.
 *
 * ```sh
 * deno run --allow-all bench/touched/main.ts          # one line a request
 * deno run --allow-all bench/touched/main.ts --files  # and the files
 * ```
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { print } from "../command_line.ts";

const ROOT = new URL("../../", import.meta.url);
const EVENT_TYPE = "application/vnd.eventstore.events+json";
const ATOM_JSON = "application/vnd.eventstore.atom+json";

interface FunctionCoverage {
  readonly ranges: readonly { readonly count: number }[];
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly FunctionCoverage[];
}

/** A session of the inspector's protocol with one process. */
class InspectorSession implements Disposable {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, (result: unknown) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      this.#pending.get(message.id)?.(message.result);
      this.#pending.delete(message.id);
    };
  }

  static async open(url: string): Promise<InspectorSession> {
    const socket = new WebSocket(url);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`Cannot connect to ${url}`));
    await promise;
    return new InspectorSession(socket);
  }

  call(method: string, params: object = {}): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    this.#pending.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return promise;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Files of the project of which some function ran. */
function touchedFiles(coverage: unknown): string[] {
  const { result } = coverage as { result: readonly ScriptCoverage[] };
  const files = new Set<string>();
  for (const { url, functions } of result) {
    if (!url.startsWith(ROOT.href)) continue;
    // Type-only modules and modules that merely loaded have no count.
    const hasRun = functions.some(({ ranges }) =>
      ranges.some(({ count }) => count > 0)
    );
    if (hasRun) files.add(url.slice(ROOT.href.length));
  }
  return [...files].sort();
}

function append(base: string): Promise<Response> {
  return fetch(`${base}/streams/orders-1`, {
    method: "POST",
    headers: { "Content-Type": EVENT_TYPE },
    body: JSON.stringify([{
      eventId: crypto.randomUUID(),
      eventType: "placed",
      data: { amount: 1 },
    }]),
  });
}

let page = 0;

/** Asks for a page that was not asked for before, so that it is made anew. */
function readPage(base: string): Promise<Response> {
  page++;
  return fetch(`${base}/streams/orders-1/${page}/backward/20`, {
    headers: { Accept: ATOM_JSON },
  });
}

const REQUESTS = { append, "page made anew": readPage };

const directory = await Deno.makeTempDir();
const child = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "--allow-all",
    "--inspect=127.0.0.1:0",
    fromFileUrl(new URL("main.ts", ROOT)),
    "serve",
    "--port=0",
    `--db=${directory}`,
  ],
  stdout: "null",
  stderr: "piped",
}).spawn();

try {
  const { inspector, base } = await addresses(child.stderr);
  using session = await InspectorSession.open(inspector);
  await session.call("Profiler.enable");
  for (const [name, send] of Object.entries(REQUESTS)) {
    for (let i = 0; i < 30; i++) await (await send(base)).body?.cancel();
    await session.call("Profiler.startPreciseCoverage", {
      callCount: true,
      detailed: false,
    });
    await session.call("Profiler.takePreciseCoverage");
    const response = await send(base);
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    const files = touchedFiles(
      await session.call("Profiler.takePreciseCoverage"),
    );
    await session.call("Profiler.stopPreciseCoverage");
    print(`${name}: ${files.length} files`);
    if (Deno.args.includes("--files")) {
      for (const file of files) print(`  ${file}`);
    }
  }
} finally {
  child.kill("SIGTERM");
  await child.status;
  await Deno.remove(directory, { recursive: true });
}

/** Reads from the log where the inspector and the server listen. */
async function addresses(
  log: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<{ readonly inspector: string; readonly base: string }> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = log.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The server ended:\n${text}`);
    text += decoder.decode(value, { stream: true });
    const inspector = /ws:\/\/\S+/.exec(text)?.[0];
    const port = /http\.listening .*?port=(\d+)/.exec(text)?.[1];
    if (inspector !== undefined && port !== undefined) {
      // The pipe must not fill up while the server goes on.
      reader.releaseLock();
      log.pipeTo(new WritableStream()).catch(() => {});
      return { inspector, base: `http://127.0.0.1:${port}` };
    }
  }
}
