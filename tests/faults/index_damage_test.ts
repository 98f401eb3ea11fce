/**
 * Index files that are damaged while the store is open: some reads are refused,
 * the file is made again, and all is well, without a restart.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { countRefused } from "./contents.ts";
import { createSpecimen, pathsOf } from "./damage.ts";
import { Machine } from "./machine.ts";

const NOWHERE = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);

Deno.test("an index file damaged while the store is open is made again at once, byte for byte", async () => {
  const specimen = await createSpecimen(openStoreOn);
  let refusedInAll = 0;
  for (const path of pathsOf(specimen.image, ".idx")) {
    const machine = Machine.of(specimen.image);
    const store = await specimen.world.open(machine);
    const before = machine.contentOf(path)?.seen.content();
    const size = before?.length ?? 0;
    for (let offset = 100; offset < size; offset += 4096) {
      machine.contentOf(path)?.do({ kind: "write", bytes: NOWHERE, offset });
    }
    refusedInAll += await countRefused(store, specimen.answers);
    for (let turn = 0;; turn++) {
      assert(turn < 1000, "It is made again");
      if (await countRefused(store, specimen.answers) === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await store.close();
    if (refusedInAll > 0) {
      assertEquals(machine.contentOf(path)?.seen.content(), before);
    }
    const opened = await specimen.world.open(machine);
    assertEquals(await countRefused(opened, specimen.answers), 0);
    await opened.close();
  }
  assertGreater(refusedInAll, 0);
});

Deno.test("an index file that cannot be made again, because its segment is damaged as well, stays a clear error", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const [index = ""] = pathsOf(specimen.image, ".idx");
  const machine = Machine.of(specimen.image);
  const store = await specimen.world.open(machine);
  for (const path of [index, index.replace(/idx$/, "seg")]) {
    const size = machine.contentOf(path)?.seen.sizeBytes ?? 0;
    for (let offset = 100; offset < size; offset += 300) {
      machine.contentOf(path)?.do({ kind: "write", bytes: NOWHERE, offset });
    }
  }
  for (let turn = 0; turn < 5; turn++) {
    assertGreater(await countRefused(store, specimen.answers), 0);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await store.close();
});
