/**
 * PostgreSQL for tests: a cluster of its own on a loopback port, which is gone
 * with the test file. A server of PostgreSQL refuses to run as root, so as root
 * it runs as the user `postgres`.
 *
 * @module
 */

import { join } from "@std/path";
import { createTestClock, createTestIds } from "./events.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { NO_OBSERVER } from "../../lib/store/store_observer.ts";
import { STORED_NAMES } from "../../lib/store/append_refusal.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import {
  openPostgres,
  type OpenPostgresOptions,
} from "../../storage/postgres/open_postgres.ts";
import type { PostgresStore } from "../../storage/postgres/postgres_store.ts";

/** Where servers of PostgreSQL are installed; the first that is there. */
const PLACES = ["15", "16", "17", "18", "14"].map((version) =>
  `/usr/lib/postgresql/${version}/bin`
);

/** Directory of the programs; undefined: there is no PostgreSQL. */
export function findPostgres(): string | undefined {
  const named = Deno.env.get("QUIPU_POSTGRES_BIN");
  return [...named === undefined ? [] : [named], ...PLACES]
    .find((directory) => {
      try {
        return Deno.statSync(join(directory, "initdb")).isFile;
      } catch {
        return false;
      }
    });
}

/** Who a server runs as: itself, or `postgres` in the place of root. */
export function runAs(): { uid?: number; gid?: number } {
  if (Deno.uid() !== 0) return {};
  const line = new TextDecoder().decode(Deno.readFileSync("/etc/passwd"))
    .split("\n").find((line) => line.startsWith("postgres:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error("root runs no PostgreSQL, and there is no user postgres");
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** Runs a program of PostgreSQL to its end. */
export function runPostgres(
  program: string,
  args: readonly string[],
): Uint8Array {
  return outputOf(program, args, commandOf(program, args).outputSync());
}

/** As `runPostgres`, while others go on. */
export async function runPostgresLater(
  program: string,
  args: readonly string[],
): Promise<Uint8Array> {
  return outputOf(program, args, await commandOf(program, args).output());
}

function commandOf(program: string, args: readonly string[]): Deno.Command {
  const directory = findPostgres();
  if (directory === undefined) throw new Error("There is no PostgreSQL");
  return new Deno.Command(join(directory, program), {
    args: [...args],
    ...runAs(),
    clearEnv: true,
    env: { LC_ALL: "C" },
  });
}

function outputOf(
  program: string,
  args: readonly string[],
  { success, stdout, stderr }: Deno.CommandOutput,
): Uint8Array {
  if (success) return stdout;
  throw new Error(
    `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`,
  );
}

/** A directory that the servers' user may write to. */
export function makePostgresDirectory(): string {
  const directory = Deno.makeTempDirSync({ prefix: "quipu-postgres-" });
  const { uid, gid } = runAs();
  if (uid !== undefined) Deno.chownSync(directory, uid, gid ?? null);
  return directory;
}

/** Writes a file that the servers' user may read, and nobody else. */
export function writePostgresFile(path: string, text: string): void {
  Deno.writeTextFileSync(path, text, { mode: 0o600 });
  const { uid, gid } = runAs();
  if (uid !== undefined) Deno.chownSync(path, uid, gid ?? null);
}

/** A port that is free at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server of PostgreSQL. */
export interface PostgresServer {
  readonly port: number;
  /** URL of its database, without a schema. */
  readonly url: string;
  /** Directory of its data. */
  readonly data: string;
  stop(): void;
}

/** What makes tests fast: nothing is to survive a power cut. */
const FAST = ["-c", "fsync=off", "-c", "full_page_writes=off"];

/**
 * Starts a new cluster, with the database that each has.
 *
 * @param files Files in its directory by their names, such as `pg_hba.conf`.
 */
export function startPostgres(
  settings: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
): PostgresServer {
  const directory = makePostgresDirectory();
  const data = join(directory, "data");
  runPostgres("initdb", [
    ...["-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"],
    "--locale=C",
  ]);
  for (const [name, text] of Object.entries(files)) {
    writePostgresFile(join(data, name), text);
  }
  const port = freePort();
  const options = [
    ...["-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", "''"],
    ...["-c", "max_connections=200"],
    ...FAST,
    ...settings,
  ].join(" ");
  const log = join(directory, "log");
  runPostgres("pg_ctl", ["-D", data, "-l", log, "-o", options, "-w", "start"]);
  return {
    port,
    data,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop() {
      runPostgres("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]);
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

let shared: PostgresServer | undefined;

/** The server of this test file, started for the first who asks. */
export function sharedPostgres(): PostgresServer {
  if (shared === undefined) {
    const server = startPostgres();
    globalThis.addEventListener("unload", () => server.stop());
    shared = server;
  }
  return shared;
}

let schemaCount = 0;
/** Schemas of stores that are closed. */
const freeSchemas: string[] = [];

const EMPTY = ["events", "entries", "names", "leases", "servers"];

/** Makes an empty store in a schema of its own; returns its URL. */
export async function createPostgresStore(
  server: PostgresServer = sharedPostgres(),
): Promise<string> {
  const free = server === shared ? freeSchemas.pop() : undefined;
  const schema = free ?? `s${++schemaCount}`;
  const url = `${server.url}?schema=${schema}`;
  const connection = await connectOwner({
    address: parseDatabaseUrl(url),
    password: undefined,
    timers: SYSTEM_TIMERS,
  });
  if (free === undefined) {
    await migrate(connection, { schema, role: undefined, isNew: true });
  } else {
    await connection.run(
      EMPTY.map((table) => `delete from ${schema}.${table};`).join("") +
        `update ${schema}.meta set store_id = gen_random_uuid()`,
    );
  }
  await connection.close();
  return url;
}

/**
 * Opens an empty store that nobody else opens until it is closed.
 *
 * @param reach Makes the URL that leads to the store of another one's.
 */
export async function openEmptyPostgres(
  changes: Partial<OpenPostgresOptions> = {},
  reach: (url: string) => string = (url) => url,
): Promise<PostgresStore> {
  const url = await createPostgresStore();
  const store = await openPostgresAt(reach(url), { readersMax: 1, ...changes });
  const close = store.close.bind(store);
  let closing: Promise<void> | undefined;
  store.close = () => {
    closing ??= close().then(() => {
      freeSchemas.push(parseDatabaseUrl(url).schema);
    });
    return closing;
  };
  return store;
}

/**
 * Opens the store of a URL as a server would.
 *
 * @param open Opens it: with a bug, perhaps.
 */
export function openPostgresAt(
  url: string,
  changes: Partial<OpenPostgresOptions> = {},
  open = openPostgres,
): Promise<PostgresStore> {
  return open({
    address: parseDatabaseUrl(url),
    password: undefined,
    serverId: crypto.randomUUID(),
    advertisedUrl: undefined,
    version: "0.0.0",
    clock: createTestClock(),
    timers: SYSTEM_TIMERS,
    logger: SILENT_LOGGER,
    observer: NO_OBSERVER,
    newEventId: createTestIds(),
    queue: { eventsMax: 200_000, bytesMax: 256 * 1024 * 1024 },
    names: STORED_NAMES,
    consistency: "strict",
    mayBeLocal: true,
    isReadOnly: false,
    ...changes,
  });
}

/**
 * Defines tests that need PostgreSQL; where there is none, one that says so is
 * skipped in their place.
 */
export async function testWithPostgres(
  subject: string,
  define: () => void | Promise<void>,
): Promise<void> {
  if (findPostgres() !== undefined) return await define();
  Deno.test({
    name: `${subject} over PostgreSQL: skipped, there is no PostgreSQL here`,
    ignore: true,
    fn() {},
  });
}
