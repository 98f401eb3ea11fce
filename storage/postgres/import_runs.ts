/**
 * Runs that are imported, decided on what was read. Those that wait are written
 * as one unit: an import sends many small ones.
 *
 * @module
 */

import { brokenLinksOf } from "../../lib/store/broken_links.ts";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { isMetastream } from "../../lib/model/stream_names.ts";
import { decideImport } from "../../lib/store/import_run.ts";
import type { NumberedEvent } from "../../lib/store/transfer.ts";
import type { Decided, Deciding } from "./decide.ts";
import type { Connection } from "./driver.ts";
import type { Unit } from "./group.ts";
import type { Look } from "./look.ts";
import type { Asked, Pending } from "./pending.ts";
import { readStream } from "./reads.ts";

/** A run that waits. */
export interface PendingImport extends Pending {
  readonly asked: Extract<Asked, { kind: "import" }>;
}

export function isImport(pending: Pending): pending is PendingImport {
  return pending.asked.kind === "import";
}

/** Says what is to be looked up for a run. */
export function wantForImport(look: Look, { asked }: PendingImport): void {
  for (const { streamName } of asked.events) look.wantState(streamName);
  look.wantLinks(asked.events.map(({ event }) => event));
}

/**
 * Decides runs in their order.
 *
 * @throws {DatabaseError} When what is there cannot be read.
 */
export async function decideImports(
  imports: readonly PendingImport[],
  deciding: Deciding,
  session: Connection,
): Promise<Decided[]> {
  const { look } = deciding;
  const known = await readKnown(imports, look, session);
  const events: NumberedEvent[] = [];
  const decided: Decided[] = [];
  const written: PendingImport[] = [];
  let conflict: { readonly index: number; readonly reason: string } | undefined;
  for (const pending of imports) {
    if (conflict !== undefined) {
      decided.push({ answer: () => settle(pending, { kind: "broken" }) });
      continue;
    }
    const before = events.length;
    const added = decideImport({
      nextOf: (name) => look.stateOf(name).head + 1,
      isTombstoned: (name) => look.stateOf(name).isTombstoned,
      eventAt: (name, number) => known.get(`${number}@${name}`),
    }, [...events, ...pending.asked.events]);
    if (Array.isArray(added)) {
      events.push(...added.slice(before));
      written.push(pending);
      continue;
    }
    const { reason } = added;
    const index = Math.max(0, added.index - before);
    conflict = { index, reason };
    decided.push({
      answer: () => settle(pending, { kind: "conflict", index, reason }),
    });
  }
  const unit = unitOf(written, events, deciding);
  return unit === undefined ? decided : [unit, ...decided];
}

function settle(
  pending: PendingImport,
  result: Parameters<PendingImport["asked"]["resolve"]>[0],
): void {
  pending.isSettled = true;
  pending.asked.resolve(result);
}

/** Events that the streams of runs have under numbers of the runs. */
async function readKnown(
  imports: readonly PendingImport[],
  look: Look,
  session: Connection,
): Promise<Map<string, RecordedEvent>> {
  const ranges = new Map<string, { low: number; high: number }>();
  for (const { asked } of imports) {
    for (const { streamName, eventNumber } of asked.events) {
      const { head } = look.stateOf(streamName);
      if (eventNumber > head) continue;
      const range = ranges.get(streamName);
      if (range === undefined) {
        ranges.set(streamName, { low: eventNumber, high: eventNumber });
      } else {
        range.low = Math.min(range.low, eventNumber);
        range.high = Math.max(range.high, eventNumber);
      }
    }
  }
  const known = new Map<string, RecordedEvent>();
  const reader = {
    read: (name: string, values: readonly unknown[]) =>
      session.call(name, values),
  };
  for (const [streamName, { low, high }] of ranges) {
    for (let from = low; from <= high;) {
      const count = Math.min(LIMITS.pageEventsMax, high - from + 1);
      const { entries, continueFrom } = await readStream(reader, {
        streamName,
        from,
        count,
        direction: "forward",
        withBodies: true,
      });
      for (const { ordinal, event } of entries) {
        known.set(`${ordinal}@${streamName}`, event);
      }
      from = continueFrom ?? from + count;
    }
  }
  return known;
}

/** Adds the unit that writes events of runs; undefined: there are none. */
function unitOf(
  imports: readonly PendingImport[],
  events: readonly NumberedEvent[],
  { look, batch, nowUs }: Deciding,
): Decided | undefined {
  const added = new Set(events);
  const answer = () => {
    for (const pending of imports) {
      const { length } = pending.asked.events;
      const importedCount = pending.asked.events
        .filter((event) => added.has(event)).length;
      settle(pending, {
        kind: "imported",
        importedCount,
        knownCount: length - importedCount,
      });
    }
  };
  if (events.length === 0) {
    return imports.length === 0 ? undefined : { answer };
  }
  const unit: Unit = { number: batch.beginUnit(), requests: imports, answer };
  const brokenLinks = brokenLinksIn(imports, added, { look, nowUs });
  const streams = new Map<string, number>();
  for (const numbered of events) {
    const { streamName, eventNumber, createdAtUs, event } = numbered;
    const isTombstone = eventNumber >= TOMBSTONE_EVENT_NUMBER;
    let stream = streams.get(streamName);
    if (stream === undefined) {
      const { head, metadataNumber } = look.stateOf(streamName);
      stream = batch.addStream({
        streamName,
        head,
        metadataNumber: isMetastream(streamName) ? undefined : metadataNumber,
        ...(head < 0 && !isTombstone && { first: eventNumber }),
      });
      streams.set(streamName, stream);
    }
    batch.addEvent(stream, streamName, event, {
      createdAtUs,
      isTombstone,
      isBrokenLink: brokenLinks.has(numbered),
    });
  }
  return unit;
}

/** Links of runs that lead nowhere: neither to what is there nor to a run so far. */
function brokenLinksIn(
  imports: readonly PendingImport[],
  added: ReadonlySet<NumberedEvent>,
  { look, nowUs }: Pick<Deciding, "look" | "nowUs">,
): Set<NumberedEvent> {
  const broken = new Set<NumberedEvent>();
  const written = new Set<string>();
  for (const { asked } of imports) {
    const run = asked.events.filter((event) => added.has(event));
    for (const { streamName, eventNumber } of run) {
      written.add(`${eventNumber}@${streamName}`);
    }
    const indexes = brokenLinksOf(run.map(({ event }) => event), {
      stateOf: (name) => look.stateOf(name),
      timeOf: (link) => look.timeOf(link),
      isOfBatch: ({ streamName, eventNumber }) =>
        written.has(`${eventNumber}@${streamName}`),
      nowUs: () => nowUs,
    });
    for (const index of indexes ?? []) {
      const numbered = run[index];
      if (numbered !== undefined) broken.add(numbered);
    }
  }
  return broken;
}
