/**
 * Power losses and faults at every call of a backup and of a restore. However
 * a backup ends, what its manifest says is true, and the next one goes on; a
 * restore leaves nothing, or what nobody opens by mistake, or all of the store.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import {
  openBackup,
  verifyBackup,
} from "../../storage/maintenance/backup/backup_source.ts";
import { readManifest } from "../../storage/maintenance/backup/backup_target.ts";
import { snapshotClosedStore } from "../../storage/maintenance/backup/directories.ts";
import { restoreBackup } from "../../storage/maintenance/backup/restore.ts";
import { restoreStream } from "../../storage/maintenance/backup/directories.ts";
import { takeBackup } from "../../storage/maintenance/backup/take_backup.ts";
import { tarStream } from "../../storage/maintenance/backup/open_backup.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { createRandom } from "../support/random.ts";
import { linesOf } from "./contents.ts";
import type { Loss } from "./device.ts";
import { live, World } from "./life.ts";
import {
  type Call,
  type Fault,
  type Image,
  isChange,
  Machine,
} from "./machine.ts";
import { mayFail, planOf } from "./sweep.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, SECOND_LIFE, SEGMENT_BYTES } from "./workload.ts";

const CONTROL = { signal: new AbortController().signal, report: () => {} };
const FAULTS: readonly Fault[] = ["EIO", "EIO, but done", "ENOSPC", "EMFILE"];
const clock = createTestClock();
clock.advanceMs(1e6);
const newEventId = createTestIds();

/** What stands on the device, and what stores of it say. */
interface Scene {
  /** A store, and a backup of what it was before. */
  readonly image: Image;
  /** A store, and a backup of it. */
  readonly imageWithBackup: Image;
  /** The same backup as one archive. */
  readonly archive: Uint8Array;
  /** What a store says that ends at a position. */
  readonly linesAt: ReadonlyMap<number, readonly string[]>;
  readonly newEnd: number;
}

let scene: Promise<Scene> | undefined;

function theScene(): Promise<Scene> {
  return scene ??= makeScene();
}

async function makeScene(): Promise<Scene> {
  const world = new World(openStoreOn);
  const machine = new Machine();
  const witness = new Witness();
  const linesAt = new Map<number, readonly string[]>();
  let newEnd = 0;
  let image = machine.image();
  for (const groups of [FIRST_LIFE, SECOND_LIFE]) {
    // The second backup finds a segment that has grown.
    const store = await world.open(machine, 1500);
    await live(store, groups, { machine, witness });
    newEnd = (await store.readEnd()).end;
    linesAt.set(newEnd, await linesOf(store));
    await store.close();
    image = machine.image();
    await backUp(machine);
  }
  return {
    image,
    imageWithBackup: machine.image(),
    archive: await archiveOf(machine),
    linesAt,
    newEnd,
  };
}

async function backUp(machine: Machine): Promise<void> {
  const { snapshot, release } = await snapshotClosedStore(machine, {
    directory: "store",
    clock,
  });
  try {
    const { disk } = machine;
    const directory = "target";
    const version = "0.0.0";
    await takeBackup({ disk, directory, snapshot, version, control: CONTROL });
  } finally {
    release();
  }
}

function open(machine: Machine, isRestoring = false) {
  return openStoreOn(machine, {
    directory: "restored",
    segmentSizeBytes: SEGMENT_BYTES,
    clock,
    newEventId,
    logger: SILENT_LOGGER,
    isRestoring,
  });
}

async function restore(machine: Machine): Promise<void> {
  await restoreBackup({
    platform: machine,
    backup: "target",
    directory: "restored",
    point: undefined,
    clock,
    openStore: () => open(machine, true),
    control: CONTROL,
  });
}

/** The same of an archive that comes as a stream. */
async function restoreStreamed(machine: Machine): Promise<void> {
  const { archive } = await theScene();
  await restoreStream({
    platform: machine,
    input: { bytes: piecesOf(archive), length: archive.length },
    directory: "restored",
    point: undefined,
    clock,
    openStore: () => open(machine, true),
    control: CONTROL,
  });
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1777) {
    // Whoever takes it comes first.
    await Promise.resolve();
    yield bytes.subarray(at, at + 1777);
  }
}

/** A backup as one archive. */
async function archiveOf(machine: Machine): Promise<Uint8Array> {
  const { snapshot, release } = await snapshotClosedStore(machine, {
    directory: "store",
    clock,
  });
  try {
    const pieces = tarStream({
      disk: machine.disk,
      snapshot,
      version: "0.0.0",
      have: new Map(),
      isChecked: true,
      onSent: () => {},
    });
    return await new Response(ReadableStream.from(pieces)).bytes();
  } finally {
    release();
  }
}

async function linesOfRestored(machine: Machine): Promise<readonly string[]> {
  const store = await open(machine);
  const lines = await linesOf(store);
  await store.close();
  return lines;
}

/** The calls of a piece of work when nothing fails. */
async function callsOf(
  image: Image,
  work: (machine: Machine) => Promise<void>,
): Promise<readonly Call[]> {
  const machine = Machine.of(image);
  await work(machine);
  return [...machine.calls];
}

/** The machines that are left when power is lost before a call. */
async function leftAt(
  image: Image,
  callIndex: number,
  work: (machine: Machine) => Promise<void>,
): Promise<Machine[]> {
  const machine = Machine.of(image);
  const left: Machine[] = [];
  machine.onCall = ({ index }) => {
    if (index !== callIndex) return;
    left.push(...lossesOf(machine, callIndex));
    machine.turnOff();
  };
  await work(machine).catch(() => {});
  return left;
}

