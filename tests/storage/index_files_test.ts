/**
 * Index files are made from segments alone: whatever happens to one, it is
 * made again, byte for byte, and nothing is lost or answered wrongly.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { anEvent } from "../support/events.ts";
import {
  changeFile,
  createStoreDirectory,
  flipBit,
  numbersOf,
  type StoreDirectory,
  upTo,
} from "../support/store_directory.ts";

const COUNT = 60;

/** A store with several sealed segments, one deleted stream among its own. */
async function createSealedStore(): Promise<StoreDirectory> {
  const directory = await createStoreDirectory();
  await directory.append(COUNT / 2);
  {
    await using opened = await directory.open();
    await opened.store.append({
      streamName: "gone",
      expectedVersion: "any",
      events: [anEvent(9001, { data: '{"n":0}' })],
    });
    await opened.store.deleteStream({
      streamName: "gone",
      expectedVersion: "any",
      mode: "hard",
    });
  }
  await directory.append(COUNT / 2);
  assertGreater(directory.namesOf("idx").length, 3);
  return directory;
}

type Damage = (directory: StoreDirectory, path: string) => void;

/** Damages, each to the index file of every sealed segment. */
const DAMAGES: Record<string, Damage> = {
  "removed": (_, path) => Deno.removeSync(path),
  "emptied": (_, path) => Deno.truncateSync(path, 0),
  "cut by a byte": (_, path) => changeFile(path, (bytes) => bytes.slice(0, -1)),
  "cut by a block": (_, path) =>
    changeFile(path, (bytes) => bytes.slice(0, -4096)),
  "overwritten with zeroes": (_, path) =>
    changeFile(path, (bytes) => bytes.fill(0)),
  "damaged in its slices": (_, path) => flipBit(path, 40),
  "damaged in its ids": (_, path) => flipBit(path, 4096 + 9),
  "damaged in its footer": (_, path) => flipBit(path, -4000),
  "swapped for that of another segment": (directory, path) => {
    const other = directory.segmentPath(
      path === directory.segmentPath(0, "idx") ? 1 : 0,
      "idx",
    );
    Deno.copyFileSync(other, path);
  },
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  Deno.test(`an index file that was ${what} is made again, byte for byte`, async () => {
    await using directory = await createSealedStore();
    const names = directory.namesOf("idx");
    for (const name of names) {
      const path = directory.pathOf("segments", name);
      const whole = Deno.readFileSync(path);
      removeHeads(directory);
      damage(directory, path);
      await checkAnswers(directory);
      assertEquals(Deno.readFileSync(path), whole, name);
    }
    assertEquals(directory.namesOf("idx"), names);
  });
}

Deno.test("an index file that was removed is made again although the heads are there", async () => {
  await using directory = await createSealedStore();
  for (const name of directory.namesOf("idx")) {
    const path = directory.pathOf("segments", name);
    const whole = Deno.readFileSync(path);
    Deno.removeSync(path);
    await checkAnswers(directory);
    assertEquals(Deno.readFileSync(path), whole, name);
  }
});

Deno.test("where the heads spare a look at an index file, its damage is not served", async () => {
  await using directory = await createSealedStore();
  flipBit(directory.segmentPath(0, "idx"), 40);
  {
    await using opened = await directory.open();
    const error = await assertRejects(
      () => opened.store.readEvent("$ce-cart", 0),
      QuipuError,
    );
    assertEquals(error.code, "corruptRecord");
    assertStringIncludes(error.message, directory.namesOf("idx")[0] ?? "");
  }
  removeHeads(directory);
  await checkAnswers(directory);
});

Deno.test("all index files, and the heads, may be lost at once", async () => {
  await using directory = await createSealedStore();
  const paths = directory.namesOf("idx").map((name) =>
    directory.pathOf("segments", name)
  );
  const whole = paths.map((path) => Deno.readFileSync(path));
  for (const path of paths) Deno.removeSync(path);
  removeHeads(directory);
  await checkAnswers(directory);
  assertEquals(paths.map((path) => Deno.readFileSync(path)), whole);
});

