/**
 * Damaged stores opened to be read alone: what is whole is served, what is not
 * is refused, and nothing is written.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { anEvent } from "../support/events.ts";
import { isDamageError, lineOf } from "./contents.ts";
import {
  createSpecimen,
  pathsOf,
  type Specimen,
  withBytes,
  withFlippedBit,
  withoutFile,
} from "./damage.ts";
import { type Image, isChange, Machine } from "./machine.ts";

/** What a store serves of what it should. */
interface Served {
  readonly events: number;
  readonly refused: number;
  readonly reason: string;
}

/** Asks a damaged store for each entry of each list by itself. */
async function serve(specimen: Specimen, image: Image): Promise<Served> {
  const machine = Machine.of(image);
  const store = await specimen.world.openReadOnly(machine);
  let events = 0;
  let refused = 0;
  try {
    for (const [name, [, ...lines]] of specimen.answers) {
      if (name === "") continue;
      for (const [ordinal, line] of lines.entries()) {
        try {
          const entry = await store.readEvent(name, ordinal);
          if (entry === undefined) continue;
          assertEquals(`${ordinal} ${lineOf(entry.event)}`, line, name);
          if (!name.startsWith("$") || name.startsWith("$$")) events++;
        } catch (error) {
          assert(isDamageError(error), String(error));
          refused++;
        }
      }
    }
    await assertWritesNothing(store);
    return { events, refused, reason: store.status().readOnlyReason ?? "" };
  } finally {
    await store.close();
    assertEquals(machine.calls.filter(isChange), []);
  }
}

async function assertWritesNothing(store: EventStore): Promise<void> {
  const error = await assertRejects(
    () =>
      store.append({
        streamName: "new",
        expectedVersion: "any",
        events: [anEvent(1)],
      }),
    QuipuError,
  );
  assertEquals(error.code, "storeReadOnly");
  assert(error.message.includes("--read-only"), error.message);
}

/** How many events all streams have. */
function countEvents({ answers }: Specimen): number {
  let count = 0;
  for (const [name, lines] of answers) {
    const isStream = name !== "" &&
      (!name.startsWith("$") || name.startsWith("$$"));
    if (isStream) count += lines.length - 1;
  }
  return count;
}

Deno.test("a sound store opened to be read alone serves everything", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const served = await serve(specimen, specimen.image);
  assertEquals([served.events, served.refused], [countEvents(specimen), 0]);
  for (const path of pathsOf(specimen.image, ".idx")) {
    const image = withoutFile(specimen.image, path);
    const { events, refused } = await serve(specimen, image);
    assertEquals([events, refused], [countEvents(specimen), 0]);
  }
});

Deno.test("a flipped bit costs one event at most, with an index file or without", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const count = countEvents(specimen);
  for (const path of pathsOf(specimen.image, ".seg")) {
    const { bytes } = specimen.image.get(path) ?? { bytes: [] };
    for (let offset = 0; offset < bytes.length; offset += 5) {
      const damaged = withFlippedBit(specimen.image, path, { offset, bit: 2 });
      const index = path.replace(/seg$/, "idx");
      for (const image of [damaged, withoutFile(damaged, index)]) {
        const { events } = await serve(specimen, image);
        assert(events >= count - 1, `${path} ${offset}: ${events} of ${count}`);
      }
    }
  }
});

Deno.test("of a store whose segment is gone or short, all others are served", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const whole = countEvents(specimen);
  for (const path of pathsOf(specimen.image, ".seg")) {
    const bytes = specimen.image.get(path)?.bytes ?? new Uint8Array(0);
    // Records are longer than that.
    const inSegment = Math.floor(bytes.length / 110);
    const gone = withoutFile(specimen.image, path);
    const cut = withBytes(specimen.image, path, (all) => all.slice(0, 200));
    for (const damaged of [gone, cut]) {
      const index = path.replace(/seg$/, "idx");
      for (const image of [damaged, withoutFile(damaged, index)]) {
        const { events, reason } = await serve(specimen, image);
        assert(events >= whole - inSegment, `${path}: ${events} of ${whole}`);
        const isDamaged = events < whole;
        assertEquals(reason.includes("is damaged"), isDamaged, reason);
      }
    }
  }
});

Deno.test("a store that is damaged opens to be read alone without its catalog, too", async () => {
  const specimen = await createSpecimen(openStoreOn);
  const [path = ""] = pathsOf(specimen.image, ".seg");
  const damaged = withFlippedBit(specimen.image, path, { offset: 100, bit: 1 });
  const served = await serve(
    specimen,
    withoutFile(damaged, "store/catalog.kv"),
  );
  assert(served.events >= countEvents(specimen) - 1);
});
