/**
 * Three servers of PostgreSQL: a primary and two standbys of which any one must
 * confirm a commit. Kills, pauses, promotes and rebuilds them.
 *
 * @module
 */

import { join } from "@std/path";
import {
  freePort,
  makePostgresDirectory,
  runPostgresLater,
} from "../support/postgres_server.ts";

export interface Node {
  readonly name: string;
  readonly port: number;
  readonly data: string;
}

const SETTINGS = [
  ...["fsync=off", "full_page_writes=off", "listen_addresses=127.0.0.1"],
  ...["max_connections=100", "wal_keep_size=256MB", "hot_standby=on"],
  ...["shared_buffers=32MB", "wal_sender_timeout=5s", "max_wal_senders=8"],
  "synchronous_standby_names='ANY 1 (a, b, c)'",
  ...["wal_receiver_timeout=5s", "wal_retrieve_retry_interval=200ms"],
];

/** Longest wait for something that servers are to do. */
const WAIT_MS = 60_000;

/** How often a copy of the primary is tried. */
const COPIES_MAX = 5;

export class Cluster implements AsyncDisposable {
  readonly #directory = makePostgresDirectory();
  readonly #nodes: readonly Node[];
  #primary: Node;

  private constructor() {
    this.#nodes = ["a", "b", "c"].map((name) => ({
      name,
      port: freePort(),
      data: join(this.#directory, name),
    }));
    const [first] = this.#nodes;
    if (first === undefined) throw new Error("There are three");
    this.#primary = first;
  }

  /** Starts all three, with an empty database `quipu`. */
  static async start(): Promise<Cluster> {
    const cluster = new Cluster();
    const first = cluster.#primary;
    await runPostgresLater("initdb", [
      ...["-D", first.data, "-U", "postgres", "-A", "trust", "-N"],
      ...["-E", "UTF8", "--locale=C"],
    ]);
    await cluster.#start(first);
    for (const node of cluster.#standbys) await cluster.#rebuild(node);
    await cluster.waitUntilStreaming();
    await cluster.#sql(first, "create database quipu");
    return cluster;
  }

  /** URL that names all three. */
  get url(): string {
    const hosts = this.#nodes.map(({ port }) => `127.0.0.1:${port}`);
    return `postgres://postgres@${hosts.join(",")}/quipu`;
  }

  /** URL of the primary alone. */
  get primaryUrl(): string {
    return `postgres://postgres@127.0.0.1:${this.#primary.port}/quipu`;
  }

  get #standbys(): Node[] {
    return this.#nodes.filter((node) => node !== this.#primary);
  }

  /** Waits until both standbys receive what the primary writes. */
  async waitUntilStreaming(): Promise<void> {
    await waitFor(async () =>
      await this.#sql(
        this.#primary,
        "select count(*) from pg_stat_replication where state = 'streaming'",
      ) === "2", "standbys stream");
  }

  /** Kills the primary, and promotes the standby that has the most. */
  async failOver(): Promise<void> {
    const old = this.#primary;
    signalServer(old, "SIGKILL");
    await this.#promoteBest();
    await this.#rebuild(old);
    await this.waitUntilStreaming();
  }

  /**
   * Pauses the primary, promotes the best standby, and lets the old one go on
   * for a while as if nothing had happened.
   */
  async failOverPaused(zombieMs: number): Promise<void> {
    const old = this.#primary;
    signalServer(old, "SIGSTOP");
    await this.#promoteBest();
    signalServer(old, "SIGCONT");
    await new Promise((resolve) => setTimeout(resolve, zombieMs));
    signalServer(old, "SIGKILL");
    await this.#rebuild(old);
    await this.waitUntilStreaming();
  }

  /** Kills the primary and starts it again where it was. */
  async restartInPlace(): Promise<void> {
    this.killPrimary();
    await this.startPrimary();
    await this.waitUntilStreaming();
  }

  killPrimary(): void {
    signalServer(this.#primary, "SIGKILL");
  }

  async startPrimary(): Promise<void> {
    await this.#start(this.#primary);
  }

  /** Ends the sessions of servers, or cancels what they do. */
  async disturbSessions(
    how: "pg_terminate_backend" | "pg_cancel_backend",
  ): Promise<void> {
    await this.#sql(
      this.#primary,
      `select ${how}(pid) from pg_stat_activity ` +
        "where application_name = 'quipu'",
    );
  }

  /** Has the standbys stand still, or go on. */
  pauseStandbys(isPaused: boolean): void {
    for (const node of this.#standbys) {
      signalServer(node, isPaused ? "SIGSTOP" : "SIGCONT");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) signalServer(node, "SIGKILL");
    // Children end once they find that their parent is gone.
    await waitFor(
      () => this.#nodes.every((node) => processesOf(node).length === 0),
      "servers end",
    );
    Deno.removeSync(this.#directory, { recursive: true });
  }

  async #start(node: Node): Promise<void> {
    await waitFor(
      () => processesOf(node).length === 0,
      "the old server is gone",
    );
    // A killed server that nobody has reaped yet looks as if it ran.
    removeIfThere(join(node.data, "postmaster.pid"));
    const options = [
      ...SETTINGS.flatMap((setting) => ["-c", setting]),
      ...["-p", String(node.port), "-k", "''"],
      ...["-c", `cluster_name=${node.name}`],
    ].join(" ");
    const log = join(this.#directory, `${node.name}.log`);
    await runPostgresLater("pg_ctl", [
      ...["-D", node.data, "-l", log, "-o", options, "-w", "start"],
    ]);
  }

  /** Makes a node a new standby of the primary. */
  async #rebuild(node: Node): Promise<void> {
    await waitFor(
      () => processesOf(node).length === 0,
      "the old server is gone",
    );
    await this.#copyPrimary(node.data);
    Deno.writeTextFileSync(join(node.data, "standby.signal"), "");
    Deno.writeTextFileSync(
      join(node.data, "postgresql.auto.conf"),
      `primary_conninfo = '${this.#conninfo(node.name)}'\n`,
      { append: true },
    );
    await this.#start(node);
  }

  /**
   * Copies the primary. Under a name of its own: what the copy receives must not
   * count as a standby's. On a busy machine the primary may take it for hung and
   * leave it; then it is made again.
   */
  async #copyPrimary(target: string): Promise<void> {
    for (let tried = 1;; tried++) {
      removeIfThere(target);
      try {
        await runPostgresLater("pg_basebackup", [
          ...["-D", target, "-d", this.#conninfo("backup"), "-N"],
          ...["-c", "fast", "-X", "stream"],
        ]);
        return;
      } catch (error) {
        if (tried === COPIES_MAX) throw error;
      }
    }
  }

  /** Promotes the standby that has received the most; the other follows it. */
  async #promoteBest(): Promise<void> {
    const received = await Promise.all(this.#standbys.map(async (node) => ({
      node,
      lsn: BigInt(
        await this.#sql(
          node,
          "select (coalesce(pg_last_wal_receive_lsn(), '0/0') - '0/0')::bigint",
        ),
      ),
    })));
    const [best, other] = received.sort((one, other) =>
      one.lsn > other.lsn ? -1 : 1
    );
    if (best === undefined || other === undefined) {
      throw new Error("No standby");
    }
    this.#primary = best.node;
    await runPostgresLater("pg_ctl", ["-D", best.node.data, "-w", "promote"]);
    await this.#sql(
      other.node,
      `alter system set primary_conninfo = '${
        this.#conninfo(other.node.name)
      }'`,
    );
    await this.#sql(other.node, "select pg_reload_conf()");
  }

  /** How a standby connects to the primary. */
  #conninfo(name: string): string {
    return `host=127.0.0.1 port=${this.#primary.port} user=postgres ` +
      `application_name=${name}`;
  }

  async #sql(node: Node, sql: string): Promise<string> {
    const output = await runPostgresLater("psql", [
      ...["-h", "127.0.0.1", "-p", String(node.port), "-U", "postgres"],
      ...["-d", "postgres", "-At", "-c", sql],
    ]);
    return new TextDecoder().decode(output).trim();
  }
}

