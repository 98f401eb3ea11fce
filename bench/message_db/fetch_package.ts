/**
 * message-db: fetched from npm, entered in a database. Its SQL is no part of
 * this project; `message_db.lock` says which one it is.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { runSql } from "./pgbench.ts";

const PACKAGE = "@eventide/message-db";
const VERSION = "1.3.1";
const INSTALL_MS = 60_000;
/** Files below `database/`, in the order of the package's own installer. */
const SQL_FILES = [
  "schema/message-store",
  "extensions/pgcrypto",
  "tables/messages",
  "types/message",
  "functions/message-store-version",
  "functions/hash-64",
  "functions/acquire-lock",
  "functions/category",
  "functions/is-category",
  "functions/id",
  "functions/cardinal-id",
  "functions/stream-version",
  "functions/write-message",
  "functions/get-stream-messages",
  "functions/get-category-messages",
  "functions/get-last-stream-message",
  "indexes/messages-id",
  "indexes/messages-stream",
  "indexes/messages-category",
] as const;

/**
 * Fetches the package; its checksum has to be that of the lock file.
 *
 * @param parent Existing directory.
 * @returns The package's directory.
 * @throws {Error} If it cannot be had.
 */
export async function fetchMessageDb(parent: string): Promise<string> {
  const directory = join(parent, "message-db");
  await Deno.mkdir(directory);
  await Deno.writeTextFile(
    join(directory, "package.json"),
    JSON.stringify({ private: true, dependencies: { [PACKAGE]: VERSION } }),
  );
  await Deno.copyFile(
    fromFileUrl(new URL("message_db.lock", import.meta.url)),
    join(directory, "deno.lock"),
  );
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet", "--frozen"],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(INSTALL_MS),
  }).output();
  if (!success) {
    throw new Error(
      `Cannot fetch ${PACKAGE}: ${new TextDecoder().decode(stderr).trim()}\n` +
        "The comparison with PostgreSQL needs it",
    );
  }
  return join(directory, "node_modules", ...PACKAGE.split("/"));
}

/**
 * Makes its schema, table, functions and indexes.
 *
 * @param url The database.
 */
export function installMessageDb(url: string, packageDirectory: string): void {
  for (const file of SQL_FILES) {
    const path = join(packageDirectory, "database", `${file}.sql`);
    runSql(url, Deno.readTextFileSync(path));
  }
}
