import { assertEquals } from "@std/assert";
import { createRandom } from "../../tests/support/random.ts";
import { IdTable } from "./memtable.ts";

const ANY = () => true;

Deno.test("an id is found by its hash, the first-entered record first", () => {
  const table = new IdTable();
  table.add(5, 100);
  table.add(9, 200);
  table.add(5, 300);
  assertEquals(table.find(5, ANY), 100);
  assertEquals(table.find(5, (offset) => offset !== 100), 300);
  assertEquals(table.find(5, () => false), undefined);
  assertEquals(table.find(9, ANY), 200);
  assertEquals(table.find(7, ANY), undefined);
  assertEquals(table.size, 3);
});

Deno.test("hashes that share a slot are told apart", () => {
  const table = new IdTable();
  for (let index = 0; index < 300; index++) table.add(index << 16, index);
  for (let index = 0; index < 300; index++) {
    assertEquals(table.find((index << 16) >>> 0, ANY), index);
  }
  assertEquals(table.find((300 << 16) >>> 0, ANY), undefined);
});

Deno.test("nothing is lost while the table grows, and order is kept", () => {
  const random = createRandom(1);
  const table = new IdTable();
  const offsets = new Map<number, number[]>();
  for (let index = 0; index < 50_000; index++) {
    const hash = random.integer(0, 40_000) * 65_537 >>> 0;
    table.add(hash, index * 8);
    const known = offsets.get(hash);
    if (known === undefined) offsets.set(hash, [index * 8]);
    else known.push(index * 8);
  }
  for (const [hash, wanted] of offsets) {
    const seen: number[] = [];
    table.find(hash, (offset) => {
      seen.push(offset);
      return false;
    });
    assertEquals(seen, wanted);
  }
  assertEquals(table.offsetAt(49_999), 49_999 * 8);
});

Deno.test("a reserved table holds as much, and what it held before", () => {
  const table = new IdTable();
  table.add(0xffff_ffff, 1);
  table.reserve(100_000);
  table.reserve(5);
  for (let index = 0; index < 100_000; index++) table.add(index, index);
  assertEquals(table.find(0xffff_ffff, ANY), 1);
  assertEquals(table.find(99_999, ANY), 99_999);
});
