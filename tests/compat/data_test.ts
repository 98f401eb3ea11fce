/**
 * Data directories of releases: every later one opens them, says the same, and
 * writes on.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { countRefused } from "../faults/contents.ts";
import { anEvent } from "../support/events.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const DATA = fromFileUrl(new URL("./data/", import.meta.url));

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
