/**
 * The program from outside: exit codes, its one line when something is wrong,
 * and the clean stop.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { newEventId } from "../../lib/runtime/event_ids.ts";
import { runProgram, startServer } from "../support/program.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

async function append(url: string, stream: string): Promise<Response> {
  const response = await fetch(`${url}/streams/${stream}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "ES-EventType": "happened",
      "ES-EventId": newEventId(),
    },
    body: '{"a":1}',
  });
  await response.body?.cancel();
  return response;
}

async function readEvent(url: string, path: string): Promise<unknown> {
  const response = await fetch(`${url}/streams/${path}`, {
    headers: { Accept: "application/json" },
  });
  assertEquals(response.status, 200);
  return await response.json();
}

Deno.test("serve --mem-db answers, and SIGTERM ends it with 0", async () => {
  await using server = await startServer(["--mem-db"]);
  assertEquals((await append(server.url, "orders-1")).status, 201);
  assertEquals(await readEvent(server.url, "orders-1/0"), { a: 1 });

  server.kill("SIGTERM");

  const { exitCode, output, log } = await server.end;
  assertEquals({ exitCode, output }, { exitCode: 0, output: "" });
  for (
    const event of ["program.started", "program.stopping", "program.stopped"]
  ) {
    assert(log.includes(` info  ${event}`), log);
  }
  assertMatch(log, /option\.set option=mem-db value=true origin=flag\n/);
});

Deno.test("what was appended is there after a restart", async () => {
  const directory = await Deno.makeTempDir();
  {
    await using server = await startServer([`--db=${directory}`]);
    assertEquals((await append(server.url, "orders-1")).status, 201);
    server.kill("SIGINT");
    assertEquals((await server.end).exitCode, 0);
  }
  {
    await using server = await startServer([], { QUIPU_DB: directory });
    assertEquals(await readEvent(server.url, "orders-1/0"), { a: 1 });
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("appends under way when SIGTERM comes are answered and kept", async () => {
  const directory = await Deno.makeTempDir();
  const written: string[] = [];
  {
    await using server = await startServer([`--db=${directory}`]);
    const appends = Array.from({ length: 200 }, async (_, i) => {
      const stream = `s-${i}`;
      try {
        const { status } = await append(server.url, stream);
        if (status === 201) written.push(stream);
        else assertEquals(status, 503);
      } catch (error) {
        // The connection was not accepted any more.
        assert(error instanceof TypeError, String(error));
      }
    });
    await Promise.race(appends);
    server.kill("SIGTERM");
    await Promise.all(appends);
    assertEquals((await server.end).exitCode, 0);
  }
  assert(written.length > 0);
  {
    await using server = await startServer([`--db=${directory}`]);
    for (const stream of written) {
      assertEquals(await readEvent(server.url, `${stream}/0`), { a: 1 });
    }
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("an address that cannot be had ends the start with 1 and one line, and leaves no store", async () => {
  await using server = await startServer(["--mem-db"]);
  const { port } = new URL(server.url);
  const parent = await Deno.makeTempDir();
  const cases: [options: string[], address: string, reason: string][] = [
    [
      [`--port=${port}`],
      `127.0.0.1:${port}`,
      "the port is in use by another program",
    ],
    [
      // Reserved for documentation: no machine has it.
      ["--host=192.0.2.1", "--port=0"],
      "192.0.2.1:0",
      "this machine has no such address",
    ],
    [
      // Reserved: no name server knows it.
      ["--host=none.invalid", "--port=0"],
      "none.invalid:0",
      "there is no such host",
    ],
  ];
  for (const [options, address, reason] of cases) {
    for (const more of [[], ["--reason-phrases"]]) {
      const { exitCode, log } = await runProgram([
        "serve",
        `--db=${parent}/new`,
        "--log-level=error",
        ...options,
        ...more,
      ]);
      assertEquals(log, `quipu: Cannot listen on ${address}: ${reason}\n`);
      assertEquals(exitCode, 1);
      assertEquals([...Deno.readDirSync(parent)], []);
    }
  }
  await Deno.remove(parent);
});

Deno.test("files that options name and that cannot be read are one line, which names the file", async () => {
  const parent = await Deno.makeTempDir();
  const path = `${parent}/none`;
  const url = "--url=http://127.0.0.1:1";
  const cases: [
    exitCode: number,
    start: string,
    args: string[],
    variables: Record<string, string>,
  ][] = [
    [
      2,
      `Cannot read the configuration file "${path}"`,
      ["serve", `--config=${path}`],
      {},
    ],
    [
      2,
      `Cannot read "${path}", the file that QUIPU_ADMIN_PASSWORD_FILE names`,
      ["serve", "--mem-db"],
      { QUIPU_ADMIN_PASSWORD_FILE: path },
    ],
    [
      1,
      `Cannot read the certificate "${path}"`,
      ["serve", "--mem-db", `--tls-cert=${path}`, `--tls-key=${path}`],
      {},
    ],
    ...["--password-file", "--token-file"].map((
      flag,
    ): typeof cases[number] => [
      1,
      `Cannot read "${path}"`,
      ["backup", `${parent}/backup`, url, `${flag}=${path}`],
      {},
    ]),
    [
      1,
      `Cannot read "${path}"`,
      ["user", "list", url, `--token-file=${path}`],
      {},
    ],
  ];
  for (const [exitCode, start, args, variables] of cases) {
    for (const isThere of [false, true]) {
      if (isThere) await Deno.writeTextFile(path, "", { mode: 0 });
      const end = await runProgram(args, variables, { isBoundByModes: true });
      if (isThere) await Deno.remove(path);
      const reason = isThere
        ? "permission denied; run as the owner of the file, or change its " +
          "rights"
        : "there is no such file";
      const [last = ""] = end.log.trimEnd().split("\n").slice(-1);
      const line = last.replace(/ \(see quipu \w+ --help\)$/, "");
      assertEquals(line, `quipu: ${start}: ${reason}`);
      assertEquals(end.exitCode, exitCode);
    }
  }
  await Deno.remove(parent);
});

Deno.test("deno task quipu runs any command", async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "quipu", ...args],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return {
      code,
      output: decoder.decode(stdout),
      log: decoder.decode(stderr),
    };
  };
  const help = await run("help");
  assertEquals([help.code, help.log], [0, ""]);
  assertMatch(
    help.output,
    /^Quipu \d.*\n\nUsage: quipu <command> \[options\]\n/,
  );
  await using directory = await createStoreDirectory();
  await directory.append(3);
  const verified = await run("verify", `--db=${directory.path}`);
  assertEquals([verified.code, verified.log], [0, ""]);
  assertMatch(verified.output, /^Checked 3 events in 1 segments?: /);
});

Deno.test("a directory in use ends the start with 1 and one line", async () => {
  const directory = await Deno.makeTempDir();
  {
    await using _server = await startServer([`--db=${directory}`]);
    const { exitCode, log } = await runProgram(
      ["serve", `--db=${directory}`, "--log-level=error", "--port=0"],
    );
    assertEquals(exitCode, 1);
    assertMatch(log, /^quipu: [^\n]+\n$/);
    assert(log.includes(directory), log);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a directory that cannot be made ends the start with 1 and one line", async () => {
  const file = await Deno.makeTempFile();
  const { exitCode, log } = await runProgram(
    ["serve", `--db=${file}/data`, "--log-level=error", "--port=0"],
  );
  await Deno.remove(file);
  assertEquals(exitCode, 1);
  assertMatch(log, /^quipu: [^\n]+\n$/);
});

Deno.test("bad usage ends with 2, one line and nothing opened", async () => {
  const directory = await Deno.makeTempDir();
  const { exitCode, log } = await runProgram(
    ["serve", `--db=${directory}/data`, "--prot=1"],
  );
  assertEquals(exitCode, 2);
  assertEquals(
    log,
    "quipu: Unknown option --prot; did you mean --port? " +
      "(see quipu serve --help)\n",
  );
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory);
});

Deno.test("version and help go to standard output", async () => {
  const version = await runProgram(["--version"]);
  assertEquals(version.exitCode, 0);
  assertMatch(version.output, /^\d+\.\d+\.\d+\n$/);
  const help = await runProgram(["serve", "--help"]);
  assertEquals({ code: help.exitCode, log: help.log }, { code: 0, log: "" });
  assert(help.output.startsWith("Usage: quipu serve [options]\n"));
});
