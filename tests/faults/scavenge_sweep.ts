/**
 * Power losses before every call of a scavenge, and every fault at every call
 * of it, while appends go on beside it. After each the store is opened again:
 * what was visible is where it was, what was answered is there, and another
 * scavenge finishes the work.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import type { MaintainedStore } from "../../lib/store/event_store.ts";
import { viewOf } from "../storage/scavenge_views.ts";
import { anEvent, createTestClock } from "../support/events.ts";
import type { Loss } from "./device.ts";
import { live, type OpenStoreOn, World } from "./life.ts";
import { type Fault, type Image, isChange, Machine } from "./machine.ts";
import { type FaultSpan, mayFail, planOf, untilWritable } from "./sweep.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, SECOND_LIFE } from "./workload.ts";

/** Opens a store that can be scavenged. */
export type OpenMaintained = (
  ...parameters: Parameters<OpenStoreOn>
) => Promise<MaintainedStore>;

/** A store with garbage in several segments, and what is visible of it. */
interface Specimen {
  readonly image: Image;
  readonly lines: readonly string[];
  readonly names: readonly string[];
  readonly world: World;
}

/** Ages do not hide anything here. */
const CLOCK = createTestClock();
/** Appended beside a scavenge. */
const BESIDE = 900;

async function createSpecimen(openStoreOn: OpenStoreOn): Promise<Specimen> {
  const world = new World(openStoreOn);
  const machine = new Machine();
  const witness = new Witness();
  const store = await world.open(machine);
  await live(store, [...FIRST_LIFE, ...SECOND_LIFE], { machine, witness });
  await live(store, [[{
    kind: "delete",
    request: { streamName: "cart-4", expectedVersion: "any", mode: "hard" },
  }]], { machine, witness });
  const { lines, names, hiddenCount } = await viewOf(store, CLOCK);
  assert(hiddenCount > 5, `${hiddenCount} events can be scavenged`);
  await store.close();
  return { image: machine.afterKill().image(), lines, names, world };
}

/** Opens the store, scavenges and appends; says what was answered. */
async function scavengeOnce(
  { world }: Specimen,
  machine: Machine,
): Promise<{ store: MaintainedStore | undefined; answered: number[] }> {
  const answered: number[] = [];
  const mayFail = () => machine.isOff || machine.faultCount > 0;
  const store = await world.open(machine).catch((error: unknown) => {
    assert(mayFail(), String(error));
  }) as MaintainedStore | undefined;
  if (store === undefined) return { store, answered };
  const append = async (number: number): Promise<void> => {
    try {
      await store.append({
        streamName: "beside",
        expectedVersion: "any",
        events: [anEvent(number)],
      });
      if (!machine.isOff) answered.push(number);
    } catch (error) {
      assert(mayFail(), String(error));
    }
  };
  const scavenging = store.maintenance.scavenge({}, {
    signal: new AbortController().signal,
    report() {},
  }).catch((error: unknown) => {
    assert(mayFail(), String(error));
  });
  for (let number = BESIDE; number < BESIDE + 4; number++) await append(number);
  await scavenging;
  await append(BESIDE + 4);
  return { store, answered };
}

/** Checks what is left of a store, finishes scavenging, and checks again. */
async function checkLeft(
  specimen: Specimen,
  machine: Machine,
  answered: readonly number[],
): Promise<void> {
  const { world } = specimen;
  let store = await world.open(machine) as MaintainedStore;
  await checkSeen(specimen, store, answered);
  const report = await store.maintenance.scavenge({}, {
    signal: new AbortController().signal,
    report() {},
  });
  assertEquals(report.skipped, []);
  const { hiddenCount } = await checkSeen(specimen, store, answered);
  assertEquals(hiddenCount, 0, "all that is hidden is gone");
  const { head } = await store.readState("cart-2");
  const next = await store.append({
    streamName: "cart-2",
    expectedVersion: "any",
    events: [anEvent(BESIDE + 9)],
  });
  assertEquals(next, { kind: "appended", firstEventNumber: head + 1 });
  const last = await viewOf(store, CLOCK, specimen.names);
  await store.close();
  const segments = machine.paths().filter((path) => path.endsWith(".seg"))
    .map((path) => path.replace(/\.g\d+\.seg$/, ""));
  assertEquals(segments, [...new Set(segments)], "old files are gone");
  machine.removeFiles((path) => /\.idx$|heads\.snap$|catalog\.kv$/.test(path));
  store = await world.open(machine) as MaintainedStore;
  const rebuilt = await viewOf(store, CLOCK, specimen.names);
  assertEquals(rebuilt.lines, last.lines, "as it was, from the log alone");
  await store.close();
}