/** Sends a signal to a server and all its processes. */
export function signalServer(
  server: Pick<Node, "data">,
  signal: Deno.Signal,
): void {
  for (const pid of processesOf(server)) {
    try {
      Deno.kill(pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The server of a node and all its processes, the first one first. */
export function processesOf({ data }: Pick<Node, "data">): number[] {
  const parents = new Map<number, number>();
  let first: number | undefined;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const read = (file: string) =>
        new TextDecoder().decode(Deno.readFileSync(`/proc/${name}/${file}`));
      const stat = read("stat");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") continue;
      parents.set(Number(name), Number(parent));
      const args = read("cmdline").split("\0");
      if (args[0]?.endsWith("postgres") && args.includes(data)) {
        first = Number(name);
      }
    } catch {
      // It ended meanwhile.
    }
  }
  if (first === undefined) return [];
  return [
    first,
    ...[...parents].filter(([, parent]) => parent === first)
      .map(([pid]) => pid),
  ];
}

async function waitFor(
  isSo: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!await isSoNow(isSo)) {
    if (performance.now() > endMs) throw new Error(`In vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function isSoNow(
  isSo: () => boolean | Promise<boolean>,
): Promise<boolean> {
  try {
    return await isSo();
  } catch {
    // A server that starts, or stops, refuses.
    return false;
  }
}
