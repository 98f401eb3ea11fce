import { assert, assertEquals, assertThrows } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { createRandom } from "../../tests/support/random.ts";
import type { DiskFile } from "../disk/disk.ts";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES, BlockCache } from "./block_cache.ts";
import { BlockedReader, BlockedWriter } from "./blocked_file.ts";

/** Writes pieces; a piece of no bytes ends a block. */
async function write(pieces: readonly Uint8Array[]): Promise<DiskFile> {
  const file = await createMemoryDisk().create("file");
  const writer = new BlockedWriter(file);
  for (const piece of pieces) {
    if (piece.length === 0) writer.endBlock();
    else if (writer.push(piece)) await writer.flush();
  }
  await writer.finish();
  return file;
}

function readerOf(file: DiskFile, cache = new BlockCache(1)): BlockedReader {
  return new BlockedReader(() => file, cache, 0);
}

Deno.test("content reads back at any place, across blocks and buffers", async () => {
  const random = createRandom(3);
  const pieces = [1, 4091, 4092, 4093, 10, 3_000_000, 70_000].map((length) =>
    random.bytes(length)
  );
  const content = new Uint8Array(await new Blob(pieces).arrayBuffer());
  const file = await write(pieces);
  assertEquals(file.size() % BLOCK_BYTES, 0);
  const reader = readerOf(file);
  assert(reader.isWhole());
  for (let count = 0; count < 300; count++) {
    const offset = random.integer(0, content.length - 1);
    const length = random.integer(
      0,
      Math.min(20_000, content.length - offset),
    );
    assertEquals(
      reader.read(offset, length),
      content.subarray(offset, offset + length),
    );
    const longLength = random.integer(0, content.length - offset);
    assertEquals(
      reader.readLong(offset, longLength),
      content.subarray(offset, offset + longLength),
    );
  }
});

Deno.test("an ended block is filled up with zeroes", async () => {
  const file = await createMemoryDisk().create("file");
  const writer = new BlockedWriter(file);
  writer.push(Uint8Array.of(1, 2));
  writer.endBlock();
  writer.endBlock();
  assertEquals(writer.offset, BLOCK_CONTENT_BYTES);
  writer.push(Uint8Array.of(3));
  await writer.finish();
  const reader = readerOf(file);
  assertEquals([...reader.read(0, 4)], [1, 2, 0, 0]);
  assertEquals([...reader.read(BLOCK_CONTENT_BYTES, 2)], [3, 0]);
  assertEquals(file.size(), 2 * BLOCK_BYTES);
});

Deno.test("nothing written is an empty file", async () => {
  const file = await write([]);
  assertEquals(file.size(), 0);
});

Deno.test("damage in a block is noticed there, and nowhere else", async () => {
  const file = await write([createRandom(4).bytes(5 * BLOCK_CONTENT_BYTES)]);
  for (const at of [0, 4091, 4092, 4095]) {
    const byte = new Uint8Array(1);
    file.readAt(byte, 2 * BLOCK_BYTES + at);
    const damaged = Uint8Array.of((byte[0] ?? 0) ^ 1);
    await file.writeAt(damaged, 2 * BLOCK_BYTES + at);
    const reader = readerOf(file);
    assert(!reader.isWhole());
    const error = assertThrows(() => reader.block(2), QuipuError);
    assertEquals(error.code, "corruptRecord");
    assertEquals(
      error.message,
      'Cannot read block 2 of "file": wrong checksum',
    );
    assertThrows(() => reader.read(BLOCK_CONTENT_BYTES, 4_093), QuipuError);
    reader.block(1);
    reader.block(3);
    await file.writeAt(byte, 2 * BLOCK_BYTES + at);
  }
  assert(readerOf(file).isWhole());
});

Deno.test("a file that is too short is noticed", async () => {
  const file = await write([createRandom(5).bytes(3 * BLOCK_CONTENT_BYTES)]);
  await file.truncate(2 * BLOCK_BYTES + 100);
  const reader = readerOf(file);
  assert(!reader.isWhole());
  for (const number of [2, 3]) {
    const error = assertThrows(() => reader.block(number), QuipuError);
    assert(error.message.endsWith("the file is too short"));
  }
});

Deno.test("cached blocks are not read again, and files don't mix", async () => {
  const cache = new BlockCache(16 * BLOCK_BYTES);
  const files = await Promise.all(
    [1, 2].map((value) =>
      write([new Uint8Array(BLOCK_CONTENT_BYTES).fill(value)])
    ),
  );
  const readers = files.map((file, key) =>
    new BlockedReader(() => file, cache, key)
  );
  for (let pass = 0; pass < 2; pass++) {
    assertEquals(readers.map((reader) => reader.read(9, 1)[0]), [1, 2]);
    // The second pass is served from memory: nothing is left to read.
    for (const file of files) await file.truncate(0);
  }
});
