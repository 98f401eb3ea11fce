/**
 * The projections that every server has (spec: projections §9). The lists that
 * four of them would write are served by the store's index, so these are shown
 * as running and do nothing. `$by_correlation_id` is an ordinary one.
 *
 * @module
 */

import { SYSTEM_PRINCIPAL } from "../model/principal.ts";
import type { EventStore } from "../store/event_store.ts";
import type { SourcePosition, StateView } from "./contract.ts";
import { BY_CORRELATION_ID_TYPE } from "./define_query.ts";
import {
  DEFAULT_CONFIG,
  type ProjectionRecord,
  storedRunAs,
} from "./record.ts";
import type { ProjectionRun, RunStatus } from "./run.ts";

const STANDARD_TYPE = "native:EventStore.Projections.Core.Standard.";

/** The query of those that name a category by the first hyphen. */
const FIRST_HYPHEN = "first\r\n-";

/** Type and query of those that the index serves. */
const LISTS = new Map([
  ["$streams", { type: "IndexStreams", query: "", links: true }],
  ["$stream_by_category", {
    type: "CategorizeStreamByPath",
    query: FIRST_HYPHEN,
    links: true,
  }],
  ["$by_category", {
    type: "CategorizeEventsByStreamPath",
    query: FIRST_HYPHEN,
    links: true,
  }],
  ["$by_event_type", {
    type: "IndexEventsByEventType",
    query: "",
    links: false,
  }],
]);

/** The built-in projections as they are before anybody changed them. */
export const STANDARD_RECORDS: ReadonlyMap<string, ProjectionRecord> = new Map([
  ...[...LISTS].map(([name, { type, query, links }]) =>
    [name, standardRecord(STANDARD_TYPE + type, query, links)] as const
  ),
  ["$by_correlation_id", {
    ...standardRecord(
      BY_CORRELATION_ID_TYPE,
      '{"correlationIdProperty":"$correlationId"}',
      true,
    ),
    isEnabled: false,
  }],
]);

function standardRecord(
  handlerType: string,
  query: string,
  includesLinks: boolean,
): ProjectionRecord {
  return {
    handlerType,
    query,
    mode: "Continuous",
    isEnabled: true,
    config: { ...DEFAULT_CONFIG, emitEnabled: true },
    hasCheckpoints: true,
    definition: {
      allEvents: true,
      allStreams: true,
      categories: [],
      events: [],
      streams: [],
      options: includesLinks ? { includeLinks: true } : {},
    },
    epoch: -1,
    version: 0,
    runAs: storedRunAs(SYSTEM_PRINCIPAL),
  };
}

/** Whether the store's index serves what a projection would write. */
export function isServedByIndex(name: string): boolean {
  return LISTS.has(name);
}

/** Why a query cannot be that of a built-in list; undefined: it is its own. */
export function listQueryFault(
  name: string,
  { query, handlerType }: {
    readonly query: string;
    readonly handlerType: string | undefined;
  },
): string | undefined {
  const standard = STANDARD_RECORDS.get(name);
  const isOwn = standard !== undefined &&
    [standard.handlerType, undefined].includes(handlerType) &&
    query.trimEnd().replaceAll("\r\n", "\n") ===
      standard.query.replaceAll("\r\n", "\n");
  return isOwn
    ? undefined
    : `The lists of ${name} are kept by the store itself, by its default ` +
      "query. Another query cannot be set.";
}

/** Follows the index: it has always read everything. */
export class IndexRun implements ProjectionRun {
  readonly prepared = Promise.resolve();
  readonly ended: Promise<void>;
  readonly log = [];
  onChange: (() => void) | undefined;
  readonly #store: EventStore;
  readonly #end = Promise.withResolvers<void>();
  #phase: "running" | "stopped";
  #position: SourcePosition = { log: { commit: -1, prepare: -1 } };

  constructor(store: EventStore, runs: boolean) {
    this.#store = store;
    this.#phase = runs ? "running" : "stopped";
    this.ended = this.#end.promise;
    void this.#readPosition().catch(() => {});
  }

  get status(): RunStatus {
    const end = this.#store.local?.peekEnd();
    if (end !== undefined) this.#position = positionAt(end.lastPosition);
    else void this.#readPosition().catch(() => {});
    return {
      phase: this.#phase,
      reason: "",
      isUnprepared: false,
      definition: undefined,
      position: this.#position,
      lastCheckpoint: this.#position,
      progress: 100,
      checkpointStatus: "",
      coreProcessingTimeMs: 0,
      eventsProcessed: 0,
      bufferedEvents: 0,
      partitionsCached: 1,
      readsInProgress: 0,
      writesInProgress: 0,
      pendingWrites: 0,
      eventsPerSecond: 0,
      lagEvents: 0,
      lagMs: 0,
    };
  }

  async state(): Promise<StateView> {
    return { text: "", position: await this.#readPosition() };
  }

  result(): Promise<StateView> {
    return this.state();
  }

  stop(): Promise<void> {
    this.#phase = "stopped";
    this.#end.resolve();
    return Promise.resolve();
  }

  dispose(): void {}

  async #readPosition(): Promise<SourcePosition> {
    const { lastPosition } = await this.#store.readEnd();
    return this.#position = positionAt(lastPosition);
  }
}

function positionAt(lastPosition: number): SourcePosition {
  return { log: { commit: lastPosition, prepare: lastPosition } };
}
