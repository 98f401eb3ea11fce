/**
 * Power losses before every call, and every fault at every call, of the small
 * workload. After each the store is opened again and everything is checked.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { assert } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { createRandom } from "../support/random.ts";
import { linesOf } from "./contents.ts";
import type { Loss } from "./device.ts";
import { live, type OpenStoreOn, World } from "./life.ts";
import { type Call, type Fault, isChange, Machine } from "./machine.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, LAST_LIFE, SECOND_LIFE } from "./workload.ts";

/** What a sweep did. */
export interface SweepFigures {
  calls: number;
  runs: number;
  faults: number;
  reopenings: number;
  answered: number;
}

export function noFigures(): SweepFigures {
  return { calls: 0, runs: 0, faults: 0, reopenings: 0, answered: 0 };
}

/** A run of the workload up to where it ends or the power goes. */
interface Run {
  readonly machine: Machine;
  readonly witness: Witness;
  readonly world: World;
}

/** Opens, works, closes, opens, works; the store of the second life stays open. */
async function runWorkload(
  run: Run,
): Promise<EventStore | undefined> {
  const { machine, witness, world } = run;
  const mayCount = () => !machine.isOff;
  let store = await openIfPossible(run);
  if (store !== undefined) {
    witness.watch(store, mayCount);
    await live(store, FIRST_LIFE, run);
    await closeIfPossible(store);
  }
  if (machine.isOff) return undefined;
  store = await openIfPossible(run);
  if (store === undefined) return undefined;
  witness.watch(store, mayCount);
  await live(store, SECOND_LIFE, run);
  if (machine.isOff) {
    await closeIfPossible(store);
    return undefined;
  }
  return store;

  function openIfPossible(_: Run): Promise<EventStore | undefined> {
    return world.open(machine).catch((error: unknown) => {
      // Refused with a reason, because something fails; never otherwise.
      assert(machine.isOff || machine.faultCount > 0, String(error));
      return undefined;
    });
  }

  async function closeIfPossible(open: EventStore): Promise<void> {
    await open.close().catch((error: unknown) => {
      assert(machine.isOff || machine.faultCount > 0, String(error));
    });
  }
}

function newRun(openStoreOn: OpenStoreOn): Run {
  return {
    machine: new Machine(),
    witness: new Witness(),
    world: new World(openStoreOn),
  };
}

/** Numbers and kinds of the workload's calls when nothing fails. */
export async function listCalls(
  openStoreOn: OpenStoreOn,
): Promise<readonly Call[]> {
  const run = newRun(openStoreOn);
  const store = await runWorkload(run);
  assert(store !== undefined);
  await run.witness.check(store);
  await store.close();
  return [...run.machine.calls];
}

/** Checks what is left, goes on, and checks again. */
async function checkMachine(
  machine: Machine,
  run: Omit<Run, "machine">,
  figures: SweepFigures,
): Promise<void> {
  const { world, witness } = run;
  const store = await world.open(machine);
  figures.reopenings++;
  await witness.check(store);
  await live(store, LAST_LIFE, { machine, witness });
  assert(store.status().readOnlyReason === undefined);
  await witness.check(store);
  await store.close();
}

/** The index is as one made from the log alone: every answer is the same. */
async function checkRebuild(
  machine: Machine,
  { world }: Omit<Run, "machine">,
  figures: SweepFigures,
): Promise<void> {
  const store = await world.open(machine);
  const lines = await linesOf(store);
  await store.close();
  const indexOf = (path: string) => machine.contentOf(path)?.seen.content();
  const indexPaths = machine.paths().filter((path) => path.endsWith(".idx"));
  const indexes = indexPaths.map(indexOf);
  machine.removeFiles((path) =>
    path.endsWith(".idx") || path.endsWith("heads.snap") ||
    path.endsWith("catalog.kv")
  );
  const rebuilt = await world.open(machine);
  figures.reopenings += 2;
  const rebuiltLines = await linesOf(rebuilt);
  await rebuilt.close();
  assertSame(rebuiltLines, lines, "8: answers after a rebuild");
  for (const [index, path] of indexPaths.entries()) {
    const [one, other] = [indexes[index], indexOf(path)];
    const isSame = one !== undefined && other !== undefined &&
      Buffer.compare(one, other) === 0;
    assert(isSame, `8: ${path} made again`);
  }
}

/** As `assertEquals`, which takes long for long arrays. */
function assertSame(
  actual: readonly unknown[],
  expected: readonly unknown[],
  what: string,
): void {
  const at = expected.findIndex((one, index) => one !== actual[index]);
  const isSame = at < 0 && actual.length === expected.length;
  assert(isSame, `${what}: ${expected[at]}, found ${actual[at]}`);
}

