/**
 * Backups of a server that is being written to, taken and restored by the
 * program itself, with a witness of what was acknowledged when.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import {
  type ProgramEnd,
  type RunningServer,
  runProgram,
  startServer,
} from "../support/program.ts";

const AUTHORIZATION = `Basic ${btoa("admin:changeit")}`;

/** Writes over a few connections, and remembers what was answered. */
class Writers {
  readonly acknowledged: string[] = [];
  readonly #url: string;
  readonly #loops: Promise<void>[];
  #isStopped = false;

  constructor(url: string, connections: number) {
    this.#url = url;
    this.#loops = Array.from(
      { length: connections },
      (_, index) => this.#write(index),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }

  /** Settles once so many were acknowledged. */
  async until(count: number): Promise<void> {
    while (this.acknowledged.length < count) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #write(index: number): Promise<void> {
    for (let round = 0; !this.#isStopped; round++) {
      const ids = Array.from(
        { length: 1 + round % 4 },
        () => crypto.randomUUID(),
      );
      const response = await fetch(
        `${this.#url}/streams/load-${(index * 7 + round) % 23}`,
        {
          method: "POST",
          headers: {
            "Content-Type": "application/vnd.eventstore.events+json",
          },
          body: JSON.stringify(ids.map((eventId) => ({
            eventId,
            eventType: "sent",
            data: { filler: "x".repeat(900) },
          }))),
        },
      );
      await response.body?.cancel();
      assertEquals(response.status, 201);
      this.acknowledged.push(...ids);
    }
  }
}

async function succeed(...args: string[]): Promise<ProgramEnd> {
  const end = await runProgram(args);
  assertEquals(end.exitCode, 0, end.log);
  return end;
}

/** Downloads a backup as an archive, as slowly as is still in order. */
async function download(
  server: RunningServer,
  path: string,
): Promise<void> {
  const response = await fetch(`${server.url}/admin/backup`, {
    headers: { Authorization: AUTHORIZATION },
  });
  assertEquals(response.status, 200);
  assert(response.body !== null);
  const file = await Deno.open(path, { write: true, createNew: true });
  for await (const piece of response.body) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    for (let at = 0; at < piece.length;) {
      at += await file.write(piece.subarray(at));
    }
  }
  file.close();
}

