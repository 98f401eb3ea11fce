/**
 * The cache of fixed size.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { BlockRing } from "./older_files.ts";

Deno.test("a ring keeps the newest blocks, each as it was", () => {
  const ring = new BlockRing(4);
  for (let key = 0; key < 11; key++) {
    const memory = ring.memoryFor();
    memory.block.fill(key);
    // One that could not be read is not kept.
    if (key !== 9) ring.enter(key, memory);
    for (let older = 0; older <= key; older++) {
      const isKept = older > key - 4 && older !== 9;
      assertEquals(ring.get(older)?.[4091], isKept ? older : undefined);
    }
  }
});
