/**
 * A server that is stopped while clients download: it ends in time, whoever
 * was cut off knows it, and the store is whole.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LIMITS } from "../../lib/model/limits.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { anEvent, createTestClock } from "../support/events.ts";
import { runProgram, startServer } from "../support/program.ts";

const EVENT_BYTES = 3 * 1024 * 1024;
/** Far more than waits in connections of clients that take nothing. */
const EVENT_COUNT = 20;

async function fillStore(directory: string): Promise<void> {
  await using store = await openStore({
    directory,
    segmentSizeBytes: 8 * EVENT_BYTES,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
  for (let number = 1; number <= EVENT_COUNT; number++) {
    await store.append({
      streamName: "photos",
      expectedVersion: "any",
      events: [anEvent(number, { data: `"${"x".repeat(EVENT_BYTES)}"` })],
    });
  }
}

interface Download {
  /** What came so far. */
  readonly pieces: Uint8Array<ArrayBuffer>[];
  /** Takes the rest, to its end. */
  takeRest(): Promise<void>;
}

/** Asks for something, and takes the first of it alone. */
async function begin(url: string): Promise<Download> {
  const response = await fetch(url, {
    headers: { Authorization: `Basic ${btoa("admin:changeit")}` },
  });
  assertEquals(response.status, 200);
  const reader = response.body?.getReader();
  assert(reader !== undefined);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const take = async () => {
    const { done, value } = await reader.read();
    if (value !== undefined) pieces.push(value);
    return !done;
  };
  await take();
  return {
    pieces,
    async takeRest() {
      while (await take());
    },
  };
}

async function failureOf(...args: string[]): Promise<string> {
  const { exitCode, log } = await runProgram(args);
  assert(exitCode > 0, log);
  return log;
}

Deno.test("a server that is stopped while clients download ends in time, and what it cuts is not whole", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-stop-" });
  const pathOf = (name: string) => join(directory, name);
  try {
    await fillStore(pathOf("store"));
    const server = await startServer([`--db=${pathOf("store")}`]);
    const backup = await begin(`${server.url}/admin/backup`);
    const exported = await begin(`${server.url}/admin/export`);
    const taken = await begin(`${server.url}/admin/export?stream=photos`);

    const stoppedAtMs = performance.now();
    server.kill("SIGTERM");
    await taken.takeRest();
    const { exitCode, log } = await server.end;
    assertLess(performance.now() - stoppedAtMs, LIMITS.shutdownMs);
    assertEquals(exitCode, 0, log);
    const ends = [...log.matchAll(/(backup|export)\.ended .*outcome=(\w+)/g)]
      .map(([, kind, outcome]) => `${kind} ${outcome}`);
    assertEquals(ends.sort(), [
      "backup stopped",
      "export done",
      "export stopped",
    ]);
    assert(!log.includes(" error "), log);

    const text = await new Blob(taken.pieces).text();
    assert(text.split("\n").at(-2)?.startsWith('{"quipuExportEnd":1,'));
    assertEquals(text.split("\n").length, EVENT_COUNT + 3);
    await assertRejects(() => backup.takeRest());
    await assertRejects(() => exported.takeRest());
    await Deno.writeFile(
      pathOf("backup.tar"),
      new Blob(backup.pieces).stream(),
    );
    await Deno.writeFile(pathOf("cut"), new Blob(exported.pieces).stream());
    assertStringIncludes(
      await failureOf(
        "restore",
        pathOf("backup.tar"),
        `--db=${pathOf("restored")}`,
      ),
      "it has no manifest, so it is not whole",
    );
    assertStringIncludes(
      await failureOf("import", pathOf("cut"), `--db=${pathOf("imported")}`),
      "Cannot import line ",
    );

    const db = `--db=${pathOf("store")}`;
    const verified = await runProgram(["verify", "--deep", "--json", db]);
    assertEquals(verified.exitCode, 0, verified.output);
    assertEquals(JSON.parse(verified.output).findings, []);
    // What was pinned for downloads is not in the way of anything.
    await using again = await startServer([db]);
    await (await begin(`${again.url}/admin/backup`)).takeRest();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
