/**
 * A PostgreSQL of its own, for the time of the bench: made in a new directory,
 * started on a free port of 127.0.0.1, stopped and deleted. Whatever else of
 * PostgreSQL runs on the machine is left alone.
 *
 * @module
 */

import { join } from "@std/path";
import { cpuMsOfTree } from "./process_cpu.ts";

const DEBIAN_VERSIONS = "/usr/lib/postgresql";
/** In one directory; `psql` may be elsewhere. */
const NEEDED = ["initdb", "postgres", "pgbench"] as const;
const COMMAND_MS = 120_000;
const START_MS = 20_000;
const STOP_MS = 15_000;
const POLL_MS = 100;
const DATABASE = "message_store";

/**
 * Settings besides those that PostgreSQL comes with. It syncs before it
 * answers, which is its default as well; more memory and room in its log than
 * the default are what any guide begins with.
 */
const SETTINGS = [
  "fsync=on",
  "synchronous_commit=on",
  "full_page_writes=on",
  "max_connections=300",
  "shared_buffers=1GB",
  "max_wal_size=8GB",
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
];

/** Account that the server runs as: it refuses to run as root. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Directory of PostgreSQL's programs: the newest of Debian's, or that of the
 * `PATH`.
 *
 * @throws {Error} If there is none; the message says how to install it.
 */
export function findPrograms(): string {
  const versions = entriesOf(DEBIAN_VERSIONS)
    .sort((a, b) => Number(b) - Number(a));
  const directories = [
    ...versions.map((version) => join(DEBIAN_VERSIONS, version, "bin")),
    ...(Deno.env.get("PATH") ?? "").split(":"),
  ];
  for (const directory of directories) {
    const names = entriesOf(directory);
    if (NEEDED.every((name) => names.includes(name))) {
      return directory;
    }
  }
  throw new Error(
    `Cannot compare: no PostgreSQL with ${NEEDED.join(", ")} in ` +
      `${DEBIAN_VERSIONS}/*/bin or the PATH; on Debian: ` +
      "apt-get update && apt-get install -y postgresql",
  );
}

function entriesOf(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** A running server with an empty database. */
export class Postgres {
  readonly port: number;
  readonly version: string;
  readonly #programs: string;
  readonly #process: Deno.ChildProcess;
  readonly #log: Promise<string>;
  #hasEnded = false;

  private constructor(
    programs: string,
    started: { port: number; version: string; process: Deno.ChildProcess },
  ) {
    this.#programs = programs;
    this.port = started.port;
    this.version = started.version;
    this.#process = started.process;
    this.#log = new Response(started.process.stderr).text();
    started.process.status.then(() => this.#hasEnded = true);
  }

  /**
   * Makes and starts it.
   *
   * @param parent Existing directory, which every account may enter.
   * @throws {Error} If it cannot be made or does not answer.
   */
  static async start(programs: string, parent: string): Promise<Postgres> {
    const account = accountToUse();
    const directory = join(parent, "postgres");
    await Deno.mkdir(directory);
    if (account !== undefined) {
      await Deno.chown(directory, account.uid, account.gid);
    }
    await run(join(programs, "initdb"), {
      args: [
        ...["--pgdata", directory, "--username", "postgres"],
        ...["--auth", "trust", "--encoding", "UTF8", "--locale", "C"],
      ],
      cwd: directory,
      ...account,
    });
    const port = freePort();
    const process = new Deno.Command(join(programs, "postgres"), {
      args: [
        ...["-D", directory, "-p", String(port)],
        ...SETTINGS.flatMap((setting) => ["-c", setting]),
      ],
      cwd: directory,
      ...account,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const version = await run(join(programs, "postgres"), {
      args: ["--version"],
    });
    const server = new Postgres(programs, {
      port,
      version: version.trim(),
      process,
    });
    try {
      await server.#waitUntilReady();
      await server.query(`CREATE DATABASE ${DATABASE}`, "postgres");
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async #waitUntilReady(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!this.#hasEnded && performance.now() < deadline) {
      try {
        await this.query("SELECT 1", "postgres");
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    if (!this.#hasEnded) throw new Error("Cannot start PostgreSQL in time");
    throw new Error(`Cannot start PostgreSQL:\n${await this.#log}`);
  }

  /** Environment for its clients: where it is, and where message-db's parts are. */
  get environment(): Record<string, string> {
    return {
      PGHOST: "127.0.0.1",
      PGPORT: String(this.port),
      PGUSER: "postgres",
      PGDATABASE: DATABASE,
      PGOPTIONS: "-c search_path=message_store,public " +
        "-c client_min_messages=warning",
    };
  }

  /**
   * Runs one statement, or several with semicolons between them.
   *
   * @returns The rows, one a line, cells with `|` between them.
   * @throws {Error} With what PostgreSQL says is wrong.
   */
  query(sql: string, database = DATABASE): Promise<string> {
    return this.#psql(["-A", "-t", "-c", sql], database);
  }

  /** Runs the statements of a file. */
  async runFile(path: string): Promise<void> {
    await this.#psql(["-f", path], DATABASE);
  }

  #psql(args: readonly string[], database: string): Promise<string> {
    return run(programIn(this.#programs, "psql"), {
      args: ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...args],
      env: { ...this.environment, PGDATABASE: database },
    });
  }

  /** Where `pgbench` is. */
  get pgbench(): string {
    return programIn(this.#programs, "pgbench");
  }

  /** CPU time of all its processes so far, in ms; undefined without `/proc`. */
  cpuMs(): number | undefined {
    return cpuMsOfTree(this.#process.pid);
  }

  /** Ends it, at once for its clients, with its files in order. */
  async stop(): Promise<void> {
    const signal = (name: Deno.Signal) => {
      if (!this.#hasEnded) this.#process.kill(name);
    };
    signal("SIGINT");
    const timers = [
      setTimeout(() => signal("SIGQUIT"), STOP_MS),
      setTimeout(() => signal("SIGKILL"), 2 * STOP_MS),
    ];
    await this.#process.status;
    for (const timer of timers) clearTimeout(timer);
    await this.#log;
  }
}

/** The account `postgres`, or else `nobody`; undefined if we are not root. */
function accountToUse(): Account | undefined {
  if (Deno.uid() !== 0) return undefined;
  const accounts = new Map(
    Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => {
      const [name = "", , uid, gid] = line.split(":");
      return [name, { uid: Number(uid), gid: Number(gid) }];
    }),
  );
  const account = accounts.get("postgres") ?? accounts.get("nobody");
  if (account === undefined) {
    throw new Error(
      "Cannot start PostgreSQL: it refuses to run as root, and there is no " +
        'account "postgres" or "nobody"',
    );
  }
  return account;
}

/** Debian has the clients in the `PATH`, a package of its own. */
function programIn(directory: string, name: string): string {
  return entriesOf(directory).includes(name) ? join(directory, name) : name;
}

/**
 * Runs a program to its end.
 *
 * @returns What it printed.
 * @throws {Error} With what it said, if it fails.
 */
async function run(
  command: string,
  options: Deno.CommandOptions,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    ...options,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(COMMAND_MS),
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`Cannot run ${command}:\n${decoder.decode(stderr)}`);
}

/** Port that nobody listens on at this moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
