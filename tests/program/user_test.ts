/**
 * `quipu user`: users of a store without a server, and of a server.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  type ProgramEnd,
  runProgram,
  startReading,
  startServer,
} from "../support/program.ts";

async function withDirectory(
  work: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "quipu-user-" });
  try {
    await work(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function runWithInput(
  args: readonly string[],
  text: string,
): Promise<ProgramEnd> {
  const program = startReading(args);
  await program.input.write(new TextEncoder().encode(text));
  await program.input.close();
  return await program.end;
}

async function statusOf(url: string, login: string, password: string) {
  const response = await fetch(`${url}/users/`, {
    headers: { Authorization: `Basic ${btoa(`${login}:${password}`)}` },
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a lost password is replaced without a server, and users are kept", async () => {
  await withDirectory(async (path) => {
    const db = `--db=${join(path, "db")}`;
    const file = join(path, "password");
    await Deno.writeTextFile(file, "from a file\n");
    const missing = await runProgram(["user", "list", db]);
    assertEquals(missing.exitCode, 1);
    assertStringIncludes(missing.log, "it holds no store");
    {
      await using server = await startServer([db]);
      assertEquals(await statusOf(server.url, "admin", "changeit"), 200);
      const locked = await runProgram(["user", "list", db]);
      assertEquals(locked.exitCode, 1);
      assertStringIncludes(locked.log, "quipu user ACTION --url URL");
    }
    const reset = await runProgram([
      "user",
      "reset-password",
      "admin",
      db,
      `--password-file=${file}`,
    ]);
    assertEquals([reset.exitCode, reset.output], [
      0,
      "Changed the password of admin\n",
    ]);
    assertStringIncludes(reset.log, "audit user.password_reset login=admin");
    const added = await runWithInput(
      ["user", "add", "anna", db, "--groups=$admins, readers"],
      "piped password\n",
    );
    assertEquals([added.exitCode, added.output], [0, "Added anna\n"]);
    const like = await runWithInput(["user", "add", "Anna", db], "x\n");
    assertEquals(like.exitCode, 1);
    assertStringIncludes(like.log, "looks like");
    const off = await runProgram(["user", "disable", "ops", db]);
    assertEquals(off.exitCode, 0);
    const list = await runProgram(["user", "list", db]);
    assertEquals(
      list.output,
      "admin $admins\nanna $admins readers\nops $ops (disabled)\n",
    );
    const json = await runProgram(["user", "list", db, "--json"]);
    for (const { log, output } of [reset, added, like, list]) {
      assert(!`${log}${output}`.includes("from a file"));
      assert(!`${log}${output}`.includes("piped password"));
    }
    await using server = await startServer([db], {
      QUIPU_ADMIN_PASSWORD: "not used",
    });
    assertEquals(await statusOf(server.url, "admin", "from a file"), 200);
    const online = await runProgram([
      ...["user", "list", "--json", `--url=${server.url}`],
      `--user-password-file=${file}`,
    ]);
    assertEquals(JSON.parse(json.output), JSON.parse(online.output));
    assertEquals(await statusOf(server.url, "anna", "piped password"), 200);
    assertEquals(await statusOf(server.url, "admin", "changeit"), 401);
    assertEquals(await statusOf(server.url, "admin", "not used"), 401);
    assertEquals(await statusOf(server.url, "ops", "changeit"), 401);
    server.kill("SIGTERM");
    const { log } = await server.end;
    assertStringIncludes(log, "warn  user.adminPasswordUnused");
  });
});

Deno.test("users of a running server are changed with a login or a token", async () => {
  await withDirectory(async (path) => {
    await using server = await startServer(["--mem-db"]);
    const url = `--url=${server.url}`;
    const mine = join(path, "mine");
    const file = join(path, "password");
    await Deno.writeTextFile(mine, "changeit\n");
    await Deno.writeTextFile(file, "new password\n");
    const login = `--user-password-file=${mine}`;
    const password = `--password-file=${file}`;
    const run = (...args: string[]) => runProgram(["user", ...args, url]);
    const added = await run("add", "anna", login, password);
    assertEquals([added.exitCode, added.output, added.log], [
      0,
      "Added anna\n",
      "",
    ]);
    assertEquals(await statusOf(server.url, "anna", "new password"), 200);
    const made = await fetch(`${server.url}/users/admin/tokens`, {
      method: "POST",
      headers: {
        "Authorization": `Basic ${btoa("admin:changeit")}`,
        "Content-Type": "application/json",
      },
      body: "{}",
    });
    const token = join(path, "token");
    await Deno.writeTextFile(token, (await made.json()).token + "\n");
    const byToken = `--token-file=${token}`;
    assertEquals((await run("disable", "anna", byToken)).exitCode, 0);
    assertEquals(await statusOf(server.url, "anna", "new password"), 401);
    const list = await run("list", byToken, "--json");
    assertEquals(
      JSON.parse(list.output).users.map((user: { login: string }) =>
        user.login
      ),
      ["admin", "anna", "ops"],
    );
    const nobody = await run("enable", "nobody", byToken);
    assertEquals(nobody.exitCode, 1);
    assertStringIncludes(nobody.log, 'There is no user "nobody"');
    const wrong = await runWithInput(
      ["user", "list", url, "--user=anna"],
      "wrong\n",
    );
    assertEquals(wrong.exitCode, 1);
    assertStringIncludes(wrong.log, "The server");
  });
});

Deno.test("quipu user refuses what makes no sense, before it asks for a password", async () => {
  const cases: [string[], string][] = [
    [["user"], "ACTION is missing"],
    [["user", "remove", "anna"], "Unknown action"],
    [["user", "add"], "LOGIN is missing"],
    [["user", "list", "anna"], "list takes none"],
    [["user", "add", "anna", "secret"], "Unexpected argument"],
    [["user", "add", "anna", "--password=x"], "Unknown option"],
    [["user", "list", "--token-file=x"], "needs --url"],
  ];
  for (const [args, message] of cases) {
    const { exitCode, log } = await runProgram(args);
    assertEquals(exitCode, 2, log);
    assertStringIncludes(log, message);
  }
  const empty = await runProgram(["user", "reset-password", "admin"]);
  assertEquals(empty.exitCode, 1);
  assertStringIncludes(empty.log, "Standard input has no password");
});

Deno.test("commands that hand out or fill a store leave an audit line, at every level", async () => {
  await withDirectory(async (path) => {
    const inside = (name: string) => join(path, name);
    const db = `--db=${inside("db")}`;
    {
      await using _server = await startServer([db]);
    }
    const rows: [string, string[]][] = [
      ["store.exported", ["export", inside("lines"), db]],
      ["store.imported", ["import", inside("lines"), `--db=${inside("im")}`]],
      ["store.backed_up", ["backup", inside("backup"), db]],
      ["store.restored", ["restore", inside("backup"), `--db=${inside("re")}`]],
    ];
    for (const [event, args] of rows) {
      const end = await runProgram([...args, "--log-level=error", "--quiet"]);
      assertEquals(end.exitCode, 0, end.log);
      assertStringIncludes(end.log, `audit ${event} directory=`);
    }
    const failed = await runProgram(["restore", inside("none"), db]);
    assert(!failed.log.includes("audit"), failed.log);
  });
});
