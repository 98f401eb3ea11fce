import { assert, assertEquals } from "@std/assert";
import type { DiskFile } from "../disk/disk.ts";
import { GrowingBytes } from "../log/bytes.ts";
import { isPreallocated, PREALLOCATION_STEP_BYTES } from "../log/record.ts";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import { ActiveFile } from "./write_access.ts";

interface Written {
  readonly file: DiskFile;
  readonly active: ActiveFile;
}

/** A file that holds `headBytes`, and what a writer makes of it. */
async function fileOf(headBytes: number): Promise<Written> {
  const file = await createMemoryDisk().create("/x.seg");
  await file.writeAt(new Uint8Array(headBytes).fill(1), 0);
  return { file, active: new ActiveFile(file) };
}

function bytesOf(byteCount: number): GrowingBytes {
  const bytes = new GrowingBytes(16);
  bytes.push(new Uint8Array(byteCount).fill(7));
  return bytes;
}

Deno.test("an active file grows by steps, and small writes use the preallocation", async () => {
  const { file, active } = await fileOf(64);
  await active.write(bytesOf(300), 64);
  assertEquals(file.size(), PREALLOCATION_STEP_BYTES);
  assert(isPreallocated(file, 364));
  assert(!isPreallocated(file, 363));
  await active.write(bytesOf(PREALLOCATION_STEP_BYTES - 364), 364);
  assertEquals(file.size(), PREALLOCATION_STEP_BYTES, "to the last byte");
  await active.write(bytesOf(1), PREALLOCATION_STEP_BYTES);
  assertEquals(file.size(), 2 * PREALLOCATION_STEP_BYTES);
});

Deno.test("a write as large as a step makes no room", async () => {
  const { file, active } = await fileOf(64);
  await active.write(bytesOf(PREALLOCATION_STEP_BYTES), 64);
  assertEquals(file.size(), 64 + PREALLOCATION_STEP_BYTES);
});

Deno.test("a write that fits in the preallocation of a file that was opened again leaves its size", async () => {
  const { file } = await fileOf(1000);
  await file.writeAt(new Uint8Array(5000), 64);
  await new ActiveFile(file).write(bytesOf(300), 64);
  assertEquals(file.size(), 5064);
});

Deno.test("finish() cuts off preallocation, and nothing else", async () => {
  const { file, active } = await fileOf(64);
  await active.write(bytesOf(300), 64);
  await active.finish(364);
  assertEquals(file.size(), 364);

  const other = await fileOf(64);
  await other.active.write(bytesOf(300), 64);
  // Another process's record, where this one knows of preallocation alone.
  await other.file.writeAt(Uint8Array.of(9), 4000);
  await other.active.finish(364);
  assertEquals(other.file.size(), PREALLOCATION_STEP_BYTES);
});
