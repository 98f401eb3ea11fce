/**
 * The program from outside: what it makes is for its own user alone, it follows
 * no links that others laid, and it gives up permissions that it needs no
 * longer.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { runProgram, startServer } from "../support/program.ts";
import { createStoreDirectory } from "../support/store_directory.ts";
import { basic } from "../support/test_auth.ts";

const ADMIN = { Authorization: basic("admin", "changeit") };
const POSIX = { ignore: Deno.build.os === "windows" };

/** Modes of what is below a directory, and of itself as `.`. */
async function modesIn(
  directory: string,
  below = ".",
): Promise<Map<string, number>> {
  const { mode, isDirectory } = await Deno.lstat(join(directory, below));
  const modes = new Map([[below, (mode ?? 0) & 0o777]]);
  if (!isDirectory) return modes;
  for await (const { name } of Deno.readDir(join(directory, below))) {
    for (const entry of await modesIn(directory, join(below, name))) {
      modes.set(...entry);
    }
  }
  return modes;
}

async function assertPrivate(directory: string, names: readonly string[]) {
  const modes = await modesIn(directory);
  for (const name of names) assert(modes.has(name), `${name} is not there`);
  for (const [name, mode] of modes) {
    const { isDirectory } = await Deno.lstat(join(directory, name));
    const wanted = isDirectory ? 0o700 : 0o600;
    assertEquals(mode.toString(8), wanted.toString(8), name);
  }
}

async function append(url: string, text = ""): Promise<number> {
  const response = await fetch(`${url}/streams/s`, {
    method: "POST",
    headers: { "Content-Type": "application/vnd.eventstore.events+json" },
    body: JSON.stringify([
      { eventId: crypto.randomUUID(), eventType: "t", data: { text } },
    ]),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test({
  ...POSIX,
  name: "stores, backups and exports are for their owner alone",
  async fn() {
    await using directory = await createStoreDirectory();
    const place = directory.path;
    const [db, backup, restored] = ["db", "backup", "restored"]
      .map((name) => join(place, name));
    assert(db !== undefined && backup !== undefined && restored !== undefined);
    {
      await using server = await startServer([
        `--db=${db}`,
        "--segment-size=1MiB",
      ]);
      const text = "x".repeat(300_000);
      for (let n = 0; n < 5; n++) {
        assertEquals(await append(server.url, text), 201);
      }
    }
    await assertPrivate(db, [".", "lock", "catalog.kv", "segments"]);
    const commands = [
      ["backup", backup, `--db=${db}`],
      ["restore", backup, `--db=${restored}`],
      ["export", join(place, "events.jsonl"), `--db=${db}`],
      ["compact", `--db=${db}`],
      ["scavenge", `--db=${db}`],
    ];
    for (const args of commands) {
      const { exitCode, log } = await runProgram([...args, "--quiet"]);
      assertEquals(exitCode, 0, log);
    }
    await assertPrivate(db, ["."]);
    await assertPrivate(backup, [".", "manifest.json"]);
    await assertPrivate(restored, [".", "catalog.kv"]);
    const { mode } = await Deno.stat(join(place, "events.jsonl"));
    assertEquals((mode ?? 0) & 0o777, 0o600);
  },
});

Deno.test({
  ...POSIX,
  name: "a store that others could read is closed to them by the next start",
  async fn() {
    await using directory = await createStoreDirectory();
    const place = directory.path;
    const db = join(place, "db");
    const start = () => startServer([`--db=${db}`]);
    {
      await using server = await start();
      assertEquals(await append(server.url), 201);
    }
    await Deno.chmod(db, 0o755);
    await Deno.chmod(join(db, "segments"), 0o755);
    await Deno.chmod(join(db, "catalog.kv"), 0o644);
    {
      await using server = await start();
      assertEquals(await append(server.url), 201);
    }
    const modes = await modesIn(db);
    assertEquals(modes.get("segments"), 0o700);
    assertEquals(modes.get("catalog.kv"), 0o600);
    // Whoever made it may have meant it.
    assertEquals(modes.get("."), 0o755);
  },
});

Deno.test({
  ...POSIX,
  name:
    "links in the place of the lock, or of what is written, are not followed",
  async fn() {
    await using directory = await createStoreDirectory();
    const place = directory.path;
    const whole = join(place, "whole");
    {
      await using server = await startServer([`--db=${whole}`]);
      assertEquals(await append(server.url), 201);
    }
    const victim = join(place, "victim");
    await Deno.writeTextFile(victim, "precious");
    const link = {
      symbolic: (path: string) => Deno.symlink(victim, path),
      hard: (path: string) => Deno.link(victim, path),
      dangling: (path: string) => Deno.symlink(join(place, "none"), path),
    };
    for (const [kind, make] of Object.entries(link)) {
      const db = join(place, `db-${kind}`);
      await Deno.mkdir(db);
      await make(join(db, "lock"));
      const served = await runProgram(["serve", "--port=0", `--db=${db}`]);
      assertEquals(served.exitCode, 1, served.log);
      assertMatch(served.log, /Cannot use ".*\/lock": it is a link or/);

      const backup = join(place, `backup-${kind}`);
      await Deno.mkdir(backup);
      await make(join(backup, "lock"));
      const kept = await runProgram(["backup", backup, `--db=${whole}`]);
      assertEquals(kept.exitCode, 1);
      assertMatch(kept.log, /Cannot use ".*\/lock": it is a link or/);

      const target = join(place, `export-${kind}`);
      await make(target);
      const exported = await runProgram(["export", target, `--db=${whole}`]);
      assertEquals(exported.exitCode, 1);
      assertMatch(exported.log, /Cannot create ".*": /);
      assertEquals(await Deno.readTextFile(victim), "precious");
      const names = [...Deno.readDirSync(place)].map(({ name }) => name);
      assert(!names.includes("none"), kind);
    }
  },
});

Deno.test("a running server has given up env and net, and serves on", async () => {
  await using directory = await createStoreDirectory();
  const place = directory.path;
  await using server = await startServer([
    `--db=${join(place, "db")}`,
    "--log-level=debug",
    "--segment-size=1MiB",
  ]);
  const text = "x".repeat(300_000);
  for (let n = 0; n < 8; n++) {
    assertEquals(await append(server.url, text), 201);
  }
  const live = await fetch(`${server.url}/streams/s?format=sse`);
  const reader = live.body?.getReader();
  assertEquals((await reader?.read())?.done, false);
  await reader?.cancel();
  const paths: readonly (readonly [string, string])[] = [
    ["GET", "/health/ready"],
    ["GET", "/metrics"],
    ["GET", "/stats"],
    ["GET", "/info/options"],
    ["GET", "/admin/backup"],
    ["POST", "/admin/verify"],
  ];
  for (const [method, path] of paths) {
    const response = await fetch(server.url + path, { method, headers: ADMIN });
    await response.body?.cancel();
    assert(response.ok, `${method} ${path} is ${response.status}`);
  }
  server.kill("SIGTERM");
  const { exitCode, log } = await server.end;
  assertEquals(exitCode, 0, log);
  assertMatch(log, /permissions\.revoked names=run,ffi,env\n/);
  assertMatch(log, /http\.listening [^]*permissions\.revoked names=net\n/);
  assert(!/ error {1,2}/.test(log), log);
});
