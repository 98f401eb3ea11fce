/**
 * Power losses before every call of a repair, and every fault at every call of
 * it, on a store that is damaged in all ways at once. However it ends, the next
 * repair finishes the work: the store is the one that an undisturbed repair
 * leaves, all that was taken out is kept, and a note says what is gone. A store
 * that is opened in between shows nothing that is not so.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { MaintainedStore } from "../../lib/store/event_store.ts";
import type { repairDirectoryOn } from "../../storage/maintenance/repair/repair_directory.ts";
import { verifyDirectoryOn } from "../../storage/maintenance/verify/verify_directory.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { isDamageError, lineOf, linesOf, readLog } from "./contents.ts";
import type { Loss } from "./device.ts";
import { live, type OpenStoreOn, World } from "./life.ts";
import {
  type Call,
  type Fault,
  type Image,
  isChange,
  Machine,
} from "./machine.ts";
import { type FaultSpan, mayFail, planOf } from "./sweep.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, SECOND_LIFE } from "./workload.ts";

/** The store, and the repair of it: the real ones, or with a planted bug. */
export interface Repairers {
  readonly openStoreOn: OpenStoreOn;
  readonly repairDirectoryOn: typeof repairDirectoryOn;
}

/** A damaged store, and what a repair makes of it. */
interface Specimen extends Repairers {
  readonly world: World;
  readonly image: Image;
  /** Lines of the log before it was damaged. */
  readonly before: ReadonlySet<string>;
  /** What the repaired store says. */
  readonly lines: readonly string[];
  /** What the note of the repair says is lost. */
  readonly lostPositions: unknown;
  /** Bytes that no repair may throw away. */
  readonly kept: readonly Uint8Array[];
}

const CONTROL = { signal: new AbortController().signal, report() {} };
const LOG = "store/segments/";

async function createSpecimen(repairers: Repairers): Promise<Specimen> {
  const { openStoreOn } = repairers;
  const world = new World(openStoreOn);
  const machine = new Machine();
  const witness = new Witness();
  // A scavenged part, and one behind it that is not.
  const store = await world.open(machine) as MaintainedStore;
  await live(store, FIRST_LIFE, { machine, witness });
  await store.maintenance.scavenge({}, CONTROL);
  await live(store, [...SECOND_LIFE, ...SECOND_LIFE], { machine, witness });
  const before = new Set((await readLog(store)).map(lineOf));
  await store.close();
  const { image, damaged } = damage(machine.image());
  const repaired = Machine.of(image);
  const report = await repair(repairers, repaired);
  assertEquals([report.isDone, report.unrepaired], [true, []]);
  assert(report.lostPositions.length > 1);
  const kinds = new Set(report.actions.map(({ kind }) => kind));
  assert(kinds.has("isolate") && kinds.has("replace"), [...kinds].join());
  const again = await world.open(repaired);
  const lines = await linesOf(again);
  await again.close();
  return {
    ...repairers,
    world,
    image,
    before,
    lines,
    lostPositions: JSON.parse(JSON.stringify(report.lostPositions)),
    kept: damaged,
  };
}

/** Damages files in all ways, scavenged ones and others. */
function damage(
  image: Image,
): { image: Image; damaged: readonly Uint8Array[] } {
  const files = new Map(image);
  const damaged: Uint8Array[] = [];
  const flip = (path: string | undefined, offset: number): void => {
    const file = files.get(path ?? "");
    assert(path !== undefined && file !== undefined, "a file to damage");
    const bytes = file.bytes.slice();
    const at = offset < 0 ? bytes.length + offset : offset;
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    files.set(path, { ...file, bytes });
    // An index file says nothing that the log does not.
    if (path.endsWith(".seg")) damaged.push(bytes);
  };
  const segments = [...files.keys()].filter((path) =>
    path.startsWith(LOG) && path.endsWith(".seg")
  ).sort();
  const scavenged = segments.filter((path) => !path.includes(".g1."));
  const plain = segments.filter((path) => path.includes(".g1."));
  assert(scavenged.length > 1 && plain.length > 4, segments.join());
  flip(scavenged[0], -200);
  flip(scavenged[1], 40);
  flip(plain[0], 40);
  flip(plain[1], 100);
  files.delete(plain[2] ?? "");
  flip(plain[3]?.replace(/seg$/, "idx"), 90);
  flip(plain.at(-1), 90);
  return { image: files, damaged };
}

function repair(
  { repairDirectoryOn }: Repairers,
  machine: Machine,
): ReturnType<typeof repairDirectoryOn> {
  const clock = createTestClock();
  clock.advanceMs(1e6);
  return repairDirectoryOn(machine, {
    directory: "store",
    isConfirmed: true,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  }, CONTROL);
}