/** Power is lost before the call of that number; what is left is checked. */
export async function losePowerAt(
  openStoreOn: OpenStoreOn,
  callIndex: number,
  { losses, figures }: { losses: readonly Loss[]; figures: SweepFigures },
): Promise<void> {
  const run = newRun(openStoreOn);
  const { machine, witness } = run;
  const left: Machine[] = [];
  machine.onCall = (call) => {
    if (call.index !== callIndex) return;
    for (const loss of losses) left.push(machine.afterPowerLoss(loss));
    // The catalog may lose its newest commits, too.
    const behind = machine.afterPowerLoss("nothing is kept");
    behind.rollBackCommits(1 + callIndex % 4);
    left.push(behind);
    // A process that is killed leaves all that it wrote, and power may go
    // after the next one has begun.
    left.push(machine.afterKill());
    machine.turnOff();
  };
  const store = await runWorkload(run);
  await store?.close();
  figures.runs++;
  figures.answered += witness.answeredCount;
  const killed = left.pop();
  for (const [index, machine] of left.entries()) {
    await checkMachine(
      machine,
      { ...run, witness: witness.copy() },
      figures,
    );
    if (index === 0) await checkRebuild(machine, run, figures);
  }
  if (killed !== undefined) await checkKill(killed, run, figures);
}

/** A killed process, the next one beginning, and then the power goes. */
async function checkKill(
  machine: Machine,
  run: Run,
  figures: SweepFigures,
): Promise<void> {
  const { world } = run;
  const witness = run.witness.copy();
  const store = await world.open(machine);
  figures.reopenings++;
  await witness.check(store);
  await live(store, LAST_LIFE.slice(0, 1), { machine, witness });
  const after = machine.afterPowerLoss("nothing is kept");
  machine.turnOff();
  await store.close().catch(() => {});
  await checkMachine(after, { world, witness }, figures);
}

/** Faults at a call: at this one alone, or from it on. */
export type FaultSpan = "once" | "from there on";

/** A fault at the call of that number, or from there on where it may happen. */
export function planOf(
  fault: Fault,
  callIndex: number,
  span: FaultSpan,
): (call: Call) => Fault | undefined {
  return ({ index, kind }) =>
    (span === "once" ? index === callIndex : index >= callIndex) &&
      mayFail(kind, fault)
      ? fault
      : undefined;
}

/** A fault at the call of that number; then all is well again, and checked. */
export async function failAt(
  openStoreOn: OpenStoreOn,
  callIndex: number,
  options: {
    readonly fault: Fault;
    readonly span: FaultSpan;
    readonly figures: SweepFigures;
  },
): Promise<void> {
  const { fault, span, figures } = options;
  const run = newRun(openStoreOn);
  const { machine, witness, world } = run;
  machine.plan = planOf(fault, callIndex, span);
  const store = await runWorkload(run);
  figures.runs++;
  figures.faults += machine.faultCount;
  machine.heal();
  if (store !== undefined) {
    await untilWritable(store);
    await live(store, LAST_LIFE, run);
    assert(store.status().readOnlyReason === undefined);
    await witness.check(store);
  }
  figures.answered += witness.answeredCount;
  // Sometimes it is killed right after, sometimes power is lost.
  const seed = callIndex * 4 + (span === "once" ? 0 : 1);
  const after = machine.afterPowerLoss(
    callIndex % 2 === 0 ? "nothing is kept" : createRandom(seed),
  );
  const killed = machine.afterKill();
  machine.turnOff();
  await store?.close().catch(() => {});
  await checkMachine(after, { world, witness: witness.copy() }, figures);
  await checkRebuild(after, run, figures);
  await checkMachine(killed, { world, witness: witness.copy() }, figures);
}

/** Which calls a fault can happen to. */
export function mayFail(kind: Call["kind"], fault: Fault): boolean {
  switch (fault) {
    case "EIO":
      return true;
    case "EIO, but done":
      return kind === "write" || kind === "rename" || kind === "remove" ||
        kind === "create" || kind === "commit" || kind === "truncate" ||
        kind === "makeDirectory";
    case "ENOSPC":
      return kind === "write" || kind === "create" || kind === "commit" ||
        kind === "makeDirectory" || kind === "sync" || kind === "openCatalog";
    case "EMFILE":
      return kind === "open" || kind === "create" || kind === "list" ||
        kind === "syncDirectory" || kind === "openCatalog";
  }
}

/** Waits until the store writes again by itself. */
export async function untilWritable(store: EventStore): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (store.status().readOnlyReason === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(
    `The store does not write again: ${store.status().readOnlyReason}`,
  );
}

/** All calls before which power can be lost, and one after the last. */
export function changesIn(calls: readonly Call[]): number[] {
  return calls.filter(isChange).map(({ index }) => index);
}
