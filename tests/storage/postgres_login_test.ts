/**
 * How servers know their database and log in: TLS, passwords, hosts.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import { appendNumbers } from "../contract/store_steps.ts";
import {
  freePort,
  openPostgresAt,
  type PostgresServer,
  startPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { runProgram } from "../support/program.ts";

const TLS = fromFileUrl(new URL("../support/tls/", import.meta.url));
const CA = `${TLS}ca.pem`;
const OTHER_CA = `${TLS}other_ca.pem`;

/** Who may log in how. */
const LOGINS = [
  "host all postgres all trust",
  "hostssl all app all scram-sha-256",
  "hostssl all plain all password",
  "hostssl all digest all md5",
  "hostssl all open all trust",
].join("\n");

const PASSWORD = "s3cret – päss";

await testWithPostgres("logins", () => {
  Deno.test("TLS, passwords and their binding are those of libpq", async (t) => {
    await using server = await startSecure();
    await t.step(
      "each mode trusts what it should, and no more",
      () => tryModes(server),
    );
    await t.step("passwords are sent in each way", () => tryMethods(server));
    await t.step(
      "a login is bound to the certificate",
      () => tryBinding(server),
    );
    await t.step("a store is served with all of it", () => tryServing(server));
    await t.step(
      "commands take the password from where psql does",
      () => tryCommands(server),
    );
  });

  Deno.test("of several hosts the one is found that is there", async () => {
    await using server = await startSecure();
    const dead = `127.0.0.1:${freePort()}`;
    const url =
      `postgres://postgres@${dead},127.0.0.1:${server.port},${dead}/postgres`;
    const owner = await connectOwner(accessTo(url, undefined));
    await migrate(owner, { schema: "quipu", role: undefined, isNew: true });
    await owner.close();
    await using store = await openPostgresAt(url);
    await appendNumbers(store, "s", [1]);
    assertEquals((await store.readState("s")).head, 0);
  });
});

type SecureServer = PostgresServer & AsyncDisposable;

/** A server that speaks TLS, with a user for each way to log in. */
async function startSecure(): Promise<SecureServer> {
  const server = startPostgres([
    ...["-c", "listen_addresses=127.0.0.1,127.0.0.2", "-c", "ssl=on"],
  ], {
    "server.crt": await Deno.readTextFile(`${TLS}server.cert.pem`),
    "server.key": await Deno.readTextFile(`${TLS}server.key.pem`),
    "pg_hba.conf": `${LOGINS}\n`,
  });
  const owner = await connectOwner(accessTo(server.url, undefined));
  await owner.run(
    ["app", "plain", "open"].map((name) =>
      `create role ${name} login password '${PASSWORD}';`
    ).join("") +
      "set password_encryption = 'md5';" +
      `create role digest login password '${PASSWORD}';` +
      "grant all on database postgres to app",
  );
  await owner.close();
  return {
    ...server,
    [Symbol.asyncDispose]: () => Promise.resolve(server.stop()),
  };
}

function accessTo(
  url: string,
  password: string | undefined,
): Parameters<typeof connectOwner>[0] {
  return { address: parseDatabaseUrl(url), password, timers: SYSTEM_TIMERS };
}

interface Login {
  readonly user?: string;
  readonly password?: string | undefined;
  readonly host?: string;
}

/** Logs in; returns "ok", or why not. */
async function login(
  { port }: PostgresServer,
  parameters: string,
  { user = "app", host = "127.0.0.1", ...given }: Login = {},
): Promise<string> {
  const url = `postgres://${user}@${host}:${port}/postgres?${parameters}`;
  const password = "password" in given ? given.password : PASSWORD;
  try {
    const connection = await connectOwner(accessTo(url, password));
    const [row] = await connection.query(
      "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
    );
    await connection.close();
    return row?.[0] === true ? "ok" : "no TLS";
  } catch (error) {
    if (error instanceof QuipuError) return error.message;
    throw error;
  }
}

async function tryModes(server: PostgresServer): Promise<void> {
  const full = "sslmode=verify-full&sslrootcert=";
  const elsewhere = { host: "127.0.0.2" };
  assertEquals(await login(server, `${full}${CA}`), "ok");
  assertEquals(await login(server, "sslmode=require"), "ok");
  const ca = `sslmode=verify-ca&sslrootcert=${CA}`;
  assertEquals(await login(server, ca, elsewhere), "ok");
  const cases: [parameters: string, text: string, login?: Login][] = [
    ["sslmode=disable", "with sslmode=require or stricter, TLS is used"],
    ["sslmode=verify-full", "is not trusted: unable to verify"],
    ["sslmode=verify-full", "sslrootcert names a file"],
    [`${full}${OTHER_CA}`, `trusted that are in ${OTHER_CA}`],
    [`sslmode=require&sslrootcert=${OTHER_CA}`, "is not trusted", elsewhere],
    [`${full}${CA}`, "is for another host", elsewhere],
  ];
  for (const [parameters, text, how] of cases) {
    assertStringIncludes(await login(server, parameters, how), text);
  }
  for (const path of [`${TLS}README.md`, `${TLS}nowhere.pem`]) {
    assertStringIncludes(
      await login(server, full + path),
      "Cannot read sslrootcert",
    );
  }
}

async function tryMethods(server: PostgresServer): Promise<void> {
  const tls = `sslmode=verify-full&sslrootcert=${CA}`;
  for (const user of ["app", "plain", "digest"]) {
    assertEquals(await login(server, tls, { user }), "ok");
    const wrong = await login(server, tls, { user, password: "wrong" });
    assertStringIncludes(wrong, "password authentication failed");
  }
  assertStringIncludes(
    await login(server, tls, { password: undefined }),
    "asks for a password: set QUIPU_DB_PASSWORD",
  );
}

async function tryBinding(server: PostgresServer): Promise<void> {
  const bound = `sslmode=verify-full&sslrootcert=${CA}&channel_binding=require`;
  assertEquals(await login(server, bound), "ok");
  for (const user of ["plain", "digest", "open"]) {
    assertStringIncludes(
      await login(server, bound, { user }),
      "does not bind the login",
    );
  }
  const unbound = bound.replace("binding=require", "binding=disable");
  assertEquals(await login(server, unbound), "ok");
}

async function tryServing({ port }: PostgresServer): Promise<void> {
  const url = `postgres://app@127.0.0.1:${port}/postgres` +
    `?sslmode=verify-full&sslrootcert=${CA}`;
  const owner = await connectOwner(accessTo(url, PASSWORD));
  await migrate(owner, { schema: "quipu", role: undefined, isNew: true });
  await owner.close();
  await using store = await openPostgresAt(url, { password: PASSWORD });
  await appendNumbers(store, "s", [1]);
  assertEquals((await store.readState("s")).head, 0);
}

async function tryCommands({ port }: PostgresServer): Promise<void> {
  const url = `postgres://app@127.0.0.1:${port}/postgres` +
    `?sslmode=verify-full&sslrootcert=${CA}`;
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `${PASSWORD}\n`);
  for (
    const variables of [
      { QUIPU_DB_PASSWORD_FILE: file },
      { PGPASSWORD: PASSWORD },
    ]
  ) {
    const { exitCode, log } = await runProgram(
      ["postgres", "status", `--db=${url}`],
      variables,
    );
    assertEquals([exitCode, log], [0, ""]);
  }
  await Deno.remove(file);
}
