/**
 * A store and the model of it, given the same steps in the same order: every
 * answer is compared, and on demand everything that can be read.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type {
  AppendRequest,
  DeleteRequest,
  EventStore,
  ListEntry,
  ReadAllRequest,
  ReadRequest,
} from "../../lib/store/event_store.ts";
import {
  categoryOf,
  isMetastream,
  metastreamOf,
} from "../../lib/model/stream_names.ts";
import { createTestClock, createTestIds, type TestClock } from "./events.ts";
import { createModelStore } from "./model_store.ts";
import type { Random } from "./random.ts";

/** Something that may write. */
export type WriteStep =
  | { readonly kind: "append"; readonly request: AppendRequest }
  | { readonly kind: "delete"; readonly request: DeleteRequest };

/** What came of a step: the result, or the code of the refusal. */
export type StepOutcome = unknown;

/** Whether a step was refused rather than decided. */
export function isRefusal(outcome: StepOutcome): boolean {
  return typeof outcome === "object" && outcome !== null &&
    "refused" in outcome;
}

/** Carries a step out. */
export async function carryOut(
  store: EventStore,
  step: WriteStep,
): Promise<StepOutcome> {
  try {
    return step.kind === "append"
      ? await store.append(step.request)
      : await store.deleteStream(step.request);
  } catch (error) {
    if (error instanceof QuipuError) return { refused: error.code };
    throw error;
  }
}

/** A step with the time at which it was asked for. */
export interface TimedStep {
  readonly step: WriteStep;
  readonly atMs: number;
}

/** The model after some steps, and how long its log was after each. */
export interface ModelRun {
  readonly store: EventStore;
  readonly clock: TestClock;
  /** Number of events in the log before the first step, then after each. */
  readonly lengths: readonly number[];
  readonly outcomes: readonly StepOutcome[];
}

/** Carries steps out on a new model. */
export async function runModel(
  steps: readonly TimedStep[],
): Promise<ModelRun> {
  const clock = createTestClock();
  const store = createModelStore({ clock, newEventId: createTestIds() });
  const lengths = [0];
  const outcomes: StepOutcome[] = [];
  let length = 0;
  store.watch((events) => length += events.length);
  let nowMs = 0;
  for (const { step, atMs } of steps) {
    clock.advanceMs(atMs - nowMs);
    nowMs = atMs;
    outcomes.push(await carryOut(store, step));
    lengths.push(length);
  }
  return { store, clock, lengths, outcomes };
}

const DECODER = new TextDecoder();

/** What two stores must agree on about an event. Positions are their own. */
function essenceOf(event: RecordedEvent): unknown {
  return {
    streamName: event.streamName,
    eventNumber: event.eventNumber,
    eventId: essentialId(event.eventId),
    eventType: event.eventType,
    isJson: event.isJson,
    data: DECODER.decode(event.data),
    dataBytes: event.data.length,
    metadata: DECODER.decode(event.metadata),
    createdAtUs: event.createdAtUs,
  };
}

/** Ids that a store gives itself depend on what else it named. */
function essentialId(eventId: string): string {
  const isOfStore = eventId >= "00000000-0000-4000-8000-010000000000" &&
    eventId < "00000000-0000-4000-8000-020000000000";
  return isOfStore ? "of the store" : eventId;
}

/** Compares one after the other, so that the first difference is shown. */
function assertSameEvents(
  real: readonly RecordedEvent[],
  model: readonly RecordedEvent[],
  where: string,
): void {
  for (const [index, event] of model.entries()) {
    const found = real[index];
    assertEquals(
      found && essenceOf(found),
      essenceOf(event),
      `event ${index} of ${where}`,
    );
  }
  assertEquals(real.length, model.length, `length of ${where}`);
}

function assertSameEntries(
  real: readonly ListEntry[],
  model: readonly ListEntry[],
  where: string,
): void {
  assertSameEvents(
    real.map(({ event }) => event),
    model.map(({ event }) => event),
    where,
  );
  assertEquals(
    real.map(({ ordinal }) => ordinal),
    model.map(({ ordinal }) => ordinal),
    where,
  );
}

/** All events of a store, in pages of random length. */
export async function readWholeLog(
  store: EventStore,
  random: Random,
): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = await store.readAll({
      from,
      count: random.integer(1, 200),
      direction: "forward",
      withBodies: true,
    });
    events.push(...page.events);
    assert(page.next > from || page.isAtEnd, "A page makes progress");
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  return events;
}

/** Compares all events of two stores; tells them as each store has them. */
export async function compareLogs(
  real: EventStore,
  model: EventStore,
  random: Random,
): Promise<Logs> {
  const realLog = await readWholeLog(real, random);
  const modelLog = await readWholeLog(model, random);
  assertSameEvents(realLog, modelLog, "the log");
  assertPositionsRise(realLog, (await real.readEnd()).end);
  assertEquals(
    (await real.readEnd()).lastPosition,
    realLog.at(-1)?.logPosition ?? -1,
  );
  return { real, model, realLog, modelLog };
}

/** Compares everything that can be read of two stores. */
export async function compareStores(
  real: EventStore,
  model: EventStore,
  random: Random,
): Promise<void> {
  const logs = await compareLogs(real, model, random);
  for (let count = 0; count < 12; count++) await comparePage(logs, random);
  for (let count = 0; count < 6; count++) await compareTime(logs, random);
  for (const name of namesIn(logs.modelLog)) {
    await compareList(real, model, { name, random });
  }
}

