/**
 * Crashes and faults at every call of a scavenge: see `scavenge_sweep.ts`.
 *
 * @module
 */

import { assert, assertGreater, assertRejects } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { createRandom } from "../support/random.ts";
import type { OpenStoreOn } from "./life.ts";
import { loadPatchedStore, type Patch } from "./patched_store.ts";
import {
  failWhileScavenging,
  losePowerWhileScavenging,
} from "./scavenge_sweep.ts";

Deno.test("power lost before every call of a scavenge loses nothing that is visible", async () => {
  const runs = await losePowerWhileScavenging(openStoreOn, (callIndex) => [
    "nothing is kept",
    "everything is kept",
    createRandom(callIndex),
  ]);
  assertGreater(runs, 50);
});

for (const fault of ["EIO", "EIO, but done", "ENOSPC", "EMFILE"] as const) {
  for (const span of ["once", "from there on"] as const) {
    Deno.test(`${fault} at calls of a scavenge, ${span}, is got over`, async () => {
      const every = fault === "EIO" ? 4 : 2;
      assertGreater(
        await failWhileScavenging(openStoreOn, fault, span, every),
        10,
      );
    });
  }
}

function losePower(openStoreOn: OpenStoreOn): Promise<unknown> {
  return losePowerWhileScavenging(openStoreOn, () => ["nothing is kept"]);
}

const BUGS: Record<string, readonly Patch[]> = {
  "goes over to a segment that was not synced": [{
    file: "log/scavenged_writer.ts",
    from: "    await this.#file.sync();\n    return scavenged;\n",
    to: "    return scavenged;\n",
  }],
  "removes the old segment before the new one has its name": [{
    file: "maintenance/scavenge/scavenger.ts",
    from: "      await disk.rename(temporaryPath, next.path);\n",
    to: "      await disk.remove(segment.path);\n" +
      "      await disk.rename(temporaryPath, next.path);\n",
  }],
  "forgets where lists end": [{
    file: "log/scavenged_writer.ts",
    from: "for (const { kind, name, next } of ends) {",
    to: "for (const { kind, name, next } of [...ends].slice(0, 0)) {",
  }],
  "removes one event more": [{
    file: "maintenance/scavenge/retention.ts",
    from: "return eventNumber < this.firstOf(streamId) ||",
    to: "return eventNumber <= this.firstOf(streamId) ||",
  }],
};

for (const [what, patches] of Object.entries(BUGS)) {
  Deno.test(`planted: a scavenge that ${what} is caught`, async () => {
    await using patched = await loadPatchedStore(patches);
    const error = await assertRejects(
      () => losePower(patched.openStoreOn),
      Error,
    );
    const isCaught = error.name === "AssertionError" ||
      error.name === "QuipuError";
    assert(isCaught, `${error.stack}`);
  });
}
