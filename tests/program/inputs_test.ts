/**
 * What commands are given to read: files, standard input, and what is neither.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProgram, startReading, startServer } from "../support/program.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const AUTHORIZATION = `Basic ${btoa("admin:changeit")}`;

async function withDirectory(
  act: (pathOf: (name: string) => string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-inputs-" });
  try {
    await act((name) => join(directory, name));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function runTool(
  command: string,
  ...args: string[]
): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  return stdout;
}

/** A backup as one archive, of a server with some events. */
async function archiveOf(directory: string): Promise<Uint8Array> {
  await using server = await startServer([`--db=${directory}`]);
  for (let number = 0; number < 20; number++) {
    const response = await fetch(`${server.url}/streams/cart-${number % 3}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "ES-EventType": "added",
        "ES-EventId": crypto.randomUUID(),
      },
      body: JSON.stringify({ number }),
    });
    assertEquals(response.status, 201);
    await response.body?.cancel();
  }
  const response = await fetch(`${server.url}/admin/backup`, {
    headers: { Authorization: AUTHORIZATION },
  });
  assertEquals(response.status, 200);
  return await response.bytes();
}

async function namesIn(path: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  return names.sort();
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("pipes, devices and directories in the place of files are refused at once", () =>
  withDirectory(async (pathOf) => {
    await runTool("mkfifo", pathOf("fifo"));
    await Deno.mkdir(pathOf("directory"));
    await Deno.writeTextFile(pathOf("file"), "text");
    const db = `--db=${pathOf("db")}`;
    const cases: [number, string, string[]][] = [
      [1, "it is a pipe, not a file", ["restore", pathOf("fifo"), db]],
      [1, "it is a pipe, not a file", ["import", pathOf("fifo"), db]],
      [1, "it is a device, not a file", ["restore", "/dev/zero", db]],
      [1, "it is a device, not a file", ["import", "/dev/zero", db]],
      [1, "it is a directory", ["import", pathOf("directory"), db]],
      [1, "it is not a backup", ["restore", pathOf("directory"), db]],
      [1, "it is not a backup", ["restore", pathOf("file"), db]],
      [1, "it is there already", ["export", pathOf("fifo"), db]],
      [1, "it is there already", ["export", pathOf("directory"), db]],
      [2, "it is a pipe", ["serve", `--config=${pathOf("fifo")}`]],
      [2, "it is a directory", ["verify", `--config=${pathOf("directory")}`]],
      [2, "it is a device", ["verify", "--config=/dev/zero"]],
      [
        1,
        "it is a pipe",
        [
          "backup",
          pathOf("target"),
          "--url=http://127.0.0.1:1",
          `--password-file=${pathOf("fifo")}`,
        ],
      ],
      [
        1,
        "it is a pipe",
        [
          "serve",
          "--mem-db",
          `--tls-cert=${pathOf("fifo")}`,
          `--tls-key=${pathOf("fifo")}`,
        ],
      ],
    ];
    for (const command of ["restore", "import", "serve"]) {
      const args = command === "serve" ? [command] : [command, "-"];
      cases.push([1, "choose another place", [...args, "--db=/proc/none"]]);
      cases.push([1, "it is not a directory", [
        ...args,
        `--db=${pathOf("file")}`,
      ]]);
    }
    for (const command of ["serve", "verify", "repair", "compact", "export"]) {
      cases.push([1, "Cannot open", [command, `--db=${pathOf("fifo")}`]]);
      cases.push([1, "Cannot open", [command, `--db=${pathOf("file")}`]]);
    }
    for (const [exitCode, text, args] of cases) {
      const end = await runProgram(args);
      const told = `${args.join(" ")}: ${end.exitCode} ${end.log}`;
      assertEquals(end.exitCode, exitCode, told);
      assertStringIncludes(end.log, text, told);
      assert(!end.log.includes("Unexpected failure"), told);
      const lines = end.log.trimEnd().split("\n");
      const failures = lines.filter((line) => line.startsWith("quipu: "));
      assertEquals(failures.length, 1, told);
      if (args[0] !== "serve") assertEquals(lines, failures, told);
    }
    assertEquals(await namesIn(pathOf("")), ["directory", "fifo", "file"]);
  }));

Deno.test("a backup by standard input is restored, from a server or from tar", () =>
  withDirectory(async (pathOf) => {
    const archive = await archiveOf(pathOf("store"));
    await Deno.writeFile(pathOf("backup.tar"), archive);
    await Deno.mkdir(pathOf("backup"));
    await runTool("tar", "-xf", pathOf("backup.tar"), "-C", pathOf("backup"));
    await Deno.writeTextFile(pathOf("backup/lock"), "process 1\n");
    const byTar = await runTool("tar", "-c", "-C", pathOf("."), "backup");
    const lines = new Set<string>();
    for (const [name, bytes] of [["one", archive], ["two", byTar]] as const) {
      const { input, end } = startReading([
        "restore",
        "-",
        `--db=${pathOf(name)}`,
        "--json",
      ]);
      // In pieces that end anywhere.
      for (let at = 0; at < bytes.length; at += 7001) {
        await input.write(bytes.slice(at, at + 7001));
      }
      await input.close();
      const { exitCode, output, log } = await end;
      assertEquals(exitCode, 0, log);
      assertEquals(JSON.parse(output).backup, "-");
      const left = await namesIn(pathOf(name));
      assert(!left.includes("incoming") && !left.includes("restoring"));
      const exported = await runProgram([
        "export",
        "--category=cart",
        `--db=${pathOf(name)}`,
      ]);
      assertEquals(exported.exitCode, 0, exported.log);
      lines.add(exported.output);
    }
    assertEquals(lines.size, 1);
    assertEquals([...lines][0]?.trimEnd().split("\n").length, 22);
  }));

Deno.test("what comes by standard input and is no whole backup leaves nothing", () =>
  withDirectory(async (pathOf) => {
    const archive = await archiveOf(pathOf("store"));
    const flipped = archive.slice();
    flipped[900] = (flipped[900] ?? 0) ^ 1;
    const cases: [Uint8Array, number, string][] = [
      [archive.subarray(0, 3000), 3, "it ends early"],
      [flipped, 3, "Cannot back up segment 0"],
      [new Uint8Array(0), 3, "it ends early"],
      [new Uint8Array(2048).fill(65), 1, "it is not a tar archive"],
    ];
    await Deno.mkdir(pathOf("empty"));
    for (const [bytes, exitCode, text] of cases) {
      for (const name of ["new", "empty"]) {
        const { input, end } = startReading([
          "restore",
          "-",
          `--db=${pathOf(name)}`,
        ]);
        await input.write(bytes.slice()).then(() => input.close(), () => {});
        const ended = await end;
        assertEquals(ended.exitCode, exitCode, ended.log);
        assertStringIncludes(ended.log, text);
        assertEquals(await namesIn(pathOf("")), ["empty", "store"]);
        assertEquals(await namesIn(pathOf("empty")), []);
      }
    }
  }));

Deno.test("what cannot be done leaves no directory, and an empty one empty", () =>
  withDirectory(async (pathOf) => {
    await using place = await createStoreDirectory();
    await place.append(30);
    const store = `--db=${place.path}`;
    await using server = await startServer(["--mem-db"]);
    await Deno.mkdir(pathOf("empty"));
    await Deno.mkdir(pathOf("strange"));
    await Deno.writeTextFile(pathOf("password"), "wrong\n");
    const line = JSON.stringify({
      stream: "cart-1",
      number: 0,
      id: "fbf4a1a1-b4a3-4dfe-a01f-ec52c34e16e4",
      type: "added",
      time: "2026-01-01T00:00:00.000000Z",
      isJson: true,
      data: "{}",
      run: 1,
    });
    const files: Record<string, string> = {
      none: "",
      noJson: "no JSON\n",
      noEvent: "{}\n",
      badSecond: `${line}\nno JSON\n`,
      gap: `${line}\n${line.replace('"number":0', '"number":2')}\n`,
      cut: '{"quipuExport":1,"storeId":"x"}\n',
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(pathOf(name), text);
    }
    await Deno.writeTextFile(pathOf("text.tar"), "x".repeat(4096));
    const before = await namesIn(pathOf(""));
    for (const target of ["new/inner", "empty"]) {
      const to = pathOf(target);
      const db = `--db=${to}`;
      const from = (url: string) => ["backup", to, `--url=${url}`];
      const cases: [string, string[]][] = [
        ...Object.keys(files).map((name): [string, string[]] => [
          "nothing was imported",
          ["import", pathOf(name), db],
        ]),
        ["no such file", ["import", pathOf("missing"), db]],
        ["no such file", ["restore", pathOf("missing"), db]],
        ["it is not a backup", ["restore", pathOf("strange"), db]],
        ["it is not a backup", ["restore", pathOf("text.tar"), db]],
        ["", ["backup", to, `--db=${pathOf("missing")}`]],
        ["answers 401", [
          ...from(server.url),
          `--password-file=${pathOf("password")}`,
        ]],
        ["Cannot reach", [
          ...from("http://127.0.0.1:1"),
          `--password-file=${pathOf("password")}`,
        ]],
        ["it holds no store", ["export", "-", db]],
        ["there is no stream", [
          "export",
          pathOf("new.ndjson"),
          store,
          "--stream=none",
        ]],
        ...["verify", "repair", "compact", "scavenge"].map((
          command,
        ): [string, string[]] => ["", [command, db]]),
      ];
      for (const [text, args] of cases) {
        const end = await runProgram(args);
        const told = `${args.join(" ")}: ${end.exitCode} ${end.log}`;
        assertEquals(end.exitCode, 1, told);
        assertStringIncludes(end.log, text, told);
        assert(!end.log.includes("Unexpected failure"), told);
        assertEquals(await namesIn(pathOf("")), before, told);
        assertEquals(await namesIn(pathOf("empty")), [], told);
      }
    }
  }));

Deno.test("a command that waits for standard input is stopped by SIGTERM", () =>
  withDirectory(async (pathOf) => {
    await using store = await createStoreDirectory();
    await store.append(3);
    const archive = await archiveOf(pathOf("store"));
    const restore = startReading(["restore", "-", `--db=${pathOf("new")}`]);
    await restore.input.write(archive.slice(0, 2000));
    while (!await isThere(pathOf("new/incoming"))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const doImport = startReading(["import", "-", `--db=${store.path}`]);
    // More than waits in a pipe: by then it listens for signals.
    await doImport.input.write(new Uint8Array(512 * 1024).fill(10));
    for (const { input, kill, end } of [restore, doImport]) {
      kill("SIGTERM");
      const { exitCode, log } = await end;
      await input.abort().catch(() => {});
      assertEquals(exitCode, 1, log);
      assertStringIncludes(log, "Stopped by SIGTERM");
    }
    assertEquals(await isThere(pathOf("new")), false);
    assertEquals(
      (await runProgram(["verify", `--db=${store.path}`])).exitCode,
      0,
    );
  }));
