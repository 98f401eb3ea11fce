/**
 * Power losses and faults at every call of an import: whatever is left holds
 * whole runs in their order, and running the import again makes it whole.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { exportEvents } from "../../lib/store/export_events.ts";
import { importEvents } from "../../lib/store/import_events.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { createRandom } from "../support/random.ts";
import { checkLists, lineOf, readLog } from "./contents.ts";
import { live, World } from "./life.ts";
import { type Call, type Fault, isChange, Machine } from "./machine.ts";
import { mayFail, planOf } from "./sweep.ts";
import { Witness } from "./witness.ts";
import { FIRST_LIFE, SECOND_LIFE, SEGMENT_BYTES } from "./workload.ts";

const CONTROL = { signal: new AbortController().signal, report: () => {} };
const FAULTS: readonly Fault[] = ["EIO", "EIO, but done", "ENOSPC"];
const clock = createTestClock();
clock.advanceMs(1e6);

function open(machine: Machine) {
  return openStoreOn(machine, {
    directory: "store",
    segmentSizeBytes: SEGMENT_BYTES,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
}

interface Scene {
  readonly text: string;
  /** Events of the store that was exported, in order. */
  readonly lines: readonly string[];
}

let scene: Promise<Scene> | undefined;

async function makeScene(): Promise<Scene> {
  const machine = new Machine();
  const world = new World(openStoreOn);
  for (const groups of [FIRST_LIFE, SECOND_LIFE]) {
    const store = await world.open(machine);
    await live(store, groups, { machine, witness: new Witness() });
    await store.close();
  }
  const store = await open(machine);
  let text = "";
  await exportEvents(store, {
    selection: { withSystem: true },
    sink: (more) => {
      text += more;
      return Promise.resolve();
    },
    control: CONTROL,
  });
  const lines = (await readLog(store)).map(lineOf);
  await store.close();
  return { text, lines };
}

async function importTo(machine: Machine, text: string): Promise<void> {
  const store = await open(machine);
  try {
    await importEvents({ store }, {
      withSystem: true,
      bytes: ReadableStream.from([new TextEncoder().encode(text)]),
      length: 0,
      clock,
      control: CONTROL,
    });
  } finally {
    await store.close();
  }
}

async function check(machine: Machine, { text, lines }: Scene): Promise<void> {
  const store = await open(machine);
  const log = await readLog(store);
  assertEquals(log.map(lineOf), lines.slice(0, log.length));
  await checkLists(store, log);
  await store.close();
  await importTo(machine, text);
  const whole = await open(machine);
  const wholeLog = await readLog(whole);
  assertEquals(wholeLog.map(lineOf), lines);
  await checkLists(whole, wholeLog);
  await whole.close();
}

async function callsOf(text: string): Promise<readonly Call[]> {
  const machine = new Machine();
  await importTo(machine, text);
  return [...machine.calls];
}

Deno.test("power lost before any call of an import leaves whole runs, and it is run again", async () => {
  const found = await (scene ??= makeScene());
  const calls = (await callsOf(found.text)).filter(isChange);
  assertGreater(calls.length, 50);
  for (const { index, kind, name } of calls) {
    const machine = new Machine();
    const left: Machine[] = [];
    machine.onCall = (call) => {
      if (call.index !== index) return;
      left.push(machine.afterPowerLoss("nothing is kept"));
      left.push(machine.afterPowerLoss(createRandom(index)));
      machine.turnOff();
    };
    await importTo(machine, found.text).catch(() => {});
    assert(left.length > 0, `${kind} ${name} comes again`);
    for (const one of left) await check(one, found);
  }
});

Deno.test("a fault at any call of an import leaves whole runs, and it is run again", async () => {
  const found = await (scene ??= makeScene());
  for (const { index, kind } of await callsOf(found.text)) {
    const fault = FAULTS[index % FAULTS.length] ?? "EIO";
    if (!mayFail(kind, fault)) continue;
    const machine = new Machine();
    machine.plan = planOf(fault, index, "once");
    await importTo(machine, found.text).catch(() => {});
    machine.heal();
    await check(machine.afterKill(), found);
  }
});
