/**
 * pgbouncer for tests, in transaction mode, in front of a server of PostgreSQL:
 * each transaction may be another session's.
 *
 * @module
 */

import { join } from "@std/path";
import {
  freePort,
  makePostgresDirectory,
  type PostgresServer,
  runAs,
  writePostgresFile,
} from "./postgres_server.ts";

const PLACES = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];

/** The program; undefined: there is none. */
export function findPooler(): string | undefined {
  return PLACES.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A pooler. Disposing of it ends it. */
export interface Pooler extends AsyncDisposable {
  /** The URL through the pooler for one of its server. */
  reach(url: string): string;
}

/** Starts a pooler with so few sessions that clients take turns. */
export async function startPooler(
  { port }: Pick<PostgresServer, "port">,
): Promise<Pooler> {
  const program = findPooler();
  if (program === undefined) throw new Error("There is no pgbouncer");
  const directory = makePostgresDirectory();
  const users = join(directory, "users");
  writePostgresFile(users, '"postgres" ""\n');
  const listenPort = freePort();
  const config = join(directory, "pgbouncer.ini");
  writePostgresFile(
    config,
    `[databases]
* = host=127.0.0.1 port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = 3
`,
  );
  const child = new Deno.Command(program, {
    args: ["-q", config],
    ...runAs(),
    clearEnv: true,
    stdout: "null",
    stderr: "null",
  }).spawn();
  await untilListening(listenPort);
  return {
    reach: (url) => url.replace(`:${port}/`, `:${listenPort}/`),
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let tried = 0; tried < 600; tried++) {
    try {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connection.close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error("pgbouncer does not listen");
}
