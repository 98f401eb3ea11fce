import { assertEquals, assertRejects } from "@std/assert";
import { PageCache, type SourcePage } from "./page_cache.ts";

const PAGE: SourcePage = {
  messages: [],
  next: 1,
  isAtEnd: true,
  isDeleted: false,
};

Deno.test("a page is read once while it holds, also by those who come meanwhile", async () => {
  const pages = new PageCache(10_000);
  let reads = 0;
  const read = (basis: string) =>
    pages.read("key", basis, () => {
      reads++;
      return Promise.resolve(PAGE);
    });
  await Promise.all([read("a"), read("a")]);
  await read("a");
  const before = reads;
  await read("b");
  assertEquals([before, reads], [1, 2]);
});

Deno.test("what takes too much goes, that asked for longest ago first", async () => {
  const pages = new PageCache(1_000);
  const reads: string[] = [];
  const read = (key: string) =>
    pages.read(key, "", () => {
      reads.push(key);
      return Promise.resolve(PAGE);
    });
  for (const key of ["a", "b", "c", "a", "d", "a", "b"]) await read(key);
  assertEquals(reads, ["a", "b", "c", "d", "b"]);
});

Deno.test("a read that failed is not kept", async () => {
  const pages = new PageCache(1_000);
  const fail = () => Promise.reject(new Error("damaged"));
  await assertRejects(() => pages.read("key", "", fail), Error, "damaged");
  const page = await pages.read("key", "", () => Promise.resolve(PAGE));
  assertEquals(page, PAGE);
});
