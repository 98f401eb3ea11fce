import { assertEquals, assertThrows } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import { offsetOf, OpenFiles, positionOf, type Segment } from "./segment.ts";

const SEGMENT: Segment = {
  path: "00000002.g1.seg",
  number: 2,
  generation: 1,
  startPosition: 2 ** 33,
  endPosition: 2 ** 33 + 500,
  checksum: 0,
};

Deno.test("positions begin after the header, and are turned back", () => {
  assertEquals(offsetOf(SEGMENT, 2 ** 33), 64);
  assertEquals(positionOf(SEGMENT, 164), 2 ** 33 + 100);
  assertEquals(
    positionOf(SEGMENT, offsetOf(SEGMENT, 2 ** 33 + 7)),
    2 ** 33 + 7,
  );
});

/** A disk that tells which files are open. */
async function createCountingDisk(
  paths: readonly string[],
): Promise<{ disk: Disk; open: string[] }> {
  const disk = createMemoryDisk();
  for (const path of paths) (await disk.create(path)).close();
  const open: string[] = [];
  return {
    open,
    disk: {
      ...disk,
      open(path, mode): DiskFile {
        const file = disk.open(path, mode);
        open.push(path);
        return {
          path,
          readAt: (buffer, offset) => file.readAt(buffer, offset),
          writeAt: (bytes, offset) => file.writeAt(bytes, offset),
          sync: () => file.sync(),
          size: () => file.size(),
          truncate: (sizeBytes) => file.truncate(sizeBytes),
          close: () => void open.splice(open.indexOf(path), 1),
        };
      },
    },
  };
}

Deno.test("open files are shared, and never more than allowed", async () => {
  const { disk, open } = await createCountingDisk(["a", "b", "c"]);
  const files = new OpenFiles(disk, 2);
  const a = files.open("a");
  assertEquals(files.open("a"), a);
  files.open("b");
  assertEquals(open, ["a", "b"]);
  files.open("c");
  assertEquals(open, ["b", "c"]);
  files.open("a");
  assertEquals(open, ["c", "a"]);
  files.forget("c");
  files.forget("never opened");
  assertEquals(open, ["a"]);
  files.close();
  assertEquals(open, []);
});

Deno.test("a file that is gone is damage", async () => {
  const { disk } = await createCountingDisk([]);
  const files = new OpenFiles(disk, 2);
  const error = assertThrows(() => files.open("a"), QuipuError);
  assertEquals(error.code, "corruptRecord");
});
