import { assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Disk } from "../../storage/disk/disk.ts";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import { openKvCatalog } from "../../storage/commit/kv_catalog.ts";
import { verifyDirectoryOn } from "../../storage/maintenance/verify/verify_directory.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const CONTROL = {
  signal: new AbortController().signal,
  pause: () => Promise.resolve(),
  report() {},
};

/** A disk of which this user may not read a file. */
function closedDisk(isClosed: (path: string) => boolean): Disk {
  const disk = createFileDisk();
  return {
    ...disk,
    open(path, mode) {
      if (!isClosed(path)) return disk.open(path, mode);
      const error = new Error(`EACCES: permission denied, open '${path}'`);
      throw Object.assign(error, { code: "EACCES", path });
    },
  };
}

Deno.test("verify of a file that this user may not read names it, and calls nothing damaged", async () => {
  await using directory = await createStoreDirectory();
  await (await directory.open()).store.close();
  const path = directory.segmentPath(0);
  const platform = {
    disk: closedDisk((other) => other === path),
    openCatalog: openKvCatalog,
  };
  const request = { directory: directory.path, isDeep: false };
  const error = await assertRejects(
    () => verifyDirectoryOn(platform, request, CONTROL),
    QuipuError,
    `Cannot open "${path}": permission denied`,
  );
  assertEquals(error.code, "notWritable");
  // The lock was let go: the next one may have a look.
  const report = await verifyDirectoryOn(
    { ...platform, disk: createFileDisk() },
    request,
    CONTROL,
  );
  assertEquals(report.damageCount, 0);
});
