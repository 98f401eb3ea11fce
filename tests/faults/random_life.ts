/**
 * Long random lives of a store: random steps side by side, random faults, and
 * in the end of each life a close, a kill, or a loss of power in the middle of
 * things. Everything follows from a seed.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { metastreamOf } from "../../lib/model/stream_names.ts";
import { aMetadataEvent, anEvent } from "../support/events.ts";
import type { Random } from "../support/random.ts";
import type { WriteStep } from "../support/store_twins.ts";
import { type OpenStoreOn, World } from "./life.ts";
import { type Fault, Machine, type Plan } from "./machine.ts";
import { mayFail, type SweepFigures, untilWritable } from "./sweep.ts";
import { Witness } from "./witness.ts";

const FAULTS: readonly Fault[] = ["EIO", "EIO, but done", "ENOSPC", "EMFILE"];
const STREAMS = ["cart-1", "cart-2", "order-1", "plain", "gone-1", "gone-2"];
/** Never deleted, so that a repeated request is found to be one. */
const KEPT_STREAMS = ["kept-1", "kept-2"];

/** Makes random steps with events of ever new ids. */
function createSteps(random: Random): () => WriteStep {
  let last = 0;
  let repeatable: WriteStep | undefined;
  return () => {
    const kind = random.integer(0, 19);
    if (kind === 0) {
      const streamName = random.pick(STREAMS);
      const mode = streamName.startsWith("gone") ? "hard" : "soft";
      const request = { streamName, expectedVersion: "any", mode } as const;
      return { kind: "delete", request };
    }
    if (kind === 1) {
      const number = ++last;
      return {
        kind: "append",
        request: {
          streamName: metastreamOf(random.pick(STREAMS)),
          expectedVersion: "any",
          events: [aMetadataEvent(number, { $maxCount: number })],
        },
      };
    }
    if (kind === 2 && repeatable !== undefined) return repeatable;
    const events = Array.from(
      { length: random.chance(0.6) ? 1 : random.integer(2, 6) },
      () =>
        anEvent(++last, {
          eventType: random.pick(["tested", "added", "räksmörgås"]),
          data: JSON.stringify("x".repeat(random.integer(0, 300))),
        }),
    );
    const isKept = random.chance(0.4);
    const streamName = random.pick(isKept ? KEPT_STREAMS : STREAMS);
    const request = { streamName, expectedVersion: "any", events } as const;
    const step: WriteStep = { kind: "append", request };
    if (isKept) repeatable = step;
    return step;
  };
}

/** Faults at random calls of a random span. */
function createPlan(random: Random, machine: Machine): Plan {
  const from = machine.calls.length + random.integer(0, 60);
  const to = from + random.pick([0, 0, 5, 40, Infinity]);
  const fault = random.pick(FAULTS);
  const chance = random.pick([1, 0.3]);
  return ({ index, kind }) =>
    index >= from && index <= to && mayFail(kind, fault) &&
      random.chance(chance)
      ? fault
      : undefined;
}

/** Lives several lives; throws when an invariant is broken. */
export async function liveRandomly(
  openStoreOn: OpenStoreOn,
  random: Random,
  figures: SweepFigures,
): Promise<void> {
  const world = new World(openStoreOn);
  const witness = new Witness();
  const nextStep = createSteps(random);
  const segmentBytes = random.pick([900, 2_000, 8_000]);
  let machine = new Machine();
  for (let life = 0; life < 6; life++) {
    let after: Machine | undefined;
    const crashAt = random.chance(0.6) ? random.integer(20, 400) : Infinity;
    machine.onCall = ({ index }) => {
      if (index !== crashAt) return;
      after = end(machine);
      machine.turnOff();
    };
    if (random.chance(0.5)) machine.plan = createPlan(random, machine);
    const store = await open(machine);
    if (store !== undefined) {
      witness.watch(store, () => !machine.isOff);
      await work(store, machine);
      if (!machine.isOff) {
        machine.heal();
        await untilWritable(store).catch((error) => {
          if (!machine.isOff) throw error;
        });
      }
      machine.onCall = () => {};
      if (!machine.isOff && random.chance(0.5)) await witness.check(store);
      if (!machine.isOff && random.chance(0.5)) after = end(machine);
      if (after !== undefined) machine.turnOff();
      await store.close().catch((error) => {
        assert(machine.isOff || machine.faultCount > 0, String(error));
      });
    }
    figures.runs++;
    figures.calls += machine.calls.length;
    figures.faults += machine.faultCount;
    machine = after ?? machine.afterKill();
    const opened = await world.open(machine, segmentBytes);
    figures.reopenings++;
    await witness.check(opened);
    await opened.close();
    machine = machine.afterKill();
  }
  figures.answered += witness.answeredCount;

  /** What the next life finds. */
  function end(old: Machine): Machine {
    if (random.chance(0.3)) return old.afterKill();
    const next = old.afterPowerLoss(
      random.chance(0.3) ? "nothing is kept" : random,
    );
    if (random.chance(0.3)) next.rollBackCommits(random.integer(1, 8));
    return next;
  }

  async function open(on: Machine): Promise<EventStore | undefined> {
    try {
      return await world.open(on, segmentBytes);
    } catch (error) {
      assert(on.isOff || on.faultCount > 0, String(error));
      return undefined;
    }
  }

  async function work(store: EventStore, on: Machine): Promise<void> {
    const bursts = random.integer(1, 12);
    for (let burst = 0; burst < bursts && !on.isOff; burst++) {
      const count = random.integer(1, 12);
      await Promise.all(Array.from({ length: count }, async () => {
        for (let turn = random.integer(0, 40); turn > 0; turn--) {
          await undefined;
        }
        await witness.ask(store, nextStep(), () => !on.isOff);
      }));
      if (random.chance(0.3)) await new Promise((go) => setTimeout(go, 0));
    }
  }
}