function assertPositionsRise(
  events: readonly RecordedEvent[],
  end: number,
): void {
  let before = -1;
  for (const { logPosition } of events) {
    assert(logPosition > before, "Positions rise");
    before = logPosition;
  }
  assert(before < end, "The end is after the last event");
}

/** Names of all lists that may hold one of the events, and of some that don't. */
function namesIn(events: readonly RecordedEvent[]): Set<string> {
  const names = new Set(["none", "$ce-none", "$et-none", "$streams"]);
  for (const { streamName, eventType } of events) {
    names.add(streamName);
    if (!isMetastream(streamName)) names.add(metastreamOf(streamName));
    names.add(`$et-${eventType}`);
    const category = categoryOf(streamName.replace(/^\$\$/, ""));
    if (category !== undefined) {
      names.add(`$ce-${category}`);
      names.add(`$category-${category}`);
    }
  }
  names.add("$et-$deleted");
  return names;
}

/** Two stores with all their events. */
export interface Logs {
  readonly real: EventStore;
  readonly model: EventStore;
  readonly realLog: readonly RecordedEvent[];
  readonly modelLog: readonly RecordedEvent[];
}

/** One random page of the whole log; places are compared by their index. */
async function comparePage(logs: Logs, random: Random): Promise<void> {
  const { real, model, realLog, modelLog } = logs;
  const index = random.integer(0, realLog.length);
  const isEnd = index === realLog.length;
  const accepts = random.chance(0.4)
    ? (event: RecordedEvent) => event.eventNumber % 2 === 0
    : undefined;
  const request: Omit<ReadAllRequest, "from"> = {
    count: random.integer(1, 40),
    direction: random.pick(["forward", "backward"]),
    withBodies: random.chance(0.7),
    ...(accepts && { accepts }),
  };
  // Between two records, a read goes on with the nearest one of its way. Where
  // positions are no bytes, nothing need be between two.
  const hasRoom = real.promises.positions === "offsets";
  const shift = !hasRoom || isEnd || index === 0 || random.chance(0.6)
    ? 0
    : request.direction === "forward"
    ? -random.integer(1, 60)
    : random.integer(1, 60);
  const [realPage, modelPage] = await Promise.all([
    real.readAll({
      ...request,
      from: isEnd ? "end" : (realLog[index]?.logPosition ?? 0) + shift,
    }),
    model.readAll({
      ...request,
      from: isEnd
        ? "end"
        : (modelLog[index]?.logPosition ?? 0) + Math.sign(shift),
    }),
  ]);
  assertSameEvents(
    realPage.events,
    modelPage.events,
    `a page ${request.direction} from ${index} of ${realLog.length}`,
  );
  assertEquals(realPage.isAtEnd, modelPage.isAtEnd);
  if (realPage.events.length > 0) {
    assertEquals(
      indexOf(realLog, realPage.next),
      indexOf(modelLog, modelPage.next),
    );
  }
}

function indexOf(log: readonly RecordedEvent[], position: number): number {
  const index = log.findIndex(({ logPosition }) => logPosition >= position);
  return index < 0 ? log.length : index;
}

async function compareTime(logs: Logs, random: Random): Promise<void> {
  const { real, model, realLog, modelLog } = logs;
  if (realLog.length === 0) return;
  const event = random.pick(realLog);
  const createdAtUs = event.createdAtUs + random.pick([0, 0, 1, -1]);
  const [realPosition, modelPosition] = await Promise.all([
    real.findPosition(createdAtUs),
    model.findPosition(createdAtUs),
  ]);
  assertEquals(
    indexOf(realLog, realPosition),
    indexOf(modelLog, modelPosition),
    "findPosition()",
  );
}

/** State, pages and single events of one list. */
async function compareList(
  real: EventStore,
  model: EventStore,
  { name, random }: { name: string; random: Random },
): Promise<void> {
  const state = await model.readState(name);
  assertEquals(await real.readState(name), state, name);
  const { head } = state;
  const whole: ReadRequest = {
    streamName: name,
    from: 0,
    count: 4096,
    direction: "forward",
    withBodies: true,
  };
  const part: ReadRequest = {
    streamName: name,
    from: random.integer(0, head + 2),
    count: random.integer(1, 30),
    direction: random.pick(["forward", "backward"]),
    withBodies: random.chance(0.5),
  };
  const reversed: ReadRequest = {
    ...whole,
    from: Math.max(0, head),
    direction: "backward",
  };
  for (const request of [whole, part, reversed]) {
    const [realPage, modelPage] = await Promise.all([
      real.readStream(request),
      model.readStream(request),
    ]);
    assertSameEntries(
      realPage.entries,
      modelPage.entries,
      `${name} ${request.direction} from ${request.from}`,
    );
    assertEquals(realPage.continueFrom, modelPage.continueFrom);
  }
  for (const number of [0, head, head + 1, random.integer(0, head + 1)]) {
    const [realEntry, modelEntry] = await Promise.all([
      real.readEvent(name, number),
      model.readEvent(name, number),
    ]);
    assertSameEntries(
      realEntry === undefined ? [] : [realEntry],
      modelEntry === undefined ? [] : [modelEntry],
      `${number}@${name}`,
    );
  }
}
