/**
 * A flipped bit anywhere in the files of a scavenged store: it is noticed, or
 * everything is answered as it was.
 *
 * @module
 */

import { assert, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { createMemoryCatalog } from "../../storage/memory/memory_platform.ts";
import { createMemoryDisk } from "../../storage/memory/memory_platform.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { countRefused, isDamageError } from "../faults/contents.ts";
import { createTestClock, createTestIds } from "../support/events.ts";

const DATA = fromFileUrl(
  new URL("../compat/data/0.1.0-scavenged", import.meta.url),
);
const SEGMENTS = `${DATA}/segments`;
const NAMES = [...Deno.readDirSync(SEGMENTS)].map(({ name }) => name).sort();
const ANSWERS = new Map<string, string[]>(
  Object.entries(JSON.parse(Deno.readTextFileSync(`${DATA}.json`))),
);

/** Opens the store from its log, with one bit of one file flipped. */
async function openFlipped(
  files: ReadonlyMap<string, Uint8Array>,
  flip: { name: string; at: number },
  isReadOnly: boolean,
) {
  const disk = createMemoryDisk();
  for (const [name, bytes] of files) {
    const changed = bytes.slice();
    if (name === flip.name) {
      changed[flip.at] = (changed[flip.at] ?? 0) ^ (1 << flip.at % 8);
    }
    const file = await disk.create(`store/segments/${name}`);
    await file.writeAt(changed, 0);
  }
  return await openStoreOn({
    disk,
    openCatalog: () => Promise.resolve(createMemoryCatalog()),
  }, {
    directory: "store",
    segmentSizeBytes: 3000,
    clock: createTestClock(),
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
    isReadOnly,
  });
}

/** Whether a byte is part of the header of a segment, or of its tables. */
function isFrame(name: string, bytes: Uint8Array, at: number): boolean {
  const placesOffset = new DataView(bytes.buffer).getUint32(112, true);
  return name.endsWith(".seg") && (at < 160 || at >= placesOffset);
}

for (const isReadOnly of [false, true]) {
  const how = isReadOnly ? "read alone" : "opened";
  Deno.test(`a flipped bit in a scavenged store never changes an answer, ${how}`, async () => {
    const files = new Map(NAMES.map((name) => [
      name,
      Deno.readFileSync(`${SEGMENTS}/${name}`),
    ]));
    let noticed = 0;
    let count = 0;
    for (const [name, bytes] of files) {
      const step = name.endsWith(".seg") ? 1 : 37;
      if (name.includes(".g1.")) continue;
      for (let at = 0; at < bytes.length; at += step) {
        count++;
        try {
          const store = await openFlipped(files, { name, at }, isReadOnly);
          if (isReadOnly && isFrame(name, bytes, at)) {
            // What it frames is lost as a whole, and that is said aloud.
            const reason = store.status().readOnlyReason ?? "";
            assert(/is damaged/.test(reason), `${name} at ${at}: ${reason}`);
            noticed++;
          } else if (await countRefused(store, ANSWERS) > 0) noticed++;
          await store.close();
        } catch (error) {
          const what = `${name} at ${at}: ${error}`;
          assert(isDamageError(error), what);
          noticed++;
        }
      }
    }
    assertGreater(count, 3000);
    assertGreater(noticed, 2500);
  });
}