async function checkSeen(
  { lines, names }: Specimen,
  store: MaintainedStore,
  answered: readonly number[],
): Promise<{ hiddenCount: number }> {
  const view = await viewOf(store, CLOCK, names);
  const found = new Set(view.lines);
  for (const line of lines) {
    // These lists go on with what was appended beside it.
    if (/^list \$(et-tested|streams) /.test(line)) continue;
    assert(found.has(line), `visible: ${line}`);
  }
  const { entries } = await store.readStream({
    streamName: "beside",
    from: 0,
    count: 100,
    direction: "forward",
    withBodies: false,
  });
  const ids = new Set(entries.map(({ event }) => event.eventId));
  for (const number of answered) {
    assert(ids.has(anEvent(number).eventId), `answered: ${number}`);
  }
  return view;
}

/** Power lost before every changing call of a scavenge. */
export async function losePowerWhileScavenging(
  openStoreOn: OpenStoreOn,
  losses: (callIndex: number) => readonly Loss[],
): Promise<number> {
  const specimen = await createSpecimen(openStoreOn);
  const calls = await listCalls(specimen);
  let runs = 0;
  for (const { index } of calls.filter(isChange)) {
    const machine = Machine.of(specimen.image);
    const left: Machine[] = [];
    machine.onCall = (call) => {
      if (call.index !== index) return;
      for (const loss of losses(index)) left.push(machine.afterPowerLoss(loss));
      left.push(machine.afterKill());
      machine.turnOff();
    };
    const { store, answered } = await scavengeOnce(specimen, machine);
    await store?.close().catch(() => {});
    for (const one of left) await checkLeft(specimen, one, answered);
    runs++;
  }
  return runs;
}

/** A fault at every call of a scavenge, or at one of so many. */
export async function failWhileScavenging(
  openStoreOn: OpenStoreOn,
  fault: Fault,
  span: FaultSpan,
  every = 1,
): Promise<number> {
  const specimen = await createSpecimen(openStoreOn);
  let faults = 0;
  for (const { index, kind, name } of await listCalls(specimen)) {
    if (!mayFail(kind, fault) || index % every !== 0) continue;
    const machine = Machine.of(specimen.image);
    machine.plan = planOf(fault, index, span);
    try {
      const { store, answered } = await scavengeOnce(specimen, machine);
      faults += machine.faultCount;
      machine.heal();
      if (store !== undefined) {
        await untilWritable(store);
        await checkSeen(specimen, store, answered);
      }
      const left = [
        machine.afterPowerLoss("nothing is kept"),
        machine.afterPowerLoss("everything is kept"),
      ];
      await store?.close();
      for (const one of [...left, machine.afterKill()]) {
        await checkLeft(specimen, one, answered);
      }
    } catch (error) {
      if (error instanceof QuipuError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const said = new Error(`Call ${index}, ${kind} ${name}: ${reason}`, {
        cause: error,
      });
      if (error instanceof Error) said.name = error.name;
      throw said;
    }
  }
  return faults;
}

async function listCalls(
  specimen: Specimen,
): Promise<readonly Machine["calls"][number][]> {
  const machine = Machine.of(specimen.image);
  const { store } = await scavengeOnce(specimen, machine);
  await store?.close();
  return [...machine.calls];
}
