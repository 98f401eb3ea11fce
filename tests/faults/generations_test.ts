/**
 * Segments that were given up before anything stood in them: of several files
 * for one number the right one counts, whatever failed when they were made.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { live, World } from "./life.ts";
import { type Call, type Fault, Machine } from "./machine.ts";
import { untilWritable } from "./sweep.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, LAST_LIFE } from "./workload.ts";

/** What fails, by the kind of call and the file, so many times each. */
type Failures = readonly [Call["kind"], string, Fault, number][];

const FAILURES: Record<string, Failures> = {
  "a first write fails": [
    ["write", "00000000.g1.seg", "EIO", 2],
  ],
  "a first write fails, then its successor cannot be created": [
    ["write", "00000000.g1.seg", "EIO", 2],
    ["create", "00000000.g2.seg", "EMFILE", 3],
  ],
  "a first write fails, then its successor's header and its removal": [
    ["write", "00000000.g1.seg", "EIO", 2],
    ["sync", "00000000.g2.seg", "EIO", 1],
    ["remove", "00000000.g2.seg", "EIO", 1],
  ],
  "the next segment's directory, and its removal": [
    ["sync", "00000001.g1.seg", "EIO", 1],
    ["remove", "00000001.g1.seg", "EIO", 1],
  ],
  "the next segment is created, but that fails": [
    ["create", "00000001.g1.seg", "EIO, but done", 1],
    ["write", "00000001.g2.seg", "ENOSPC", 1],
  ],
};

for (const [what, failures] of Object.entries(FAILURES)) {
  Deno.test(`${what}: the segment that was written is the one that is found`, async () => {
    const world = new World(openStoreOn);
    const witness = new Witness();
    const machine = new Machine();
    const left = failures.map(([, , , count]) => count);
    // The header of the very first segment is written without a fault.
    let hasBegun = false;
    machine.plan = (call) => {
      const at = failures.findIndex(([kind, name], index) =>
        hasBegun && (left[index] ?? 0) > 0 && call.kind === kind &&
        call.name === name
      );
      if (at < 0) return undefined;
      left[at] = (left[at] ?? 0) - 1;
      return failures[at]?.[2];
    };
    const store = await world.open(machine);
    hasBegun = true;
    for (const group of [...FIRST_LIFE, ...LAST_LIFE]) {
      await live(store, [group], { machine, witness });
      await untilWritable(store);
    }
    // A first write of which all attempts fail ends before its count does.
    assertEquals(left.slice(1).every((count) => count === 0), true);
    await witness.check(store);
    const after = machine.afterPowerLoss("nothing is kept");
    await store.close();
    for (const next of [after, machine.afterKill()]) {
      const opened = await world.open(next);
      await witness.copy().check(opened);
      await opened.close();
    }
  });
}

Deno.test("a successor that cannot be created is not made under an older generation", async () => {
  const world = new World(openStoreOn);
  const witness = new Witness();
  const machine = new Machine();
  const first = FIRST_LIFE.slice(0, 1);
  let store = await world.open(machine);
  machine.plan = ({ kind, name }) =>
    kind === "write" && name === "00000000.g1.seg" ? "EIO" : undefined;
  await live(store, first, { machine, witness });
  await untilWritable(store);
  await store.close();
  // The first generation is laid aside now; the second is empty.
  store = await world.open(machine);
  let failuresLeft = 2;
  machine.plan = ({ kind, name }) =>
    kind === "write" && name === "00000000.g2.seg"
      ? "EIO"
      : kind === "create" && name === "00000000.g3.seg" && failuresLeft-- > 0
      ? "EMFILE"
      : undefined;
  await live(store, first, { machine, witness });
  await untilWritable(store);
  await live(store, FIRST_LIFE, { machine, witness });
  await store.close();
  machine.heal();
  const opened = await world.open(machine);
  await witness.check(opened);
  await opened.close();
});
