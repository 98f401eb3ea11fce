import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { BLOCK_BYTES, BlockCache } from "./block_cache.ts";

/** What a reader does that finds a block missing; its content is the key's. */
function readInto(cache: BlockCache, key: number): Uint8Array {
  const memory = cache.memoryFor(key);
  memory.block.fill(key % 251);
  cache.enter(key, memory);
  return memory.content;
}

function ask(cache: BlockCache, key: number): Uint8Array {
  return cache.get(key) ?? readInto(cache, key);
}

Deno.test("a block that is asked for again and again stays, others do not", () => {
  const cache = new BlockCache(8 * BLOCK_BYTES);
  for (let key = 1; key < 4000; key++) {
    ask(cache, 0);
    ask(cache, key);
    if (key > 100) assert(cache.get(0) !== undefined, `after ${key}`);
  }
  assertEquals(cache.get(1), undefined);
});

Deno.test("a block that is read once is not kept, but for a moment", () => {
  const cache = new BlockCache(1000 * BLOCK_BYTES);
  for (let key = 0; key < 500; key++) {
    ask(cache, key);
    assert(cache.get(key) !== undefined);
  }
  const kept = Array.from({ length: 500 }, (_, key) => key)
    .filter((key) => cache.get(key) !== undefined);
  assertEquals(kept, Array.from({ length: 32 }, (_, index) => 468 + index));
});

Deno.test("blocks are what was read, whether they are kept or not", () => {
  const cache = new BlockCache(64 * BLOCK_BYTES);
  for (let round = 0; round < 5; round++) {
    for (let key = 0; key < 100; key++) {
      assertEquals(ask(cache, key)[17], key % 251);
    }
  }
});

Deno.test("what was given stays as it is while a few others are read", () => {
  const cache = new BlockCache(BLOCK_BYTES);
  const first = ask(cache, 2 ** 30 + 1);
  for (let key = 0; key < 31; key++) ask(cache, key);
  assertEquals(first[0], (2 ** 30 + 1) % 251);
});

Deno.test("a block that could not be read is not there", () => {
  const cache = new BlockCache(64 * BLOCK_BYTES);
  for (let key = 0; key < 200; key++) {
    cache.memoryFor(key).block.fill(9);
    assertEquals(cache.get(key), undefined);
  }
  assertNotEquals(cache.misses, 0);
  assertEquals(cache.hits, 0);
});
