/**
 * Where events go: a store that this process has open, a server that runs, or
 * an Event Store, which takes them as any client sends them
 * (`plain_destination.ts`).
 *
 * Writing is idempotent: events that are there already are recognised.
 *
 * @module
 */

import { ClientError } from "../client/errors.ts";
import type { Transport } from "../client/transport.ts";
import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { EventStore } from "../store/event_store.ts";
import { importNumbered } from "../store/import_events.ts";
import type { ImportingStore } from "../store/import_run.ts";
import type { NumberedEvent } from "../store/transfer.ts";
import { numberedLine, parseLine } from "../store/transfer_line.ts";
import { linesOf } from "../store/transfer_lines.ts";
import { MigrationError } from "./errors.ts";

/** How much was written. */
export interface WriteCounts {
  /** Now. */
  readonly importedCount: number;
  /** Before. */
  readonly knownCount: number;
}

/** Where events go. */
export interface Destination {
  /** Identifies its events; empty before anything was written. */
  readStoreId(): Promise<string>;
  /**
   * Writes events, permanently once it answers.
   *
   * @throws {RefusedEvent} For one that does not fit; those before it may be
   * written.
   */
  write(events: readonly NumberedEvent[]): Promise<WriteCounts>;
  /** All events that it has, in their order. */
  read(): AsyncIterable<NumberedEvent>;
}

/** An event that the destination does not take. */
export class RefusedEvent extends MigrationError {
  /** Whether a number before it is missing there. */
  get isGap(): boolean {
    return this.message.includes("cannot follow");
  }
}

/** Characters of one request's lines, unless one line has more. */
const BODY_LENGTH = 4 * 1024 * 1024;

/** Lines of events, in pieces that a request may have. */
function* bodiesOf(
  events: readonly NumberedEvent[],
): Generator<{ text: string; first: number }> {
  let text = "";
  let first = 0;
  for (const [index, event] of events.entries()) {
    const line = numberedLine(event);
    if (text !== "" && text.length + line.length > BODY_LENGTH) {
      yield { text, first };
      text = "";
      first = index;
    }
    text += line;
  }
  if (text !== "") yield { text, first };
}

const LINE = /^.*?Cannot import line (\d+): (.*)$/s;

/** Names the event of a line that was refused. */
function asRefused(
  error: unknown,
  events: readonly NumberedEvent[],
  first: number,
): unknown {
  const isRefusal = error instanceof QuipuError ||
    error instanceof ClientError && error.code === "invalid";
  const match = isRefusal ? LINE.exec(error.message) : null;
  const event = events[first + Number(match?.[1]) - 1];
  if (match === null || event === undefined) return error;
  return new RefusedEvent(
    `The destination refuses event ${event.eventNumber} of ` +
      `${JSON.stringify(event.streamName)}: ${match[2]}`,
    { cause: error },
  );
}

/** A server that runs. */
export function remoteDestination(
  transport: Transport,
  signal: AbortSignal,
): Destination {
  const exported = async function* (query: Record<string, string>) {
    const answer = await transport.open({
      path: "/admin/export",
      query,
      signal,
    });
    try {
      yield* linesOf(answer.body);
    } catch (error) {
      throw error instanceof Error && error.name === "LineFault"
        ? error
        : answer.broken(error);
    } finally {
      answer.close();
    }
  };
  return {
    async readStoreId() {
      for await (const line of exported({ to: "0" })) {
        const { storeId } = JSON.parse(line);
        return String(storeId);
      }
      return "";
    },
    async write(events) {
      const counts = { importedCount: 0, knownCount: 0 };
      for (const { text, first } of bodiesOf(events)) {
        try {
          const { text: report } = await transport.send({
            method: "POST",
            path: "/admin/import",
            query: { "with-system": "true" },
            headers: { "Content-Type": "application/x-ndjson" },
            body: text,
            signal,
          });
          const { importedCount, knownCount } = JSON.parse(report);
          counts.importedCount += Number(importedCount);
          counts.knownCount += Number(knownCount);
        } catch (error) {
          throw asRefused(error, events, first);
        }
      }
      return counts;
    },
    async *read() {
      let isWhole = false;
      for await (const text of exported({ "with-system": "true" })) {
        const line = parseLine(text);
        if (line.kind === "event") yield line.event;
        isWhole = line.kind === "last";
      }
      if (isWhole) return;
      throw new MigrationError("The destination's export broke off");
    },
  };
}

/** A store that this process has open. */
export function localDestination(
  store: EventStore & ImportingStore,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Destination {
  return {
    readStoreId: () => Promise.resolve(store.storeId),
    async write(events) {
      if (events.length === 0) return { importedCount: 0, knownCount: 0 };
      try {
        return await importNumbered({ store }, { events, clock, signal });
      } catch (error) {
        throw asRefused(error, events, 0);
      }
    },
    async *read() {
      for (let from = 0;;) {
        const { events, next, isAtEnd } = await store.readAll({
          from,
          count: LIMITS.pageEventsMax,
          direction: "forward",
          withBodies: true,
        });
        signal.throwIfAborted();
        for (const event of events) {
          const { streamName, eventNumber, createdAtUs } = event;
          yield { streamName, eventNumber, createdAtUs, event };
        }
        if (isAtEnd) return;
        from = next;
      }
    },
  };
}