Deno.test("heads of another store, or damaged ones, are not believed", async () => {
  await using directory = await createSealedStore();
  await using other = await createStoreDirectory();
  await other.append(COUNT * 2);
  const path = directory.pathOf("heads.snap");
  const whole = Deno.readFileSync(path);
  for (const offset of [3, 30, -4096 + 3, -4096 + 30, -1]) {
    Deno.writeFileSync(path, whole);
    flipBit(path, offset);
    await checkAnswers(directory);
  }
  Deno.copyFileSync(other.pathOf("heads.snap"), path);
  await checkAnswers(directory);
  Deno.writeFileSync(path, new Uint8Array(0));
  await checkAnswers(directory);
});

Deno.test("an index file that was being written is begun anew", async () => {
  await using directory = await createSealedStore();
  const path = directory.segmentPath(1, "idx");
  const whole = Deno.readFileSync(path);
  Deno.renameSync(path, path + ".tmp");
  Deno.truncateSync(path + ".tmp", 5000);
  await checkAnswers(directory);
  assertEquals(Deno.readFileSync(path), whole);
  const names = [...Deno.readDirSync(directory.pathOf("segments"))];
  assertEquals(names.filter(({ name }) => name.endsWith(".tmp")), []);
});

Deno.test("what a clean stop wrote down is used, and damage before it is not served", async () => {
  await using directory = await createSealedStore();
  {
    await using _opened = await directory.open(2048, 1);
  }
  await checkAnswers(directory);
  const active = directory.namesOf("seg").length - 1;
  const path = directory.segmentPath(active, "seg");
  // In the body of the segment's first record.
  const whole = Deno.readFileSync(path);
  const at = new TextDecoder("latin1").decode(whole).indexOf('"n"');
  flipBit(path, at + 1);
  {
    await using opened = await directory.open();
    assertEquals(opened.verdict, "CLEAN");
    const error = await assertRejects(
      () => numbersOf(opened.store),
      QuipuError,
    );
    assertEquals(error.code, "corruptRecord");
  }
  removeHeads(directory);
  await assertRejects(() => directory.open(), QuipuError, "CORRUPT_COMMITTED");
  Deno.writeFileSync(path, whole);
  await checkAnswers(directory);
});

Deno.test("what was appended after a clean stop is found after a kill", async () => {
  await using directory = await createSealedStore();
  await directory.append(1, 1 << 20);
  {
    await using _opened = await directory.open(1 << 20, 1);
  }
  const heads = Deno.readFileSync(directory.pathOf("heads.snap"));
  await directory.append(5, 1 << 20);
  // As a process that was killed leaves it.
  Deno.writeFileSync(directory.pathOf("heads.snap"), heads);
  await using opened = await directory.open();
  assertEquals(opened.verdict, "CLEAN");
  const numbers = (await numbersOf(opened.store)).filter((number) =>
    number > 0
  );
  assertEquals(numbers, upTo(COUNT + 6));
});

function removeHeads(directory: StoreDirectory): void {
  try {
    Deno.removeSync(directory.pathOf("heads.snap"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Opens the store and asks for everything that index files answer. */
async function checkAnswers(directory: StoreDirectory): Promise<void> {
  await using opened = await directory.open();
  const { store } = opened;
  assertEquals(opened.verdict, "CLEAN");
  // The stream that is gone, and its tombstone, count as 0.
  const numbers = (await numbersOf(store)).filter((number) => number > 0);
  assertEquals(numbers, upTo(COUNT));
  assertEquals((await store.readState("$ce-cart")).head, COUNT - 1);
  assertEquals((await store.readState("$streams")).head, 3);
  assert((await store.readState("gone")).isTombstoned);
  for (const number of [1, 2, 20, COUNT - 1, COUNT]) {
    const repeated = await store.append({
      streamName: `cart-${number % 3}`,
      expectedVersion: "any",
      events: [anEvent(number)],
    });
    assertEquals(repeated, {
      kind: "duplicate",
      firstEventNumber: Math.ceil(number / 3) - 1,
    });
  }
  const read = await store.readStream({
    streamName: "$ce-cart",
    from: COUNT - 1,
    count: COUNT,
    direction: "backward",
    withBodies: true,
  });
  const data = read.entries.map(({ event }) =>
    new TextDecoder().decode(event.data)
  );
  assertEquals(data, upTo(COUNT).reverse().map((n) => `{"n":${n}}`));
}
