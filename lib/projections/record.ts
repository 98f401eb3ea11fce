/**
 * A projection as its stream `$projections-<name>` keeps it: the last
 * `$ProjectionUpdated` counts (spec: projections §6.1).
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { Principal } from "../model/principal.ts";
import { jsonOf, objectOf } from "../streams/own_streams.ts";
import type {
  DeleteCommand,
  ProjectionConfig,
  ProjectionMode,
} from "./contract.ts";
import type { ProjectionDefinition } from "./engine/messages.ts";

/** Type of the events of such a stream. */
export const UPDATED_TYPE = "$ProjectionUpdated";

/** Thresholds of a projection that asks for no others. */
export const DEFAULT_CONFIG: ProjectionConfig = {
  emitEnabled: false,
  trackEmittedStreams: false,
  checkpointAfterMs: 0,
  checkpointHandledThreshold: 4000,
  checkpointUnhandledBytesThreshold: 10_000_000,
  pendingEventsThreshold: 5000,
  maxWriteBatchLength: 500,
  maxAllowedWritesInFlight: 0,
};

/** Who created a projection. */
export interface StoredRunAs {
  readonly name: string;
  readonly roles: readonly string[];
}

/** A projection between its creation and its deletion. */
export interface ProjectionRecord {
  readonly handlerType: string;
  readonly query: string;
  readonly mode: ProjectionMode;
  readonly isEnabled: boolean;
  readonly config: ProjectionConfig;
  readonly hasCheckpoints: boolean;
  /** Undefined: the query cannot be prepared. */
  readonly definition: ProjectionDefinition | undefined;
  /** Version of the last reset; -1: there was none. */
  readonly epoch: number;
  /** Number of the event that says this. */
  readonly version: number;
  readonly runAs: StoredRunAs;
  /** What is done away with; undefined: it is not being deleted. */
  readonly deletion?: RecordDeletion;
}

/** Streams that go with a projection, and how many kinds of them are gone. */
export interface RecordDeletion extends Omit<DeleteCommand, "name"> {
  readonly doneCount: number;
}

/** Whoever asked, as records keep it. */
export function storedRunAs({ login, roles }: Principal): StoredRunAs {
  return { name: login, roles: [...roles] };
}

/** Data of the event; members in the order of the original. */
export function encodeRecord(record: ProjectionRecord): string {
  const { config, deletion } = record;
  return JSON.stringify({
    ...ifSet("numberOfPrequisitesMetForDeletion", deletion?.doneCount),
    handlerType: record.handlerType,
    query: record.query,
    mode: record.mode,
    ...ifSet("enabled", record.isEnabled),
    ...ifSet("deleting", deletion !== undefined),
    ...ifSet("deleteEmittedStreams", deletion?.deletesEmittedStreams),
    ...ifSet("deleteCheckpointStream", deletion?.deletesCheckpointStream),
    ...ifSet("deleteStateStream", deletion?.deletesStateStream),
    sourceDefinition: record.definition,
    emitEnabled: config.emitEnabled,
    checkpointsDisabled: !record.hasCheckpoints,
    trackEmittedStreams: config.trackEmittedStreams,
    epoch: record.epoch,
    version: record.version,
    runAs: record.runAs,
    checkpointHandledThreshold: config.checkpointHandledThreshold,
    ...ifSet("checkpointAfterMs", config.checkpointAfterMs),
    checkpointUnhandledBytesThreshold: config.checkpointUnhandledBytesThreshold,
    pendingEventsThreshold: config.pendingEventsThreshold,
    maxWriteBatchLength: config.maxWriteBatchLength,
    ...ifSet("maxAllowedWritesInFlight", config.maxAllowedWritesInFlight),
  });
}

/** A member that is left out where it is false or 0. */
function ifSet(
  name: string,
  value: boolean | number | undefined,
): Readonly<Record<string, boolean | number>> {
  return value === undefined || value === false || value === 0
    ? {}
    : { [name]: value };
}

/** Reads the event; undefined: it is no projection's. */
export function decodeRecord(
  event: RecordedEvent,
): ProjectionRecord | undefined {
  const stored = objectOf(jsonOf(event));
  if (stored === undefined || event.eventType !== UPDATED_TYPE) {
    return undefined;
  }
  const { handlerType, query, mode } = stored;
  const isWhole = typeof handlerType === "string" &&
    typeof query === "string" &&
    (mode === "OneTime" || mode === "Continuous");
  if (!isWhole) return undefined;
  return {
    handlerType,
    query,
    mode,
    isEnabled: stored.enabled === true,
    config: decodeConfig(stored),
    hasCheckpoints: stored.checkpointsDisabled !== true,
    definition: decodeDefinition(stored.sourceDefinition),
    epoch: numberOr(stored.epoch, -1),
    version: event.eventNumber,
    runAs: decodeRunAs(stored.runAs),
    ...(stored.deleting === true
      ? {
        deletion: {
          doneCount: 0,
          deletesEmittedStreams: stored.deleteEmittedStreams === true,
          deletesCheckpointStream: stored.deleteCheckpointStream === true,
          deletesStateStream: stored.deleteStateStream === true,
        },
      }
      : {}),
  };
}

type Stored = Readonly<Record<string, unknown>>;

function decodeConfig(stored: Stored): ProjectionConfig {
  const count = (
    name: Exclude<
      keyof ProjectionConfig,
      "emitEnabled" | "trackEmittedStreams"
    >,
  ) => numberOr(stored[name], DEFAULT_CONFIG[name]);
  return {
    emitEnabled: stored.emitEnabled === true,
    trackEmittedStreams: stored.trackEmittedStreams === true,
    checkpointAfterMs: count("checkpointAfterMs"),
    checkpointHandledThreshold: count("checkpointHandledThreshold"),
    checkpointUnhandledBytesThreshold: count(
      "checkpointUnhandledBytesThreshold",
    ),
    pendingEventsThreshold: count("pendingEventsThreshold"),
    maxWriteBatchLength: count("maxWriteBatchLength"),
    maxAllowedWritesInFlight: count("maxAllowedWritesInFlight"),
  };
}

function numberOr(value: unknown, otherwise: number): number {
  return Number.isSafeInteger(value) ? Number(value) : otherwise;
}

function decodeRunAs(value: unknown): StoredRunAs {
  const { name, roles } = objectOf(value) ?? {};
  return {
    name: typeof name === "string" ? name : "",
    roles: textsOf(roles) ?? [],
  };
}

function textsOf(value: unknown): readonly string[] | undefined {
  const isTexts = Array.isArray(value) &&
    value.every((item) => typeof item === "string");
  return isTexts ? value : undefined;
}

/** Undefined where one of the lists is not there: then it is found out anew. */
function decodeDefinition(value: unknown): ProjectionDefinition | undefined {
  const stored = objectOf(value);
  const categories = textsOf(stored?.categories);
  const events = textsOf(stored?.events);
  const streams = textsOf(stored?.streams);
  const options = objectOf(stored?.options);
  const isWhole = stored !== undefined && categories !== undefined &&
    events !== undefined && streams !== undefined && options !== undefined;
  return isWhole
    ? { ...stored, categories, events, streams, options }
    : undefined;
}
