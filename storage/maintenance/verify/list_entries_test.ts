import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createRandom } from "../../../tests/support/random.ts";
import { encodeUtf8 } from "../../../lib/text/utf8.ts";
import { bytesOf } from "../../log/bytes.ts";
import { EntryDigest, ListHeads, NameHash } from "./list_entries.ts";

const CATEGORY = 1;

function hashOf(name: string): NameHash {
  const hash = new NameHash();
  const bytes = bytesOf(encodeUtf8(name));
  hash.take(bytes, 0, bytes.array.length);
  return hash;
}

Deno.test("lists keep where they end while more and more come", () => {
  using heads = new ListHeads();
  const random = createRandom(12);
  const expected = new Map<string, number>();
  for (let count = 0; count < 50_000; count++) {
    const name = `list-${random.integer(0, 20_000)}`;
    const kind = random.integer(0, 4);
    const key = `${kind}${name}`;
    const slot = heads.slotOf(kind, hashOf(name));
    assertEquals(heads.nextAt(slot), expected.get(key) ?? 0);
    heads.setNext(slot, (expected.get(key) ?? 0) + 1);
    expected.set(key, heads.nextAt(slot));
  }
  assertEquals(heads.size, expected.size);
  assertEquals(heads.countUsed(), expected.size);
  for (const [key, next] of expected) {
    assertEquals(heads.nextOf(Number(key[0]), hashOf(key.slice(1))), next);
  }
  assertEquals(heads.nextOf(CATEGORY, hashOf("no such list")), 0);
  assertEquals(heads.size, expected.size, "looking makes none");
});

Deno.test("ordinals have more than 32 bits", () => {
  using heads = new ListHeads();
  const slot = heads.slotOf(CATEGORY, hashOf("a"));
  for (const next of [2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, 2 ** 52]) {
    heads.setNext(slot, next);
    assertEquals(heads.nextAt(slot), next);
  }
});

Deno.test("names that differ in one byte have other hashes, wherever they stand", () => {
  const random = createRandom(5);
  for (let round = 0; round < 2_000; round++) {
    const length = random.integer(1, 40);
    const name = Uint8Array.from(
      { length },
      () => random.integer(0, 255),
    );
    const hash = new NameHash();
    hash.take(bytesOf(name), 0, length);
    const { high, low } = hash;
    const shifted = new Uint8Array(length + 9);
    shifted.set(name, 3);
    hash.take(bytesOf(shifted), 3, length + 3);
    assertEquals([hash.high, hash.low], [high, low]);
    const at = 3 + random.integer(0, length - 1);
    shifted[at] = (shifted[at] ?? 0) ^ random.integer(1, 255);
    hash.take(bytesOf(shifted), 3, length + 3);
    assertNotEquals(hash.high, high);
    assertNotEquals(hash.low, low);
  }
});

Deno.test("a digest is the same in any order, and another with any other entry", () => {
  const random = createRandom(9);
  const entries = Array.from(
    { length: 300 },
    () =>
      [
        random.integer(0, 4),
        hashOf(`list-${random.integer(0, 30)}`),
        random.integer(0, 2 ** 33),
        random.integer(64, 2 ** 31),
      ] as const,
  );
  const digestOf = (some: typeof entries) => {
    const digest = new EntryDigest();
    for (const [kind, { high, low }, ordinal, offset] of some) {
      digest.add(kind, high, low, ordinal, offset);
    }
    return digest;
  };
  const digest = digestOf(entries);
  assert(digest.equals(digestOf(entries.toReversed())));
  assert(digest.equals(digest.copy()));
  assert(!digest.equals(digestOf(entries.slice(1))));
  for (const [at, [kind, name, ordinal, offset]] of entries.entries()) {
    const others = [
      [(kind + 1) % 5, name, ordinal, offset],
      [kind, hashOf("another"), ordinal, offset],
      [kind, name, ordinal + 1, offset],
      [kind, name, ordinal, offset + 1],
    ] as const;
    for (const other of others) {
      assert(!digest.equals(digestOf(entries.with(at, other))), String(at));
    }
  }
});
