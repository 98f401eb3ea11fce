import { assert, assertEquals } from "@std/assert";
import { CACHED_RECORD_BYTES_MAX, RecordCache } from "./record_reader.ts";

Deno.test("a record is kept when it is read for the second time", () => {
  const cache = new RecordCache(1024 * 1024);
  for (const position of [0, 300, 2 ** 40 + 7]) {
    assert(!cache.isWanted(position, 300), `${position} at first`);
    assert(cache.isWanted(position, 300), `${position} again`);
  }
});

Deno.test("records that are read once each are hardly ever kept", () => {
  const cache = new RecordCache(1024 * 1024);
  const kept = Array.from({ length: 100_000 }, (_, index) => index * 237)
    .filter((position) => cache.isWanted(position, 237));
  assertEquals(kept, []);
});

Deno.test("a record that would fill the cache is not kept", () => {
  const cache = new RecordCache(1024 * 1024);
  cache.isWanted(9, CACHED_RECORD_BYTES_MAX + 1);
  assert(!cache.isWanted(9, CACHED_RECORD_BYTES_MAX + 1));
});