Deno.test("a backup taken under load is clean and holds all that was acknowledged before it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-backup-" });
  const pathOf = (name: string) => join(directory, name);
  await Deno.writeTextFile(pathOf("password"), "changeit\n");
  /** What was acknowledged when each backup was asked for. */
  const before = new Map<string, readonly string[]>();
  {
    await using server = await startServer([
      `--db=${pathOf("store")}`,
      "--segment-size=1MiB",
    ]);
    const writers = new Writers(server.url, 6);
    const backUp = () =>
      succeed(
        "backup",
        pathOf("backup"),
        `--url=${server.url}`,
        `--password-file=${pathOf("password")}`,
        "--json",
      );
    await writers.until(1500);
    const first = JSON.parse((await backUp()).output);
    await succeed("restore", pathOf("backup"), `--db=${pathOf("first")}`);
    assertGreater(first.segmentCount, 1);
    assertEquals(first.copiedCount, first.segmentCount);

    await writers.until(4000);
    before.set("tar", [...writers.acknowledged]);
    await download(server, pathOf("backup.tar"));

    await writers.until(writers.acknowledged.length + 1500);
    before.set("second", [...writers.acknowledged]);
    const second = JSON.parse((await backUp()).output);
    assertGreater(second.end, first.end);
    // Of the first one all but its unfinished segment is still good.
    assert(
      second.copiedCount <= second.segmentCount - first.segmentCount + 1,
      JSON.stringify([first, second]),
    );
    await writers.stop();
  }
  await succeed("restore", pathOf("backup.tar"), `--db=${pathOf("tar")}`);
  await succeed("restore", pathOf("backup"), `--db=${pathOf("second")}`);
  for (const name of ["first", "tar", "second"]) {
    await succeed("verify", "--deep", `--db=${pathOf(name)}`, "--quiet");
    const restored = pathOf(`${name}.ndjson`);
    const { output } = await succeed(
      "export",
      restored,
      `--db=${pathOf(name)}`,
      "--json",
    );
    const { end } = JSON.parse(output);
    await succeed(
      "export",
      pathOf(`${name}-of-store.ndjson`),
      `--db=${pathOf("store")}`,
      `--to=${end}`,
    );
    const text = await Deno.readTextFile(restored);
    assert(
      text === await Deno.readTextFile(pathOf(`${name}-of-store.ndjson`)),
      `${name}: what is restored is what the store held up to ${end}`,
    );
    const ids = new Set(
      text.matchAll(/"id":"([^"]+)"/g).map(([, eventId]) => eventId),
    );
    const lost = (before.get(name) ?? []).filter((id) => !ids.has(id));
    assertEquals(lost, [], name);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a directory that a server has open is refused, and says how else to back up", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-backup-" });
  {
    await using _server = await startServer([`--db=${join(directory, "s")}`]);
    const end = await runProgram([
      "backup",
      join(directory, "b"),
      `--db=${join(directory, "s")}`,
    ]);
    assertEquals(end.exitCode, 1);
    assert(end.log.includes("quipu backup TARGET --url URL"), end.log);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what cannot be backed up or restored ends with its own exit code", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-backup-" });
  const pathOf = (name: string) => join(directory, name);
  const cases: readonly [number, string, ...string[]][] = [
    [2, "TARGET is missing", "backup", `--db=${pathOf("s")}`],
    [2, "Bad value", "restore", pathOf("b"), "--to=soon"],
    [
      2,
      "--url needs --password-file or --token-file",
      "backup",
      pathOf("b"),
      "--url=http://127.0.0.1:1",
    ],
    [1, "holds no store", "backup", pathOf("b"), `--db=${pathOf("s")}`],
    [1, "there is no such file", "restore", pathOf("b"), `--db=${pathOf("s")}`],
    [1, "no such file", "import", pathOf("lines"), `--db=${pathOf("s")}`],
  ];
  for (const [exitCode, text, ...args] of cases) {
    const end = await runProgram(args);
    assertEquals(end.exitCode, exitCode, end.log);
    assert(end.log.includes(text), end.log);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("damage shows when a backup is taken: in the log and exit code, and as an answer that breaks off", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-backup-" });
  const pathOf = (name: string) => join(directory, name);
  await Deno.writeTextFile(pathOf("password"), "changeit\n");
  const server = await startServer([
    `--db=${pathOf("store")}`,
    "--segment-size=1MiB",
  ]);
  const writers = new Writers(server.url, 4);
  await writers.until(2500);
  await writers.stop();
  const segment = pathOf("store/segments/00000000.g1.seg");
  const bytes = await Deno.readFile(segment);
  bytes[600_000] = (bytes[600_000] ?? 0) ^ 8;
  await Deno.writeFile(segment, bytes);
  const response = await fetch(`${server.url}/admin/backup`, {
    headers: { Authorization: AUTHORIZATION },
  });
  assertEquals(response.status, 200);
  let broken: unknown;
  await response.bytes().catch((error) => broken = error);
  assert(broken !== undefined, "the client sees no error");
  const end = await runProgram([
    "backup",
    pathOf("backup"),
    `--url=${server.url}`,
    `--password-file=${pathOf("password")}`,
  ]);
  assertEquals(end.exitCode, 3, end.log);
  assert(end.log.includes("Cannot back up segment 0: "), end.log);
  await server[Symbol.asyncDispose]();
  const { log } = await server.end;
  assert(/error backup\.failed .*segment 0: /i.test(log), log);
  assertEquals(log.match(/ error /g)?.length, 1, log);
  await Deno.remove(directory, { recursive: true });
});