/** Repairs what is left, and holds it against an undisturbed repair. */
async function checkLeft(specimen: Specimen, machine: Machine): Promise<void> {
  const { world } = specimen;
  const report = await repair(specimen, machine);
  assertEquals(report.unrepaired, []);
  assert(report.isDone || !report.isNeeded);
  const verified = await verifyDirectoryOn(
    machine,
    { directory: "store", isDeep: true },
    CONTROL,
  );
  assert(verified.isClean, JSON.stringify(verified.findings));
  const store = await world.open(machine);
  const lines = await linesOf(store);
  await store.close();
  const at = specimen.lines.findIndex((line, index) => line !== lines[index]);
  assert(
    at < 0 && lines.length === specimen.lines.length,
    `As repaired undisturbed: ${specimen.lines[at]}, found ${lines[at]}`,
  );
  const files = machine.image();
  for (const bytes of specimen.kept) {
    const isKept = [...files.values()].some((file) =>
      Buffer.compare(file.bytes, bytes) === 0
    );
    assert(isKept, "What is taken out is kept");
  }
  const notes = [...files].filter(([path]) => path.includes("/lost/losses-"))
    .map(([, { bytes }]) => lostIn(bytes));
  assert(
    notes.includes(JSON.stringify(specimen.lostPositions)),
    "A note says what is gone",
  );
}

function lostIn(note: Uint8Array): string | undefined {
  try {
    const { lostPositions } = JSON.parse(new TextDecoder().decode(note));
    return JSON.stringify(lostPositions);
  } catch {
    // Torn by the loss of power: another one was written then.
    return undefined;
  }
}

/**
 * Somebody opens what an interrupted repair left: it is refused, or what is
 * shown is true. Afterwards it is repaired.
 */
async function openBetween(
  specimen: Specimen,
  machine: Machine,
): Promise<void> {
  const { world, before } = specimen;
  try {
    const store = await world.open(machine);
    try {
      for (const event of await readLog(store)) {
        assert(before.has(lineOf(event)), `Never written: ${lineOf(event)}`);
      }
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!isDamageError(error)) throw error;
  }
  await checkLeft(specimen, machine);
}

/** Power lost before every changing call of a repair. */
export async function losePowerWhileRepairing(
  repairers: Repairers,
  losses: (callIndex: number) => readonly Loss[],
): Promise<number> {
  const specimen = await createSpecimen(repairers);
  const calls = (await listCalls(specimen)).filter(isChange);
  for (const { index, kind, name } of calls) {
    await naming(`before call ${index}, ${kind} ${name}`, async () => {
      const machine = Machine.of(specimen.image);
      const left: Machine[] = [];
      machine.onCall = (call) => {
        if (call.index !== index) return;
        for (const loss of losses(index)) {
          left.push(machine.afterPowerLoss(loss));
        }
        left.push(machine.afterKill());
        machine.turnOff();
      };
      await repair(specimen, machine).catch((error: unknown) => {
        assert(machine.isOff, String(error));
      });
      for (const one of left) {
        const opened = one.afterKill();
        await checkLeft(specimen, one);
        await openBetween(specimen, opened);
      }
    });
  }
  return calls.length;
}

/** A fault at every call of a repair, or at one of so many. */
export async function failWhileRepairing(
  repairers: Repairers,
  fault: Fault,
  span: FaultSpan,
  every = 1,
): Promise<number> {
  const specimen = await createSpecimen(repairers);
  let faults = 0;
  for (const { index, kind, name } of await listCalls(specimen)) {
    if (!mayFail(kind, fault) || index % every !== 0) continue;
    await naming(`call ${index}, ${kind} ${name}`, async () => {
      const machine = Machine.of(specimen.image);
      machine.plan = planOf(fault, index, span);
      await repair(specimen, machine).catch((error: unknown) => {
        assert(machine.faultCount > 0, String(error));
      });
      faults += machine.faultCount;
      machine.heal();
      const left = [
        machine.afterPowerLoss("nothing is kept"),
        machine.afterPowerLoss("everything is kept"),
        machine.afterKill(),
      ];
      for (const one of left) await checkLeft(specimen, one);
    });
  }
  return faults;
}

/** The calls of an undisturbed repair. */
async function listCalls(specimen: Specimen): Promise<readonly Call[]> {
  const machine = Machine.of(specimen.image);
  await repair(specimen, machine);
  return [...machine.calls];
}

/** Says where something was found. */
async function naming(
  where: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) error.message = `${where}: ${error.message}`;
    throw error;
  }
}
