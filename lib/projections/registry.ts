/**
 * Which projections there are. The stream `$projections-$all` names them, and
 * the number of the event that does is the projection's number; what each of
 * them is stands in a stream of its own (spec: projections §6).
 *
 * A change is written upon what its writer knew. Somebody else's change
 * in between makes it fail, and it is decided anew.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { ProposedEvent } from "../model/event.ts";
import { LIMITS } from "../model/limits.ts";
import type { EventStore } from "../store/event_store.ts";
import { readStretch } from "../streams/follow.ts";
import { readLastKept } from "../streams/own_streams.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";
import {
  decodeRecord,
  encodeRecord,
  type ProjectionRecord,
  UPDATED_TYPE,
} from "./record.ts";

/** Name of the stream that names all projections. */
export const REGISTRY_STREAM = "$projections-$all";

/** What every stream of a projection begins with. */
export const PROJECTION_STREAM_PREFIX = "$projections-";

const INITIALIZED_TYPE = "$ProjectionsInitialized";
const CREATED_TYPE = "$ProjectionCreated";
const DELETED_TYPE = "$ProjectionDeleted";

/** The stream that keeps a projection. */
export function recordStreamOf(name: string): string {
  return PROJECTION_STREAM_PREFIX + name;
}

/** A projection's place in the registry. */
export interface Registration {
  readonly name: string;
  readonly number: number;
  /** Where that event is: records before it are of an earlier projection. */
  readonly logPosition: number;
}

/** What reading and writing takes. */
export interface RegistryParts {
  readonly store: EventStore;
  readonly clock: Clock;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
}

/** Reads and writes the registry and what projections are. */
export class Registry {
  readonly #parts: RegistryParts;
  readonly #registrations = new Map<string, Registration>();
  /** Number of the next event of the registry that was not read. */
  #place = 0;
  /** Reads, one after another. */
  #turns: Promise<void> = Promise.resolve();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** In the order of their numbers. */
  get registrations(): readonly Registration[] {
    return [...this.#registrations.values()];
  }

  find(name: string): Registration | undefined {
    return this.#registrations.get(name);
  }

  /** Reads what the registry has got since the last time. */
  refresh(): Promise<void> {
    const turn = this.#turns.then(() => this.#read());
    this.#turns = turn.catch(() => {});
    return turn;
  }

  async #read(): Promise<void> {
    const source = { streamName: REGISTRY_STREAM };
    for (;;) {
      const { entries, next, isAtEnd } = await readStretch(
        this.#parts,
        source,
        { place: this.#place, count: LIMITS.pageEventsMax, withBodies: true },
      );
      for (const { entry: { event } } of entries) {
        const name = decodeUtf8IfValid(event.data);
        if (name === undefined || name === "") continue;
        // Created anew, it comes last.
        this.#registrations.delete(name);
        if (event.eventType !== CREATED_TYPE) continue;
        const { eventNumber: number, logPosition } = event;
        this.#registrations.set(name, { name, number, logPosition });
      }
      this.#place = next;
      if (isAtEnd) return;
    }
  }

  /**
   * Enters a projection.
   *
   * @returns Undefined: the registry has changed, and was read anew.
   * @throws {QuipuError} As `EventStore.append` does.
   */
  register(name: string): Promise<Registration | undefined> {
    return this.#enter(CREATED_TYPE, name);
  }

  /** Strikes a projection out. Returns and throws as `register`. */
  async strike(name: string): Promise<boolean> {
    await this.#enter(DELETED_TYPE, name);
    return !this.#registrations.has(name);
  }

  async #enter(
    eventType: string,
    name: string,
  ): Promise<Registration | undefined> {
    const events = [this.#entry(eventType, name)];
    const isFirst = this.#place === 0;
    if (isFirst) events.unshift(this.#entry(INITIALIZED_TYPE, ""));
    const { kind } = await this.#parts.store.append({
      streamName: REGISTRY_STREAM,
      expectedVersion: isFirst ? "noStream" : this.#place - 1,
      events,
    });
    if (kind === "deleted") throw deletedStream(REGISTRY_STREAM);
    await this.refresh();
    return kind === "conflict" ? undefined : this.find(name);
  }

  #entry(eventType: string, data: string): ProposedEvent {
    const eventId = this.#parts.newId();
    return { eventId, eventType, isJson: false, data, metadata: "" };
  }

  /** What a projection is; undefined: it was registered, and nothing more. */
  async readRecord(
    { name, logPosition }: Registration,
  ): Promise<ProjectionRecord | undefined> {
    const event = await readLastKept(this.#parts, recordStreamOf(name));
    return event !== undefined && event.logPosition > logPosition
      ? decodeRecord(event)
      : undefined;
  }

  /** Version that the next record of a name gets. */
  async nextVersion(name: string): Promise<number> {
    const { head } = await this.#parts.store.readState(recordStreamOf(name));
    return head + 1;
  }

  /**
   * Writes what a projection is from now on; versions of the records must
   * follow one another.
   *
   * @returns False: somebody else has changed it.
   * @throws {QuipuError} As `EventStore.append` does.
   */
  async writeRecords(
    name: string,
    records: readonly [ProjectionRecord, ...ProjectionRecord[]],
  ): Promise<boolean> {
    const [{ version }] = records;
    const streamName = recordStreamOf(name);
    const { kind } = await this.#parts.store.append({
      streamName,
      expectedVersion: version === 0 ? "noStream" : version - 1,
      events: records.map((record) => ({
        eventId: this.#parts.newId(),
        eventType: UPDATED_TYPE,
        isJson: true,
        data: encodeRecord(record),
        metadata: "",
      })),
    });
    if (kind === "deleted") throw deletedStream(streamName);
    return kind !== "conflict";
  }
}

function deletedStream(streamName: string): Error {
  return new Error(`Cannot append to "${streamName}": it is deleted`);
}
