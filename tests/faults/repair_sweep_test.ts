/**
 * Crashes and faults at every call of a repair: see `repair_sweep.ts`.
 *
 * @module
 */

import { assert, assertGreater, assertRejects } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { repairDirectoryOn } from "../../storage/maintenance/repair/repair_directory.ts";
import { createRandom } from "../support/random.ts";
import { loadPatchedStore, type Patch } from "./patched_store.ts";
import { failWhileRepairing, losePowerWhileRepairing } from "./repair_sweep.ts";

const REAL = { openStoreOn, repairDirectoryOn };

Deno.test("power lost before every call of a repair: the next one finishes it", async () => {
  const runs = await losePowerWhileRepairing(REAL, (callIndex) => [
    "nothing is kept",
    "everything is kept",
    createRandom(callIndex),
  ]);
  assertGreater(runs, 30);
});

for (const fault of ["EIO", "EIO, but done", "ENOSPC", "EMFILE"] as const) {
  for (const span of ["once", "from there on"] as const) {
    Deno.test(`${fault} at calls of a repair, ${span}: the next one finishes it`, async () => {
      // The task makes it every one.
      const every = fault === "EIO" ? 12 : fault === "EMFILE" ? 6 : 2;
      assertGreater(await failWhileRepairing(REAL, fault, span, every), 10);
    });
  }
}

const REPAIR = "maintenance/repair/repair_directory.ts";
const RENAMES =
  "  for (const { from, to } of made) await disk.rename(from, to);\n";
const MOVED = "  await disk.syncDirectory(lost);\n" +
  "  await disk.syncDirectory(logDirectory);\n" +
  "  await disk.syncDirectory(directory);\n";

const BUGS: Record<string, readonly Patch[]> = {
  "moves what is damaged before what replaces it is there": [
    { file: REPAIR, from: RENAMES, to: "" },
    { file: REPAIR, from: MOVED, to: MOVED + RENAMES },
  ],
  "does not sync what replaces a segment": [{
    file: "log/scavenged_writer.ts",
    from: "    await this.#file.sync();\n    return scavenged;\n",
    to: "    return scavenged;\n",
  }],
  "moves before the new names are permanent": [{
    file: REPAIR,
    from: RENAMES + "  await disk.syncDirectory(logDirectory);\n",
    to: RENAMES,
  }],
  "writes its note when all is done": [
    {
      file: REPAIR,
      from: "  await writeNote(repair, request, disk);\n",
      to: "",
    },
    {
      file: REPAIR,
      from: MOVED,
      to: MOVED + "  await writeNote(repair, request, disk);\n",
    },
  ],
  "forgets what it was to keep": [{
    file: "open/reconcile.ts",
    from: "const kept = await namesToKeep(disk, directory);",
    to: "const kept = new Set<string>();",
  }],
};

for (const [what, patches] of Object.entries(BUGS)) {
  Deno.test(`planted: a repair that ${what} is caught`, async () => {
    await using patched = await loadPatchedStore(patches);
    const { repairDirectoryOn } = await patched.load<typeof REAL>(REPAIR);
    const { openStoreOn } = patched;
    const error = await assertRejects(
      () =>
        losePowerWhileRepairing(
          { openStoreOn, repairDirectoryOn },
          () => ["nothing is kept"],
        ),
      Error,
    );
    const isCaught = error.name === "AssertionError" ||
      error.name === "QuipuError";
    assert(isCaught, `${error.stack}`);
  });
}
