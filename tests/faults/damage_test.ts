/**
 * Damage to every part of a store: noticed, or without any effect. See
 * `damage.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { newSeed, withSeed } from "../support/random.ts";
import {
  createSpecimen,
  type DamageOutcome,
  examine,
  flipEveryByteOfTheLog,
  pathsOf,
  withBytes,
  withFlippedBit,
  withoutFile,
} from "./damage.ts";
import type { Image } from "./machine.ts";

/** One sealed segment: index files come in blocks, and each byte has a run. */
const ONE_SEALED = { segmentBytes: 2_400 };

Deno.test("a flipped bit at every byte of the log is noticed", async () => {
  const counts = await flipEveryByteOfTheLog(openStoreOn);
  // The time of creation, and what has no meaning, is under the checksum, too.
  assertEquals(counts.harmless, 0);
  assertGreater(counts.refused + counts.noticed, 2000);
});

Deno.test("a segment cut at any length is refused", async () => {
  const specimen = await createSpecimen(openStoreOn);
  for (const path of pathsOf(specimen.image, ".seg")) {
    const { bytes } = specimen.image.get(path) ?? { bytes: new Uint8Array(0) };
    for (let size = 0; size < bytes.length; size++) {
      const image = withBytes(
        specimen.image,
        path,
        (whole) => whole.slice(0, size),
      );
      assertEquals(await examine(specimen, image), "refused", `${size}`);
    }
  }
});

Deno.test("a flipped bit at every byte of an index file and of the heads changes no answer", async () => {
  const specimen = await createSpecimen(openStoreOn, ONE_SEALED);
  const paths = pathsOf(specimen.image, ".idx", "heads.snap");
  assertEquals(paths.length, 2);
  const outcomes = new Set<DamageOutcome>();
  await withSeed(async (random) => {
    for (const path of paths) {
      const { bytes } = specimen.image.get(path) ?? { bytes: [] };
      for (let offset = 0; offset < bytes.length; offset++) {
        const bit = random.integer(0, 7);
        const image = withFlippedBit(specimen.image, path, { offset, bit });
        outcomes.add(await examine(specimen, image));
      }
    }
  }, newSeed());
  // Where the heads spare the look at an index file, reading notices it.
  assert(!outcomes.has("refused"), [...outcomes].join());
});

Deno.test("an index file or the heads cut at any length change no answer", async () => {
  const specimen = await createSpecimen(openStoreOn, ONE_SEALED);
  for (const path of pathsOf(specimen.image, ".idx", "heads.snap")) {
    const { bytes } = specimen.image.get(path) ?? { bytes: [] };
    for (let size = 0; size < bytes.length; size++) {
      const image = withBytes(
        specimen.image,
        path,
        (whole) => whole.slice(0, size),
      );
      assertEquals(await examine(specimen, image), "harmless");
    }
  }
});

Deno.test("files of the log that changed places, are gone or of another store are noticed", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const other = await createSpecimen(openStoreOn, { isOtherStore: true });
  const segments = pathsOf(specimen.image, ".seg");
  assertGreater(segments.length, 2);
  for (const path of segments) {
    await assertRefused(withoutFile(specimen.image, path));
    await assertRefused(
      withBytes(specimen.image, path, () => bytesIn(other.image, path)),
    );
    for (const another of segments) {
      if (another === path) continue;
      await assertRefused(
        withBytes(
          specimen.image,
          path,
          () => bytesIn(specimen.image, another),
        ),
      );
    }
  }

  async function assertRefused(image: Image): Promise<void> {
    assertEquals(await examine(specimen, image), "refused");
  }
});

Deno.test("index files that changed places, are gone or of another store change no answer", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const other = await createSpecimen(openStoreOn, { isOtherStore: true });
  const paths = pathsOf(specimen.image, ".idx", "heads.snap");
  assertGreater(paths.length, 2);
  for (const path of paths) {
    await assertHarmless(withoutFile(specimen.image, path));
    await assertHarmless(
      withBytes(specimen.image, path, () => bytesIn(other.image, path)),
    );
    for (const another of paths) {
      await assertHarmless(
        withBytes(
          specimen.image,
          path,
          () => bytesIn(specimen.image, another),
        ),
      );
    }
  }

  async function assertHarmless(image: Image): Promise<void> {
    assertEquals(await examine(specimen, image), "harmless");
  }
});

Deno.test("of two index files one damaged, one gone, change no answer", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const paths = pathsOf(specimen.image, ".idx");
  for (const gone of paths) {
    for (const path of paths) {
      if (path === gone) continue;
      const { bytes } = specimen.image.get(path) ?? { bytes: [] };
      for (let offset = 50; offset < bytes.length; offset += 4096) {
        const image = withFlippedBit(specimen.image, path, { offset, bit: 0 });
        const outcome = await examine(specimen, withoutFile(image, gone));
        assert(outcome !== "refused", `${path} at ${offset}, ${gone} gone`);
      }
    }
  }
});

Deno.test("a catalog that is gone, or as it was some commits ago, loses no event", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const [path = ""] = pathsOf(specimen.image, "catalog.kv");
  const { commits } = specimen.image.get(path) ?? { commits: [] };
  assertGreater(commits.length, 10);
  for (let count = 0; count <= commits.length; count++) {
    const image = new Map(specimen.image).set(path, {
      bytes: new Uint8Array(0),
      commits: commits.slice(0, count),
    });
    assertEquals(await examine(specimen, image), "harmless");
  }
  const without = withoutFile(specimen.image, path);
  assertEquals(await examine(specimen, without), "harmless");
});

function bytesIn(image: Image, path: string): Uint8Array {
  return image.get(path)?.bytes.slice() ?? new Uint8Array(0);
}
