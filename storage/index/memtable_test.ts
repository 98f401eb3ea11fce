import { assertEquals } from "@std/assert";
import { createRandom } from "../../tests/support/random.ts";
import { Memtable } from "./memtable.ts";

Deno.test("lists that grow in turns keep their own offsets", () => {
  const random = createRandom(2);
  const memtable = new Memtable();
  const wanted = new Map<number, number[]>();
  for (let offset = 64; offset < 60_000; offset++) {
    // Few long lists and many short ones, with ids far apart.
    const listId = random.chance(0.5)
      ? random.integer(1, 3)
      : random.integer(4, 5_000);
    memtable.addToList(listId, offset);
    const offsets = wanted.get(listId);
    if (offsets === undefined) wanted.set(listId, [offset]);
    else offsets.push(offset);
  }
  assertEquals([...memtable.lists], [...wanted.keys()]);
  for (const [listId, offsets] of wanted) {
    assertEquals([...memtable.offsetsOf(listId)], offsets);
    assertEquals(memtable.lengthOf(listId), offsets.length);
    const last = offsets.length - 1;
    assertEquals(memtable.offsetAt(listId, last), offsets[last]);
  }
});

Deno.test("a list that gets several entries at once is as if it got each by itself", () => {
  const random = createRandom(3);
  const [together, apart] = [new Memtable(), new Memtable()];
  let next = 64;
  for (let round = 0; round < 2_000; round++) {
    const listId = random.integer(1, random.chance(0.5) ? 3 : 500);
    const count = random.integer(1, random.chance(0.1) ? 300 : 5);
    const offsets = Uint32Array.from({ length: count + 2 }, () => next++);
    together.addBatchToList(listId, offsets, count);
    for (let index = 0; index < count; index++) {
      apart.addToList(listId, offsets[index] ?? 0);
    }
    // Now and then the newest were written in vain.
    if (!random.chance(0.02)) continue;
    const kept = Math.max(64, next - random.integer(1, 400));
    together.truncate(kept, () => true);
    apart.truncate(kept, () => true);
  }
  assertEquals(together.lists, apart.lists);
  for (const listId of apart.lists) {
    assertEquals(together.offsetsOf(listId), apart.offsetsOf(listId));
  }
});

Deno.test("a list without entries is empty, whatever its id", () => {
  const memtable = new Memtable();
  for (const listId of [0, 1, 5_000, 1_000_000]) {
    assertEquals(memtable.lengthOf(listId), 0);
    assertEquals(memtable.offsetsOf(listId).length, 0);
  }
});

Deno.test("a sample is kept of every 128th record", () => {
  const memtable = new Memtable();
  for (let index = 0; index < 300; index++) {
    memtable.addRecord(64 + index * 100, 1_000 + index);
  }
  assertEquals(memtable.recordCount, 300);
  assertEquals(memtable.samples, [
    { offset: 64, createdAtUs: 1_000 },
    { offset: 64 + 12_800, createdAtUs: 1_128 },
    { offset: 64 + 25_600, createdAtUs: 1_256 },
  ]);
});

Deno.test("what is taken back leaves no trace, whatever the lengths", () => {
  for (const kept of [0, 1, 2, 3, 4, 5, 8, 9, 130]) {
    const [table, fresh] = [new Memtable(), new Memtable()];
    const enter = (into: Memtable, number: number): void => {
      const offset = 64 + number * 100;
      into.addRecord(offset, number);
      into.ids.add(number * 7, offset);
      into.addToList(2 + number % 3, offset);
      into.addToList(9, offset);
    };
    for (let number = 0; number < kept; number++) {
      enter(table, number);
      enter(fresh, number);
    }
    for (let number = kept; number < kept + 300; number++) {
      enter(table, number);
      if (number % 50 === 0) table.tombstoned.push(number);
    }
    table.truncate(64 + kept * 100, () => false);
    for (let number = kept; number < kept + 140; number++) {
      enter(table, number);
      enter(fresh, number);
    }
    assertEquals(table.lists, fresh.lists);
    assertEquals(table.tombstoned, []);
    assertEquals(table.samples, fresh.samples);
    assertEquals(table.recordCount, fresh.recordCount);
    for (const listId of fresh.lists) {
      assertEquals(table.offsetsOf(listId), fresh.offsetsOf(listId));
    }
    for (let number = 0; number < kept + 300; number++) {
      const find = (memtable: Memtable) =>
        memtable.ids.find(number * 7, (offset) => offset === 64 + number * 100);
      assertEquals(find(table), find(fresh));
    }
  }
});