/** The machines that are left when power is lost right after all was done. */
async function leftBehind(
  image: Image,
  work: (machine: Machine) => Promise<void>,
): Promise<Machine[]> {
  const machine = Machine.of(image);
  await work(machine);
  return lossesOf(machine, machine.calls.length);
}

function lossesOf(machine: Machine, seed: number): Machine[] {
  const losses: Loss[] = [
    "nothing is kept",
    "everything is kept",
    createRandom(seed * 2),
    createRandom(seed * 2 + 1),
  ];
  return [
    ...losses.map((loss) => machine.afterPowerLoss(loss)),
    machine.afterKill(),
  ];
}

/** The machine that is left when a call fails, or all from it on. */
async function leftByFault(
  image: Image,
  { callIndex, fault, isLasting }: {
    callIndex: number;
    fault: Fault;
    isLasting: boolean;
  },
  work: (machine: Machine) => Promise<void>,
): Promise<Machine> {
  const machine = Machine.of(image);
  machine.plan = planOf(fault, callIndex, isLasting ? "from there on" : "once");
  await work(machine).catch((error) => {
    assertGreater(machine.faultCount, 0, String(error));
  });
  machine.heal();
  return machine.afterKill();
}

/** The manifest tells the truth, and the next backup is whole. */
async function checkBackup(machine: Machine, scene: Scene): Promise<void> {
  const manifest = readManifest(machine.disk, "target");
  assert(manifest !== undefined && typeof manifest === "object");
  const source = openBackup(machine.disk, "target");
  await verifyBackup(source, CONTROL);
  source.close();
  const expected = scene.linesAt.get(manifest.end);
  assert(expected !== undefined, `a backup up to ${manifest.end}`);
  const other = Machine.of(machine.image());
  await restore(other);
  assertEquals(await linesOfRestored(other), expected);
  await backUp(machine);
  assertEquals(
    machine.paths().filter((path) => path.endsWith(".part")),
    [],
  );
  await restore(machine);
  assertEquals(
    await linesOfRestored(machine),
    scene.linesAt.get(scene.newEnd),
  );
}

/** Nothing is there, or it is refused, or all is there. */
async function checkRestore(
  machine: Machine,
  scene: Scene,
  work: (machine: Machine) => Promise<void>,
): Promise<void> {
  const expected = scene.linesAt.get(scene.newEnd);
  const names = await machine.disk.list("restored");
  // Directories without a file in them are nothing.
  const isDone = !names.includes("restoring") &&
    machine.paths().some((path) => path.startsWith("restored/"));
  if (isDone) {
    assertEquals(await linesOfRestored(machine), expected);
    return;
  }
  if (names.includes("restoring")) {
    const error = await open(machine).then(() => undefined, (error) => error);
    assert(error instanceof QuipuError && error.code === "damaged");
  }
  await work(machine);
  assertEquals(await linesOfRestored(machine), expected);
}

Deno.test("power lost before any call of a backup leaves a manifest that tells the truth", async () => {
  const scene = await theScene();
  const calls = (await callsOf(scene.image, backUp)).filter(isChange);
  assertGreater(calls.length, 12);
  for (const { index, kind, name } of calls) {
    for (const machine of await leftAt(scene.image, index, backUp)) {
      await at(`${index}, ${kind} ${name}`, () => checkBackup(machine, scene));
    }
  }
  for (const machine of await leftBehind(scene.image, backUp)) {
    // What was said to be done stays done.
    const manifest = readManifest(machine.disk, "target");
    assert(typeof manifest === "object" && manifest.end === scene.newEnd);
    await at("after the last", () => checkBackup(machine, scene));
  }
});

Deno.test("a fault at any call of a backup leaves a manifest that tells the truth", async () => {
  const scene = await theScene();
  for (const { index, kind, name } of await callsOf(scene.image, backUp)) {
    for (const fault of FAULTS) {
      if (!mayFail(kind, fault)) continue;
      for (const isLasting of [false, true]) {
        const what = { callIndex: index, fault, isLasting };
        const machine = await leftByFault(scene.image, what, backUp);
        await at(
          `${index}, ${kind} ${name}, ${fault}`,
          () => checkBackup(machine, scene),
        );
      }
    }
  }
});

for (
  const [what, work] of [["", restore], [
    " by stream",
    restoreStreamed,
  ]] as const
) {
  Deno.test(`power lost before any call of a restore${what} leaves nothing that is opened by mistake`, async () => {
    const scene = await theScene();
    const image = scene.imageWithBackup;
    const calls = (await callsOf(image, work)).filter(isChange);
    assertGreater(calls.length, 12);
    for (const { index, kind, name } of calls) {
      for (const machine of await leftAt(image, index, work)) {
        await at(
          `${index}, ${kind} ${name}`,
          () => checkRestore(machine, scene, work),
        );
      }
    }
    for (const machine of await leftBehind(image, work)) {
      const expected = scene.linesAt.get(scene.newEnd);
      await at("after the last", async () => {
        assertEquals(await linesOfRestored(machine), expected);
      });
    }
  });

  Deno.test(`a fault at any call of a restore${what} leaves nothing that is opened by mistake`, async () => {
    const scene = await theScene();
    const image = scene.imageWithBackup;
    for (const { index, kind, name } of await callsOf(image, work)) {
      for (const fault of FAULTS) {
        if (!mayFail(kind, fault)) continue;
        const left = { callIndex: index, fault, isLasting: index % 2 === 0 };
        const machine = await leftByFault(image, left, work);
        await at(
          `${index}, ${kind} ${name}, ${fault}`,
          () => checkRestore(machine, scene, work),
        );
      }
    }
  });
}

async function at(what: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    throw new Error(`At call ${what}: ${error}`, { cause: error });
  }
}
