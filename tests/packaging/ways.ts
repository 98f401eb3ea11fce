/**
 * Ways to get and start the program, tried as a user would who has nothing else:
 * an empty directory as home, and a `PATH` with the named tools alone.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";

/** Time for a whole trial on a machine with other work; it takes seconds. */
const TRIAL_MS_MAX = 300_000;

/** An empty place. Disposing of it removes it. */
export interface EmptyPlace extends AsyncDisposable {
  readonly directory: string;
  /** All variables that commands get there. */
  readonly environment: Readonly<Record<string, string>>;
}

/** This process's variables, without those that options of the program are. */
export function plainEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      // An npm that started the tests tells its own home and settings.
      !/^(?:QUIPU|npm)_/.test(name)
    ),
  );
}

/** What a machine may need to reach a registry; not part of what is tried. */
const KEPT =
  /^(?:https?_proxy|no_proxy|\w*_CERTS?|SSL_\w+|DENO_TLS_CA_STORE)$/i;

/**
 * Makes an empty home whose `PATH` has only these tools, and a shell.
 *
 * @param tools Paths of executables.
 */
export async function openEmptyPlace(
  tools: readonly string[],
): Promise<EmptyPlace> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-way-" });
  const bin = join(directory, "bin");
  await Deno.mkdir(bin);
  for (const tool of ["/bin/sh", ...tools]) {
    await Deno.symlink(tool, join(bin, tool.split("/").at(-1) ?? ""));
  }
  const kept = Object.entries(Deno.env.toObject())
    .filter(([name]) => KEPT.test(name));
  return {
    directory,
    environment: {
      ...Object.fromEntries(kept),
      HOME: directory,
      PATH: bin,
      NO_COLOR: "1",
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** How it went. */
export interface Trial {
  /** From the start of the command to the first answer. */
  readonly answerMs: number;
  /** What it wrote to standard output, before it served, too. */
  readonly output: string;
  readonly log: string;
}

/**
 * Starts a server by a command, waits for its first answer, writes an event and
 * reads it, and stops the server.
 *
 * @param command Ends with the options of `serve`; a free port is added.
 * @param use What else is done with the running server.
 */
export async function tryServer(
  command: readonly string[],
  place: Pick<EmptyPlace, "directory" | "environment">,
  use?: (url: string) => Promise<void>,
): Promise<Trial> {
  const startedAt = performance.now();
  const port = freePort();
  const [name = "", ...args] = [...command, `--port=${port}`];
  const child = new Deno.Command(name, {
    args,
    cwd: place.directory,
    clearEnv: true,
    env: { ...place.environment },
    // A group of its own: signals reach what the command starts, too.
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new Response(child.stdout).text();
  const log = new Response(child.stderr).text();
  const killer = setTimeout(() => endGroup(child, "SIGKILL"), TRIAL_MS_MAX);
  try {
    const url = `http://127.0.0.1:${port}`;
    if (!await answers(url, child)) {
      throw new Error(`No answer of ${command.join(" ")}:\n${await log}`);
    }
    const answerMs = performance.now() - startedAt;
    await writeAndRead(url);
    await use?.(url);
    endGroup(child, "SIGTERM");
    // It ends with the last process that writes to it.
    return { answerMs, output: await output, log: await log };
  } finally {
    clearTimeout(killer);
    endGroup(child, "SIGKILL");
    await child.status;
  }
}

/** A port that nothing listens on at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(
  url: string,
  child: Deno.ChildProcess,
): Promise<boolean> {
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  while (!hasEnded) {
    try {
      const response = await fetch(`${url}/health/ready`);
      await response.body?.cancel();
      if (response.ok) return true;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

const EVENT = {
  eventId: "fbf4a1a1-b4a3-4dfe-a01f-ec52c34e16e4",
  eventType: "tried",
  data: { amount: 42 },
};

async function writeAndRead(url: string): Promise<void> {
  const written = await fetch(`${url}/streams/trial`, {
    method: "POST",
    headers: { "Content-Type": "application/vnd.eventstore.events+json" },
    body: JSON.stringify([EVENT]),
  });
  assertEquals([written.status, await written.text()], [201, ""]);
  const read = await fetch(`${url}/streams/trial/0`, {
    headers: { Accept: "application/json" },
  });
  assertEquals([read.status, await read.json()], [200, EVENT.data]);
}

function endGroup(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    Deno.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

/**
 * A test that needs what not every machine has.
 *
 * @param missing What is not there; the name of the test then says so.
 */
export function testWhere(
  name: string,
  missing: string | undefined,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const isUnix = Deno.build.os !== "windows";
  const reason = isUnix ? missing : "signals and shells of Unix";
  if (reason === undefined) Deno.test(name, fn);
  else Deno.test({ name: `${name} (skipped: no ${reason})`, ignore: true, fn });
}

/** Path of a tool; undefined if this machine does not have it. */
export function findTool(name: string): string | undefined {
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  return [...directories, "/usr/sbin"].map((one) => join(one, name))
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
}

/** Whether npm can fetch packages: tests of packages need it. */
export async function canReachRegistry(): Promise<boolean> {
  const npm = findTool("npm");
  if (npm === undefined || findTool("node") === undefined) return false;
  const { success } = await new Deno.Command(npm, {
    args: ["view", "deno", "version", "--fetch-timeout=5000"],
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(15_000),
  }).output();
  return success;
}
