/**
 * Damage to the files of the real catalog, its journal included: whatever
 * happens to them, no event is lost, and the store opens and is written on.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { newSeed, type Random, withSeed } from "../support/random.ts";
import {
  createStoreDirectory,
  numbersOf,
  type StoreDirectory,
  upTo,
} from "../support/store_directory.ts";

const COUNT = 24;
const PAGE_BYTES = 4096;

type Files = ReadonlyMap<string, Uint8Array>;

/** Files of the catalog as a killed process leaves them, and when closed. */
async function createCatalogs(
  directory: StoreDirectory,
): Promise<{ killed: Files; closed: Files }> {
  await directory.append(COUNT - 4);
  let killed: Files;
  {
    await using opened = await directory.open();
    for (let count = 0; count < 4; count++) {
      await directory.appendOne(opened.store);
    }
    killed = readCatalog(directory);
  }
  assert(killed.has("catalog.kv-wal"), [...killed.keys()].join());
  return { killed, closed: readCatalog(directory) };
}

function readCatalog(directory: StoreDirectory): Files {
  const files = new Map<string, Uint8Array>();
  for (const { name } of Deno.readDirSync(directory.path)) {
    if (name.startsWith("catalog.kv")) {
      files.set(name, Deno.readFileSync(directory.pathOf(name)));
    }
  }
  return files;
}

/** Puts these files in the place of the catalog, and opens the store. */
async function assertNothingIsLost(
  directory: StoreDirectory,
  files: Files,
  what: string,
): Promise<void> {
  directory.removeCatalog();
  for (const [name, bytes] of files) {
    Deno.writeFileSync(directory.pathOf(name), bytes);
  }
  for (let life = 0; life < 2; life++) {
    await using opened = await directory.open();
    const { readOnlyReason } = opened.store.status();
    assertEquals(readOnlyReason, undefined, what);
    assertEquals(await numbersOf(opened.store), upTo(COUNT), what);
  }
}

function damaged(
  files: Files,
  name: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Files {
  const bytes = files.get(name) ?? new Uint8Array(0);
  return new Map(files).set(name, change(bytes.slice()));
}

/** Ways to damage one page. */
function damagesOf(random: Random): ((page: Uint8Array) => void)[] {
  return [
    (page) => page.fill(0),
    (page) => page.set(random.bytes(page.length)),
    (page) => {
      const at = random.integer(0, page.length - 1);
      page[at] = (page[at] ?? 0) ^ (1 << random.integer(0, 7));
    },
  ];
}

Deno.test("damage to any page of the catalog or of its journal loses no event", async () => {
  await withSeed(async (random) => {
    await using directory = await createStoreDirectory();
    const { killed, closed } = await createCatalogs(directory);
    for (const files of [killed, closed]) {
      for (const [name, { length }] of files) {
        for (let at = 0; at < length; at += PAGE_BYTES) {
          for (const damage of damagesOf(random)) {
            const changed = damaged(files, name, (bytes) => {
              damage(bytes.subarray(at, at + PAGE_BYTES));
              return bytes;
            });
            await assertNothingIsLost(directory, changed, `${name} at ${at}`);
          }
        }
      }
    }
  }, newSeed());
});

Deno.test("a catalog or a journal that is cut, gone or from before loses no event", async () => {
  await withSeed(async (random) => {
    await using directory = await createStoreDirectory();
    const { killed, closed } = await createCatalogs(directory);
    for (const files of [killed, closed]) {
      for (const [name, { length }] of files) {
        const without = new Map(files);
        without.delete(name);
        await assertNothingIsLost(directory, without, `without ${name}`);
        for (
          const size of [0, 1, 100, random.integer(101, length), length - 1]
        ) {
          const cut = damaged(files, name, (bytes) => bytes.slice(0, size));
          await assertNothingIsLost(directory, cut, `${name} cut at ${size}`);
        }
      }
    }
    // The journal of one moment with the pages of another.
    await assertNothingIsLost(
      directory,
      new Map([...killed, [
        "catalog.kv",
        closed.get("catalog.kv") ?? new Uint8Array(0),
      ]]),
      "the pages of later",
    );
    await assertNothingIsLost(directory, new Map(), "without a catalog");
  }, newSeed());
});
