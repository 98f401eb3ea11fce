/**
 * Damage to the files of a small store: each is noticed, or every answer is
 * the same as before.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { answersOf, countRefused, isDamageError } from "./contents.ts";
import { live, type OpenStoreOn, World } from "./life.ts";
import { type Image, Machine } from "./machine.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, SECOND_LIFE } from "./workload.ts";

/** A closed store, and what it answers. */
export interface Specimen {
  readonly world: World;
  readonly image: Image;
  readonly answers: ReadonlyMap<string, readonly string[]>;
}

/** Makes a store with sealed segments, index files, heads and a catalog. */
export async function createSpecimen(
  openStoreOn: OpenStoreOn,
  { isOtherStore = false, segmentBytes = SPECIMEN_SEGMENT_BYTES }: {
    readonly isOtherStore?: boolean;
    readonly segmentBytes?: number;
  } = {},
): Promise<Specimen> {
  const world = new World(openStoreOn);
  if (isOtherStore) world.skipId();
  const machine = new Machine();
  const witness = new Witness();
  let store = await world.open(machine, segmentBytes);
  await live(store, FIRST_LIFE, { machine, witness });
  await store.close();
  store = await world.open(machine, segmentBytes);
  await live(store, SECOND_LIFE, { machine, witness });
  const answers = await answersOf(store);
  await store.close();
  return { world, image: machine.image(), answers };
}

/** So large that there are few segments, each of some records. */
const SPECIMEN_SEGMENT_BYTES = 1200;

/** What came of damage. */
export type DamageOutcome =
  /** The store does not open, and says why. */
  | "refused"
  /** Some reads are refused; all others answer as before. */
  | "noticed"
  /** Every answer is as before. */
  | "harmless";

/** Opens a store of these files and asks for everything. */
export async function examine(
  { world, answers }: Specimen,
  image: Image,
): Promise<DamageOutcome> {
  const machine = Machine.of(image);
  let store: EventStore;
  try {
    store = await world.open(machine);
  } catch (error) {
    assert(isDamageError(error), String(error));
    return "refused";
  }
  try {
    const count = await countRefused(store, answers);
    return count === 0 ? "harmless" : "noticed";
  } finally {
    await store.close();
  }
}

/** The image with other bytes in one file. */
export function withBytes(
  image: Image,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Image {
  const file = image.get(path);
  assert(file !== undefined, path);
  return new Map(image).set(path, {
    ...file,
    bytes: change(file.bytes.slice()),
  });
}

/** The image with the bit of a byte flipped. */
export function withFlippedBit(
  image: Image,
  path: string,
  { offset, bit }: { offset: number; bit: number },
): Image {
  return withBytes(image, path, (bytes) => {
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
    return bytes;
  });
}

/** The image without a file. */
export function withoutFile(image: Image, path: string): Image {
  const without = new Map(image);
  without.delete(path);
  return without;
}

/** Paths of the image that end in one of these. */
export function pathsOf(image: Image, ...endings: string[]): string[] {
  return [...image.keys()].filter((path) =>
    endings.some((ending) => path.endsWith(ending))
  ).sort();
}

/** Flips one bit of every byte of the log's segments. */
export async function flipEveryByteOfTheLog(
  openStoreOn: OpenStoreOn,
): Promise<Record<DamageOutcome, number>> {
  const specimen = await createSpecimen(openStoreOn);
  const counts = { refused: 0, noticed: 0, harmless: 0 };
  for (const path of pathsOf(specimen.image, ".seg")) {
    const { bytes } = specimen.image.get(path) ?? { bytes: [] };
    for (let offset = 0; offset < bytes.length; offset++) {
      const bit = (offset * 5 + 3) % 8;
      const image = withFlippedBit(specimen.image, path, { offset, bit });
      counts[await examine(specimen, image)]++;
    }
  }
  return counts;
}
