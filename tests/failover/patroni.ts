/**
 * `deno task failover:patroni [ROUNDS]`: etcd and three servers of PostgreSQL
 * under Patroni, as they are operated, with two servers of ours on top. The
 * leader is killed with its Patroni while clients append and follow: for them
 * it must be a pause. Needs the Debian packages `patroni` and `etcd-server`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Client } from "../../lib/client/mod.ts";
import {
  findPostgres,
  freePort,
  makePostgresDirectory,
  runAs,
  writePostgresFile,
} from "../support/postgres_server.ts";
import { runProgram, startReading, startServer } from "../support/program.ts";
import { processesOf, signalServer } from "./cluster.ts";

/** Longest wait of a client in a round; the longest that was seen took 27 s. */
const WAIT_MS = 180_000;
const FIRST_MS = 3_000;

interface Node {
  readonly name: string;
  readonly port: number;
  readonly apiPort: number;
  readonly data: string;
  readonly config: string;
}

const directory = makePostgresDirectory();
const etcdPort = freePort();
const children = new Map<string, Deno.ChildProcess>();
const nodes = ["a", "b", "c"].map((name): Node => ({
  name,
  port: freePort(),
  apiPort: freePort(),
  data: join(directory, name),
  config: join(directory, `${name}.yml`),
}));

try {
  await run(Number(Deno.args[0] ?? 1));
} finally {
  for (const name of children.keys()) await kill(name);
  for (const node of nodes) signalServer(node, "SIGKILL");
  await waitFor(
    () => nodes.every((node) => processesOf(node).length === 0),
    "servers end",
  );
  Deno.removeSync(directory, { recursive: true });
}

async function run(rounds: number): Promise<void> {
  const beganMs = performance.now();
  await startAll();
  tell(`Patroni runs after ${since(beganMs)}`);
  const url = `postgres://postgres@${
    nodes.map(({ port }) => `127.0.0.1:${port}`).join()
  }/postgres`;
  const made = await runProgram(["postgres", "init", `--db=${url}`]);
  assertEquals(made.exitCode, 0, made.log);
  const options = [`--db=${url}`];
  await using one = await startServer(options);
  await using other = await startServer(options);
  const urls = [one.url, other.url];
  for (let round = 1; round <= rounds; round++) {
    const streamName = `round-${round}`;
    const live = liveThrough({ urls, streamName });
    await pause(FIRST_MS);
    const leader = await findLeader();
    assert(leader !== undefined, "There is a leader");
    const killedMs = performance.now();
    await kill(leader.name);
    signalServer(leader, "SIGKILL");
    await waitFor(async () => {
      const next = await findLeader();
      return next !== undefined && next !== leader;
    }, "another leads");
    const promotedMs = performance.now() - killedMs;
    await pause(FIRST_MS);
    const seen = await live.end();
    tell(
      `round ${round}: ${leader.name} killed, another led after ` +
        `${(promotedMs / 1000).toFixed(1)} s; ${seen}`,
    );
    startPatroni(leader);
    await waitFor(async () => await countStandbys() === 2, "both stand by");
  }
  const verified = await runProgram(["verify", `--db=${url}`]);
  assertEquals(verified.exitCode, 0, verified.output);
  tell("the tables are verified");
}

/** Clients that append and follow until they are ended. */
function liveThrough(
  { urls, streamName }: {
    readonly urls: readonly string[];
    readonly streamName: string;
  },
): { end(): Promise<string> } {
  const client = new Client({ url: urls });
  let isOver = false;
  const pauses = { append: 0, follow: 0 };
  const appending = (async () => {
    let count = 0;
    while (!isOver) {
      const beganMs = performance.now();
      // A refusal ends the task: the caller must see none.
      const { firstEventNumber } = await client.append(streamName, {
        eventType: "t",
        data: { count },
      }, { expectedVersion: count === 0 ? "noStream" : count - 1 });
      assertEquals(firstEventNumber, count++);
      pauses.append = Math.max(pauses.append, performance.now() - beganMs);
    }
    return count;
  })();
  const followed: number[] = [];
  const stopping = new AbortController();
  const following = (async () => {
    let lastMs = performance.now();
    const feed = client.follow(streamName, { signal: stopping.signal });
    try {
      for await (const { eventNumber } of feed) {
        followed.push(eventNumber);
        pauses.follow = Math.max(pauses.follow, performance.now() - lastMs);
        lastMs = performance.now();
      }
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
    }
  })();
  const shell = startReading([
    ...["append", `${streamName}-shell`, `--url=${urls.join()}`],
    "--batch=1",
  ]);
  const feeding = (async () => {
    let count = 0;
    while (!isOver) {
      const line = JSON.stringify({ eventType: "t", data: { count: count++ } });
      await shell.input.write(new TextEncoder().encode(`${line}\n`));
      await pause(20);
    }
    await shell.input.close();
    return count;
  })();
  for (const work of [appending, following, feeding]) {
    // It is told at the end.
    work.catch(() => {});
  }
  return {
    async end() {
      isOver = true;
      const count = await appending;
      const fed = await feeding;
      const { exitCode, log } = await shell.end;
      assertEquals(exitCode, 0, log);
      await waitFor(() => followed.length >= count, "the feed has all");
      stopping.abort();
      await following;
      assertEquals(followed, Array.from({ length: count }, (_, at) => at));
      assertEquals(await dataOf(client, `${streamName}-shell`), fed);
      return `${count} appends and ${fed} of a shell, each once, no error; ` +
        `longest pause of appends ${Math.round(pauses.append)} ms, ` +
        `of the feed ${Math.round(pauses.follow)} ms`;
    },
  };
}

