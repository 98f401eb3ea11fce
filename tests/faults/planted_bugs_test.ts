/**
 * Whether the suite bites: disks that lie, and stores with planted bugs, each
 * of which it must catch. A suite that passes on these says nothing about the
 * real one.
 *
 * @module
 */

import { assert, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { createRandom } from "../support/random.ts";
import {
  createSpecimen,
  examine,
  flipEveryByteOfTheLog,
  pathsOf,
  withBytes,
} from "./damage.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { dishonest, type Lies } from "./dishonest_platform.ts";
import type { OpenStoreOn } from "./life.ts";
import type { Fault } from "./machine.ts";
import { loadPatchedStore, type Patch } from "./patched_store.ts";
import {
  changesIn,
  failAt,
  listCalls,
  losePowerAt,
  mayFail,
  noFigures,
} from "./sweep.ts";

type Suite = (openStoreOn: OpenStoreOn) => Promise<void>;

/** Power lost before every call. */
async function losePower(openStoreOn: OpenStoreOn): Promise<void> {
  const figures = noFigures();
  for (const callIndex of changesIn(await listCalls(openStoreOn))) {
    const random = createRandom(callIndex);
    const losses = ["nothing is kept", "everything is kept", random] as const;
    await losePowerAt(openStoreOn, callIndex, { losses, figures });
  }
}

/** A fault at every call, once. */
function fail(fault: Fault): Suite {
  return async (openStoreOn) => {
    const figures = noFigures();
    for (const { index, kind } of await listCalls(openStoreOn)) {
      if (!mayFail(kind, fault)) continue;
      await failAt(openStoreOn, index, { fault, span: "once", figures });
    }
  };
}

/** A flipped bit at every byte of the log. */
async function flipBits(openStoreOn: OpenStoreOn): Promise<void> {
  const { harmless } = await flipEveryByteOfTheLog(openStoreOn);
  assert(harmless === 0, `${harmless} flipped bits were not noticed`);
}

/** Segments of another store. */
async function swapSegments(openStoreOn: OpenStoreOn): Promise<void> {
  const specimen = await createSpecimen(openStoreOn);
  const other = await createSpecimen(openStoreOn, { isOtherStore: true });
  for (const path of pathsOf(specimen.image, ".seg")) {
    const image = withBytes(
      specimen.image,
      path,
      () => other.image.get(path)?.bytes.slice() ?? new Uint8Array(0),
    );
    const outcome = await examine(specimen, image);
    assert(outcome === "refused", "A segment of another store is noticed");
  }
}

const WRITER = "write/writer.ts";

/** What was adopted beyond the record is cut off, as if it were not there. */
const STALE_RECORD_TRUSTED = `
    if (verdict.label === "KV_BEHIND") {
      const { disk } = options.platform;
      for (const segment of log.segments) {
        if (segment.startPosition > commit.end) {
          await disk.remove(segment.path);
        } else {
          const file = disk.open(segment.path, "write");
          const end = offsetOf(segment, commit.end);
          if (file.size() > end) await file.truncate(end);
          await file.sync();
        }
      }
      throw new QuipuError("damaged", "cut");
    }
    if (verdict.cutsTail) await cutTail(options);
`;

/** Lies of a disk, and the part of the suite that must catch each. */
const LIES: Record<string, { lies: Lies; caughtBy: Suite }> = {
  "syncs after it has said so": {
    lies: {
      sync: (sync) => {
        sync().catch(() => {});
        return Promise.resolve();
      },
    },
    caughtBy: losePower,
  },
  "does not sync": {
    lies: { sync: () => Promise.resolve() },
    caughtBy: losePower,
  },
  "does not sync the header of a new segment": {
    lies: {
      sync: (sync, count) => count === 1 ? Promise.resolve() : sync(),
    },
    caughtBy: losePower,
  },
  "does not sync the directory of the segments": {
    lies: { skipsDirectory: true },
    caughtBy: losePower,
  },
  "ignores a failed sync": {
    lies: { sync: (sync) => sync().catch(() => {}) },
    caughtBy: fail("EIO"),
  },
  "goes on with a file whose sync failed": {
    lies: { sync: (sync) => sync().catch(sync) },
    caughtBy: fail("EIO"),
  },
};

for (const [what, { lies, caughtBy }] of Object.entries(LIES)) {
  Deno.test(`planted: a disk that ${what} is caught`, async () => {
    await assertCaught(() =>
      caughtBy((platform, options) =>
        openStoreOn(dishonest(platform, lies), options)
      )
    );
  });
}

/** Bugs of the store's own, which no disk can stand for. */
const BUGS: Record<string, { patches: readonly Patch[]; caughtBy: Suite }> = {
  "publishes before the commit": {
    patches: [
      {
        file: WRITER,
        from: "    const point = commitPointOf(groups);\n",
        to: "    const point = commitPointOf(groups);\n" +
          "    for (const group of groups) this.#options.publisher.publish(group);\n",
      },
      {
        file: WRITER,
        from: "    this.#options.publisher.publish(group);\n",
        to: "",
      },
    ],
    caughtBy: fail("EIO"),
  },
  "does not take back what was decided in vain": {
    patches: [{ file: WRITER, from: "    rollBack();\n", to: "" }],
    caughtBy: fail("EIO"),
  },
  "does not check bodies": {
    patches: [{
      file: "log/record.ts",
      from:
        '  if (view.getUint32(start + 68, true) !== bodyCrc) return "badBody";\n',
      to: "",
    }],
    caughtBy: flipBits,
  },
  "does not check headers": {
    patches: [{
      file: "log/record.ts",
      from:
        '  if (view.getUint32(start + 4, true) !== headerCrc) return "badHeader";\n',
      to: "",
    }],
    caughtBy: flipBits,
  },
  "does not check what a segment follows": {
    patches: [
      {
        file: "open/load_log.ts",
        from: "header.storeId !== state.storeId",
        to: "header.storeId === undefined",
      },
      {
        file: "open/load_log.ts",
        from: "    header.previousChecksum !== state.checksum\n",
        to: "    false\n",
      },
      {
        file: "log/segment_file.ts",
        from: "record.previousCrc !== previousCrc",
        to: "record.previousCrc === -1",
      },
    ],
    caughtBy: swapSegments,
  },
  "drops the last entry of each list from index files": {
    patches: [{
      file: "index/index_builder.ts",
      from: "const entries = memtable.offsetsOf(listId);",
      to: "const entries = memtable.offsetsOf(listId).subarray(0, -1);",
    }],
    caughtBy: losePower,
  },
  "trusts a stale commit record": {
    patches: [{
      file: "open/reconcile.ts",
      from: "    if (verdict.cutsTail) await cutTail(options);\n",
      to: STALE_RECORD_TRUSTED,
    }, {
      file: "open/open_store.ts",
      from: "    throw asOpenError(error, directory);\n",
      to:
        '    if (error.message === "cut") return openFileStore(platform, options);' +
        "    throw asOpenError(error, directory);\n",
    }],
    caughtBy: losePower,
  },
  "adopts what a killed process did not sync": {
    patches: [{
      file: "open/reconcile.ts",
      from: "    await secureTail(options, commit);\n",
      to: "",
    }],
    caughtBy: losePower,
  },
  "adopts half a batch": {
    patches: [{
      file: "log/scan_segment.ts",
      from: "    if (!walk.isAtBatchEnd) continue;\n",
      to: "    if (step.indexInBatch > 0) break;\n",
    }],
    caughtBy: losePower,
  },
};

for (const [what, { patches, caughtBy }] of Object.entries(BUGS)) {
  Deno.test(`planted: a store that ${what} is caught`, async () => {
    await using patched = await loadPatchedStore(patches);
    await assertCaught(() => caughtBy(patched.openStoreOn));
  });
}

async function assertCaught(suite: () => Promise<void>): Promise<void> {
  const error = await assertRejects(suite, Error);
  // Caught for what it does, not because it does not run.
  assert(
    error.name === "AssertionError" || error instanceof QuipuError,
    `${error.stack}`,
  );
}

Deno.test("an honest disk passes where lies are caught", async () => {
  await losePower((platform, options) =>
    openStoreOn(dishonest(platform, {}), options)
  );
});

Deno.test("a copy of the store without a bug passes where bugs are caught", async () => {
  await using patched = await loadPatchedStore([]);
  await losePower(patched.openStoreOn);
  await flipBits(patched.openStoreOn);
  await swapSegments(patched.openStoreOn);
});
