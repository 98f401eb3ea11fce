/**
 * Data directories of releases: every later one opens them, says the same, and
 * writes on.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";
import { repairDirectory } from "../../storage/maintenance/repair/repair_directory.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { countRefused, readLog } from "../faults/contents.ts";
import { anEvent, createTestClock } from "../support/events.ts";
import { createStoreDirectory } from "../support/store_directory.ts";
import {
  MARKED_STREAMS,
  markedTextAt,
  markedTypeAt,
  SAME_NUMBER,
} from "./marked_events.ts";

const DATA = fromFileUrl(new URL("./data/", import.meta.url));
/** Left by 0.1.0, which dropped marks when it read them. */
const MARKED = fromFileUrl(new URL("./marked/0.1.0/", import.meta.url));

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyDirectory(source, target);
    else await Deno.copyFile(source, target);
  }
}

/** Names of the files of a directory, with their bytes. */
async function readFiles(path: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(path)) {
    files.set(name, await Deno.readFile(join(path, name)));
  }
  return files;
}

const RELEASES = [...Deno.readDirSync(DATA)]
  .filter(({ isDirectory }) => isDirectory)
  .map(({ name }) => name)
  .sort();

Deno.test("there are data directories of releases", () => {
  assert(RELEASES.length > 0);
});

for (const release of RELEASES) {
  Deno.test(`the data directory of ${release} opens, says the same and is written on`, async () => {
    const answers = new Map<string, string[]>(Object.entries(
      JSON.parse(await Deno.readTextFile(join(DATA, `${release}.json`))),
    ));
    await using directory = await createStoreDirectory();
    await copyDirectory(join(DATA, release), directory.path);
    const before = await readFiles(directory.pathOf("segments"));
    for (const life of [1, 2]) {
      await using opened = await directory.open(3000);
      assertEquals([opened.verdict, opened.warnings], ["CLEAN", []]);
      assertEquals(await countRefused(opened.store, answers), 0);
      if (life === 2) continue;
      for (const [name, bytes] of before) {
        const path = directory.pathOf("segments", name);
        assertEquals(await Deno.readFile(path), bytes, `${name} is as it was`);
      }
    }
    await using opened = await directory.open(3000);
    const written = await opened.store.append({
      streamName: "cart-1",
      expectedVersion: "streamExists",
      events: [anEvent(100_000)],
    });
    assertEquals(written.kind, "appended");
  });
}

for (const lost of [[], ["heads.snap"], ["heads.snap", ".idx", "catalog.kv"]]) {
  Deno.test(`names of 0.1.0 that begin with a byte order mark are read as they are, without ${lost.join(", ") || "a loss"}`, async () => {
    await using directory = await createStoreDirectory();
    await copyDirectory(MARKED, directory.path);
    for (const folder of [directory.path, directory.pathOf("segments")]) {
      for (const { name, isFile } of Deno.readDirSync(folder)) {
        const isLost = isFile && lost.some((part) => name.endsWith(part));
        if (isLost) await Deno.remove(join(folder, name));
      }
    }
    // It gave the second event of a stream the first one's number, because it
    // looked for the stream by another name.
    for (const _life of [1, 2]) {
      await using opened = await directory.open(3000);
      await assertMarked(opened.store, SAME_NUMBER);
    }
    const control = { signal: new AbortController().signal, report() {} };
    const repaired = await repairDirectory({
      directory: directory.path,
      isConfirmed: true,
      clock: createTestClock(),
      newEventId: () => crypto.randomUUID(),
      logger: SILENT_LOGGER,
    }, control);
    assertEquals([repaired.unrepaired, repaired.lostEvents], [[], []]);
    {
      await using opened = await directory.open(3000);
      assertEquals(opened.warnings, []);
      await assertMarked(opened.store, []);
    }
    const { findings } = await verifyDirectory(
      { directory: directory.path, isDeep: true },
      control,
    );
    assertEquals(findings.filter(({ severity }) => severity !== "notice"), []);
  });
}

/**
 * Every event is in the log under its names, and is found by its number.
 *
 * @param skipped Places in the log of those that need not be found.
 */
async function assertMarked(
  store: EventStore,
  skipped: readonly number[],
): Promise<void> {
  const found = await readLog(store);
  assertEquals(
    found.map(({ streamName, eventType, data }) => [
      ...[streamName, eventType],
      decodeUtf8(data),
    ]),
    MARKED_STREAMS.map((streamName, index) => [
      ...[streamName, markedTypeAt(index)],
      markedTextAt(index),
    ]),
  );
  const counts = new Map<string, number>();
  for (const [index, streamName] of MARKED_STREAMS.entries()) {
    if (skipped.includes(index)) continue;
    const eventNumber = counts.get(streamName) ?? 0;
    counts.set(streamName, eventNumber + 1);
    const entry = await store.readEvent(streamName, eventNumber);
    assertEquals(entry?.event.streamName, streamName);
    assertEquals(entry?.event.eventType, markedTypeAt(index));
    assertEquals(
      decodeUtf8(entry?.event.metadata ?? NO_BYTES),
      markedTextAt(index),
    );
  }
  for (const [streamName, count] of counts) {
    const { head } = await store.readState(streamName);
    assertEquals(head, count - 1, streamName);
  }
}

const NO_BYTES = new Uint8Array(0);