/** Asserts that a stream has its events in order; tells how many. */
async function dataOf(client: Client, streamName: string): Promise<number> {
  let count = 0;
  for await (const { data } of client.read(streamName)) {
    assertEquals(data, { count: count++ });
  }
  return count;
}

async function startAll(): Promise<void> {
  start("etcd", "etcd", [
    ...["--data-dir", join(directory, "etcd"), "--name", "etcd"],
    ...["--listen-client-urls", `http://127.0.0.1:${etcdPort}`],
    ...["--advertise-client-urls", `http://127.0.0.1:${etcdPort}`],
    ...["--listen-peer-urls", `http://127.0.0.1:${freePort()}`],
  ]);
  for (const node of nodes) {
    writePostgresFile(node.config, configOf(node));
    startPatroni(node);
  }
  await waitFor(
    async () => await findLeader() !== undefined && await countStandbys() === 2,
    "three servers",
  );
}

function startPatroni({ name, config }: Node): void {
  start(name, "patroni", [config]);
}

function start(name: string, program: string, args: readonly string[]): void {
  children.set(
    name,
    new Deno.Command(program, {
      args: [...args],
      ...runAs(),
      cwd: directory,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", LC_ALL: "C" },
      stdout: "null",
      stderr: "null",
    }).spawn(),
  );
}

async function kill(name: string): Promise<void> {
  const child = children.get(name);
  children.delete(name);
  try {
    child?.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
  await child?.status;
}

/** The node that says that it leads. */
async function findLeader(): Promise<Node | undefined> {
  for (const node of nodes) {
    if (await isAnswered(`http://127.0.0.1:${node.apiPort}/leader`)) {
      return node;
    }
  }
  return undefined;
}

async function countStandbys(): Promise<number> {
  const answers = await Promise.all(
    nodes.map(({ apiPort }) => isAnswered(`http://127.0.0.1:${apiPort}/sync`)),
  );
  return answers.filter((is) => is).length;
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Settings of a node as a user would have them, but for fsync. */
function configOf({ name, port, apiPort, data }: Node): string {
  return `scope: quipu
name: ${name}
restapi: { listen: 127.0.0.1:${apiPort}, connect_address: 127.0.0.1:${apiPort} }
etcd3: { host: 127.0.0.1:${etcdPort} }
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 5
    retry_timeout: 5
    synchronous_mode: true
    synchronous_mode_strict: true
    synchronous_node_count: 2
    postgresql:
      use_pg_rewind: true
      parameters: { wal_log_hints: "on", fsync: "off", max_connections: 100 }
  initdb: [{ encoding: UTF8 }, { locale: C }]
  pg_hba:
    - host all all 127.0.0.1/32 trust
    - host replication all 127.0.0.1/32 trust
postgresql:
  listen: 127.0.0.1:${port}
  connect_address: 127.0.0.1:${port}
  data_dir: ${data}
  bin_dir: ${findPostgres()}
  authentication:
    superuser: { username: postgres }
    replication: { username: replicator }
    rewind: { username: postgres }
  parameters: { unix_socket_directories: ${directory} }
`;
}

async function waitFor(
  isSo: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!await isSo()) {
    if (performance.now() > endMs) throw new Error(`In vain: ${what}`);
    await pause(200);
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function since(beganMs: number): string {
  return `${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
}

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
