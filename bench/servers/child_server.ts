/**
 * A server in a process of its own: started on a free port, waited for,
 * watched (CPU time, memory), stopped.
 *
 * @module
 */

import { PROJECT_ROOT } from "../project_root.ts";

const START_MS = 20_000;
const STOP_MS = 15_000;
const POLL_MS = 50;
const LOG_BYTES_MAX = 64 * 1024;

export interface ChildServerOptions {
  /** Program to run; `deno` when it is left out. */
  readonly command?: string;
  /** Its arguments; `{port}` stands for the port. */
  readonly args: readonly string[];
  /** Where it runs; the project's root when it is left out. */
  readonly cwd?: string;
  /** Path that answers with a status below 500 once it is up. */
  readonly readyPath: string;
}

/**
 * Starts a server and waits until it answers.
 *
 * @throws {Error} If it ends, or does not answer within 20 s; with what it said.
 */
export async function startServer(
  options: ChildServerOptions,
): Promise<ChildServer> {
  const port = freePort();
  const process = new Deno.Command(options.command ?? Deno.execPath(), {
    args: options.args.map((arg) => arg.replace("{port}", String(port))),
    cwd: options.cwd ?? PROJECT_ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const server = new ChildServer(process, port);
  try {
    await server.waitUntilReady(options.readyPath);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** Port that nobody listens on at this moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

export class ChildServer implements AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<void>[];
  #log = "";
  #hasEnded = false;

  constructor(process: Deno.ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
    this.origin = `http://127.0.0.1:${port}`;
    this.#output = [
      this.#collect(process.stdout),
      this.#collect(process.stderr),
    ];
    process.status.then(() => this.#hasEnded = true);
  }

  async waitUntilReady(path: string): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (performance.now() < deadline) {
      if (this.#hasEnded) break;
      if (await this.#answers(path)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(
      `Cannot start the server on port ${this.port}:\n${this.#log}`,
    );
  }

  /** CPU time used so far, in ms; NaN where there is no `/proc`. */
  cpuMs(): number {
    return cpuMsOf(this.#process.pid);
  }

  /** Resident memory in MB; NaN where there is no `/proc`. */
  residentMb(): number {
    const status = procFile(this.#process.pid, "status");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  /** Asks the server to end, and makes it end. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#process.kill("SIGTERM");
    const timer = setTimeout(() => {
      if (!this.#hasEnded) this.#process.kill("SIGKILL");
    }, STOP_MS);
    await this.#process.status;
    clearTimeout(timer);
    await Promise.all(this.#output);
  }

  /** Makes the server end at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await Promise.all(this.#output);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #answers(path: string): Promise<boolean> {
    try {
      const response = await fetch(this.origin + path);
      await response.body?.cancel();
      return response.status < 500;
    } catch {
      // Not listening yet.
      return false;
    }
  }

  async #collect(output: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      // What a server says first tells why it did not start.
      if (this.#log.length < LOG_BYTES_MAX) this.#log += decoder.decode(chunk);
    }
  }
}

const MS_PER_TICK = 10;

/** CPU time of a process and of its children, in ms; NaN where there is no `/proc`. */
export function cpuMsOf(pid: number): number {
  // After the name, which may hold anything but ends with the last ")", the
  // 12th to 15th fields are user and system time, then those of children that
  // have ended.
  const fields = procFile(pid, "stat").replace(/^.*\) /s, "").split(" ");
  const own = fields.slice(11, 15).map(Number).reduce(sum, 0);
  const children = procFile(pid, `task/${pid}/children`).split(" ")
    .filter((word) => word !== "").map((child) => cpuMsOf(Number(child)));
  return children.reduce(sum, fields.length < 15 ? NaN : own * MS_PER_TICK);
}

function sum(one: number, other: number): number {
  return one + other;
}

/** Text of a file about a process; empty if there is none. */
function procFile(pid: number, name: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
}
