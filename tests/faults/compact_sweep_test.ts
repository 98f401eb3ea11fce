/**
 * Power losses before every call, and faults at every call, of making the KV's
 * file anew. Whatever is interrupted, `catalog.kv` is the old file or the whole
 * new one, the store opens and says the same, and the next time it is done.
 *
 * Deno KV does not write to the disk in memory: what stands in for it writes
 * the new file without syncing it. How SQLite itself writes is not swept; the
 * tests beside `compact_catalog.ts` have the real one.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "@std/assert";
import { compactCatalog } from "../../storage/commit/compact_catalog.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { createRandom } from "../support/random.ts";
import { linesOf } from "./contents.ts";
import { live, World } from "./life.ts";
import { type Fault, type Image, isChange, Machine } from "./machine.ts";
import { loadPatchedStore } from "./patched_store.ts";
import { planOf } from "./sweep.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE } from "./workload.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };
const FILE = "store/catalog.kv";
const OLD = new Uint8Array(5000).fill(1);
const NEW = new Uint8Array(1200).fill(2);

interface Specimen {
  readonly world: World;
  readonly image: Image;
  readonly lines: readonly string[];
}

/** A closed store whose KV has grown, with what an earlier attempt left. */
async function createSpecimen(): Promise<Specimen> {
  const world = new World(openStoreOn);
  const machine = new Machine();
  const store = await world.open(machine);
  await live(store, FIRST_LIFE, { machine, witness: new Witness() });
  const lines = await linesOf(store);
  await store.close();
  const image = new Map(machine.image());
  const { commits } = image.get(FILE) ?? { commits: [] };
  assert(commits.length > 0);
  image.set(FILE, { bytes: OLD, commits });
  image.set(`${FILE}.new`, { bytes: NEW.subarray(0, 100), commits: [] });
  image.set(`${FILE}.new-journal`, { bytes: NEW, commits: [] });
  return { world, image, lines };
}

/** Compacts, by whoever's code. */
function compact(machine: Machine, by = compactCatalog) {
  return by({
    directory: "store",
    disk: machine.disk,
    async copy(path, newPath) {
      const file = await machine.disk.create(newPath);
      await file.writeAt(NEW.subarray(0, 700), 0);
      await file.writeAt(NEW.subarray(700), 700);
      const copy = machine.contentOf(newPath);
      const original = machine.contentOf(path);
      if (copy !== undefined && original !== undefined) {
        copy.commits = original.commits;
      }
      file.close();
    },
  }, CONTROL);
}

async function checkLeft(
  { world, lines }: Specimen,
  machine: Machine,
): Promise<void> {
  const bytes = machine.image().get(FILE)?.bytes;
  const isOneOfThem = [OLD, NEW].some((one) => String(one) === String(bytes));
  assert(isOneOfThem, `the old file or the new one: ${bytes?.length} bytes`);
  const { bytesAfter } = await compact(machine);
  assertEquals(bytesAfter, NEW.length);
  const names = machine.paths().filter((path) => path.startsWith(FILE));
  assertEquals(names, [FILE]);
  const after = machine.afterPowerLoss("nothing is kept");
  assertEquals(after.image().get(FILE)?.bytes, NEW);
  const store = await world.open(after);
  assertEquals(await linesOf(store), lines);
  await store.close();
}

async function losePower(by = compactCatalog): Promise<number> {
  const specimen = await createSpecimen();
  const whole = Machine.of(specimen.image);
  await compact(whole, by);
  const calls = whole.calls.filter(isChange);
  for (const { index } of calls) {
    const machine = Machine.of(specimen.image);
    const left: Machine[] = [];
    machine.onCall = (call) => {
      if (call.index !== index) return;
      left.push(
        machine.afterPowerLoss("nothing is kept"),
        machine.afterPowerLoss("everything is kept"),
        machine.afterPowerLoss(createRandom(index)),
        machine.afterKill(),
      );
      machine.turnOff();
    };
    await assertRejects(() => compact(machine, by));
    for (const one of left) await checkLeft(specimen, one);
  }
  // And once it is done.
  await checkLeft(specimen, whole.afterPowerLoss("nothing is kept"));
  return calls.length;
}

Deno.test("power lost before every call of compacting leaves the old KV or the new one", async () => {
  assertGreater(await losePower(), 5);
});

const FAULTS: readonly Fault[] = ["EIO", "EIO, but done", "ENOSPC", "EMFILE"];

for (const fault of FAULTS) {
  Deno.test(`${fault} at every call of compacting leaves the old KV or the new one`, async () => {
    const specimen = await createSpecimen();
    const whole = Machine.of(specimen.image);
    await compact(whole);
    let faults = 0;
    for (const { index: first } of whole.calls) {
      for (const isOnce of [true, false]) {
        const machine = Machine.of(specimen.image);
        machine.plan = planOf(fault, first, isOnce ? "once" : "from there on");
        await compact(machine).catch((error: unknown) => {
          assert(machine.faultCount > 0, String(error));
        });
        faults += machine.faultCount;
        machine.heal();
        await checkLeft(specimen, machine.afterPowerLoss("nothing is kept"));
        await checkLeft(specimen, machine.afterPowerLoss("everything is kept"));
        await checkLeft(specimen, machine.afterKill());
      }
    }
    assertGreater(faults, 3);
  });
}

Deno.test("planted: compacting that does not sync the new KV is caught", async () => {
  await using patched = await loadPatchedStore([{
    file: "commit/compact_catalog.ts",
    from: "    await file.sync();\n",
    to: "",
  }]);
  const { compactCatalog: by } = await patched.load<
    { compactCatalog: typeof compactCatalog }
  >("commit/compact_catalog.ts");
  await assertRejects(
    () => losePower(by),
    Error,
    "the old file or the new one",
  );
});
