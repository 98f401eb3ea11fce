/**
 * Migrations in this process: a stand-in as the source, a store in memory as
 * the destination.
 *
 * @module
 */

import { Transport } from "../../lib/client/transport.ts";
import { openStore } from "../../lib/embed/store.ts";
import type { CopyReport } from "../../lib/migrate/copy_events.ts";
import {
  type Destination,
  localDestination,
} from "../../lib/migrate/destination.ts";
import { migrateEvents, proveEvents } from "../../lib/migrate/migrate.ts";
import type { ProofReport } from "../../lib/migrate/proof.ts";
import { EventSource } from "../../lib/migrate/source.ts";
import { SYSTEM_CLOCK as clock } from "../../lib/runtime/system_clock.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { ImportingStore } from "../../lib/store/import_run.ts";
import {
  createStandIn,
  type StandIn,
  type StandInEvent,
  type StandInStore,
} from "../support/event_store_stand_in.ts";
import { testUuid } from "../support/events.ts";

const SIGNAL = new AbortController().signal;

/** A place to migrate to. */
export interface TestMigration extends AsyncDisposable {
  readonly store: EventStore & ImportingStore;
  readonly destination: Destination;
  readonly statePath: string;
  /** Copies what a source has. */
  copy(source: EventSource, options?: CopyChoices): Promise<CopyReport>;
  /** Compares it with a source. */
  prove(source: EventSource): Promise<ProofReport>;
}

interface CopyChoices {
  readonly goesOn?: () => boolean;
  readonly destination?: Destination;
}

/** An event of a source, JSON unless it says otherwise. */
export function sourceEvent(
  id: number,
  streamId: string,
  eventNumber: StandInEvent["eventNumber"],
  changes: Partial<StandInEvent> = {},
): StandInEvent {
  return {
    streamId,
    eventNumber,
    eventId: testUuid(id),
    eventType: eventNumber === "tombstone" ? "$streamDeleted" : "placed",
    isJson: eventNumber !== "tombstone",
    data: eventNumber === "tombstone" ? "" : `{"n":${id}}`,
    updated: `2026-01-01T00:00:00.${String(id).padStart(7, "0")}Z`,
    ...changes,
  };
}

/** A reader of a server that a function is. */
export function readerOf(
  { handle }: Pick<StandIn, "handle">,
  pageEvents = 3,
): EventSource {
  const transport = new Transport({
    url: "http://127.0.0.1:2113",
    credentials: { login: "admin", password: "changeit" },
    fetch: (input, init) => Promise.resolve(handle(new Request(input, init))),
    retry: { triesMax: 2, firstDelayMs: 1 },
  });
  return new EventSource({ transport, pageEvents, readers: 4, signal: SIGNAL });
}

/** A reader of a stand-in. */
export function sourceOf(store: StandInStore, pageEvents = 3): EventSource {
  return readerOf(createStandIn(store), pageEvents);
}

/** Opens an empty store to migrate to. */
export async function openMigration(): Promise<TestMigration> {
  const store = await openStore() as EventStore & ImportingStore;
  const path = await Deno.makeTempDir({ prefix: "quipu-migrate-" });
  const statePath = `${path}/state.json`;
  const whole = localDestination(store, { clock, signal: SIGNAL });
  const shared = { isLoose: false, report() {} };
  return {
    store,
    destination: whole,
    statePath,
    copy: (source, { goesOn = () => false, destination = whole } = {}) =>
      migrateEvents({
        ...shared,
        from: "http://old",
        statePath,
        source,
        destination,
        goesOn,
      }),
    prove: (source) => proveEvents({ ...shared, source, destination: whole }),
    async [Symbol.asyncDispose]() {
      await store.close();
      await Deno.remove(path, { recursive: true });
    },
  };
}
