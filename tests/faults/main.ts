/**
 * `deno task faults [minutes]`: the whole sweep, every byte damaged, and random
 * lives for so many minutes (default: 10), with figures. The seed of each
 * random life that fails is printed; `QUIPU_SEED` repeats it.
 *
 * @module
 */

import { assert } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { repairDirectoryOn } from "../../storage/maintenance/repair/repair_directory.ts";
import { createRandom, newSeed, withSeed } from "../support/random.ts";
import {
  createSpecimen,
  examine,
  flipEveryByteOfTheLog,
  pathsOf,
  withFlippedBit,
} from "./damage.ts";
import type { Fault } from "./machine.ts";
import { liveRandomly } from "./random_life.ts";
import { failWhileRepairing, losePowerWhileRepairing } from "./repair_sweep.ts";
import {
  changesIn,
  failAt,
  listCalls,
  losePowerAt,
  mayFail,
  noFigures,
  type SweepFigures,
} from "./sweep.ts";

const FAULTS: readonly Fault[] = ["EIO", "EIO, but done", "ENOSPC", "EMFILE"];

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

function show(what: string, figures: SweepFigures): void {
  const { calls, runs, faults, reopenings, answered } = figures;
  print(
    `${what}: ${calls} calls, ${runs} runs, ${faults} faults, ` +
      `${reopenings} reopenings, ${answered} requests acknowledged, ` +
      "0 violations",
  );
}

async function sweepPower(): Promise<void> {
  const figures = noFigures();
  const calls = await listCalls(openStoreOn);
  figures.calls = calls.length;
  const seed = newSeed();
  for (const callIndex of changesIn(calls)) {
    await withSeed((random) =>
      losePowerAt(openStoreOn, callIndex, {
        losses: [
          "nothing is kept",
          "everything is kept",
          ...Array.from({ length: 8 }, () => random),
        ],
        figures,
      }), (seed + callIndex) >>> 0);
  }
  show("power lost before each call", figures);
}

async function sweepFaults(): Promise<void> {
  for (const fault of FAULTS) {
    for (const span of ["once", "from there on"] as const) {
      const figures = noFigures();
      const calls = await listCalls(openStoreOn);
      figures.calls = calls.length;
      for (const { index, kind } of calls) {
        if (!mayFail(kind, fault)) continue;
        await failAt(openStoreOn, index, { fault, span, figures });
      }
      show(`${fault} at each call, ${span}`, figures);
    }
  }
}

async function sweepRepair(): Promise<void> {
  const repairers = { openStoreOn, repairDirectoryOn };
  const runs = await losePowerWhileRepairing(repairers, (callIndex) => [
    "nothing is kept",
    "everything is kept",
    createRandom(callIndex),
  ]);
  print(`power lost before each of ${runs} calls of a repair: 0 violations`);
  for (const fault of FAULTS) {
    for (const span of ["once", "from there on"] as const) {
      const faults = await failWhileRepairing(repairers, fault, span);
      print(
        `${fault} at each call of a repair, ${span}: ${faults} faults, ` +
          "0 violations",
      );
    }
  }
}

async function damageEveryByte(): Promise<void> {
  const log = await flipEveryByteOfTheLog(openStoreOn);
  assert(log.harmless === 0);
  print(
    `bits flipped in the log: ${log.refused} refused at start, ` +
      `${log.noticed} noticed on reading, 0 served`,
  );
  const specimen = await createSpecimen(openStoreOn);
  const counts = { refused: 0, noticed: 0, harmless: 0 };
  for (const path of pathsOf(specimen.image, ".idx", "heads.snap")) {
    const { bytes } = specimen.image.get(path) ?? { bytes: [] };
    for (let offset = 0; offset < bytes.length; offset++) {
      const image = withFlippedBit(specimen.image, path, {
        offset,
        bit: offset % 8,
      });
      counts[await examine(specimen, image)]++;
    }
  }
  assert(counts.refused === 0);
  print(
    `bits flipped in index files and heads: ${counts.noticed} noticed on ` +
      `reading, ${counts.harmless} without effect, 0 served`,
  );
}

async function liveFor(minutes: number): Promise<void> {
  const figures = noFigures();
  const endAtMs = performance.now() + minutes * 60_000;
  let seed = newSeed();
  print(`random lives from seed ${seed} on`);
  for (; performance.now() < endAtMs; seed = (seed + 1) >>> 0) {
    await withSeed(
      (random) => liveRandomly(openStoreOn, random, figures),
      seed,
    );
  }
  show("random lives", figures);
}

const minutes = Number(Deno.args[0] ?? "10");
assert(minutes >= 0, "Wanted: a number of minutes");
await sweepPower();
await sweepFaults();
await sweepRepair();
await damageEveryByte();
await liveFor(minutes);
