/**
 * Projections as documents: statistics, queries, configurations, results of
 * commands, events of a source (spec: projections §2, §4, §5), steps of a query.
 *
 * Names of streams stand in them as members, so the JSON is written here: an
 * object of the language would sort those that are numbers to its front.
 *
 * @module
 */

import { newlineAt } from "../formats/json/json_layout.ts";
import { quoteJson } from "../formats/json/json_string.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type {
  DebugStep,
  DebugView,
  LogLine,
  ProjectionConfig,
  ProjectionStatistics,
  QueryView,
  SourcePosition,
  SourceReadEvent,
  SourceReadView,
} from "../projections/contract.ts";
import type {
  EngineFault,
  ProjectionDefinition,
} from "../projections/engine/messages.ts";
import type { ListedProjection } from "../web/projections_page.tsx";
import { encodePathSegmentSparely } from "../text/path_segment.ts";

/** Numbers of the original's internals; clients ignore them. */
const MESSAGE_TYPES = { updated: 288, query: 293, config: 303 } as const;

/** Members in order, each value as JSON; those that are undefined are left out. */
export type Members = Readonly<Record<string, string | undefined>>;

/** How a command ended that was carried out. */
export function updatedDocument(name: string): string {
  return objectText({
    msgTypeId: String(MESSAGE_TYPES.updated),
    name: quoteJson(name),
  });
}

/** Statistics of one projection, with additions to the original at their end. */
export function statisticsDocument(
  statistics: ProjectionStatistics,
  baseUrl: string,
): string {
  return objectText(statisticsMembers(statistics, baseUrl));
}

/** Statistics of several. */
export function statisticsListDocument(list: readonly Members[]): string {
  const items = list.map((members) => newlineAt(2) + objectText(members, 2));
  return objectText({
    projections: items.length === 0
      ? "[]"
      : `[${items.join(",")}${newlineAt(1)}]`,
  });
}

/** Numbers that are no integers by nature. */
const FLOATS: ReadonlySet<string> = new Set(["progress", "eventsPerSecond"]);

/**
 * Reads a list that another server has made, with addresses of this one; what
 * is none of its items is passed over.
 */
export function readStatisticsList(
  document: unknown,
  baseUrl: string,
): readonly { readonly name: string; readonly members: Members }[] {
  if (!isRecord(document) || !Array.isArray(document.projections)) return [];
  return document.projections.flatMap((item: unknown) => {
    if (!isRecord(item)) return [];
    const { name, statusUrl } = item;
    if (typeof name !== "string" || typeof statusUrl !== "string") return [];
    const theirs = statusUrl.slice(0, -projectionUrl(name, "").length);
    const members = Object.entries(item).map(([member, value]) => {
      const isTheirs = typeof value === "string" && member.endsWith("Url") &&
        value.startsWith(theirs);
      if (isTheirs) {
        return [member, quoteJson(baseUrl + value.slice(theirs.length))];
      }
      const isFloat = typeof value === "number" && FLOATS.has(member);
      return [member, isFloat ? floatText(value) : JSON.stringify(value)];
    });
    return [{ name, members: Object.fromEntries(members) }];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** What lists on pages show of statistics. */
export function listedProjectionOf(members: Members): ListedProjection {
  const read = (name: string) => JSON.parse(members[name] ?? "null");
  return {
    name: String(read("name")),
    status: String(read("status")),
    mode: String(read("mode")),
    progress: Number(read("progress")),
    lagEvents: read("lagEvents") ?? undefined,
    lagMs: Number(read("lagMilliseconds")),
    eventsPerSecond: Number(read("eventsPerSecond")),
    eventsProcessedAfterRestart: Number(read("eventsProcessedAfterRestart")),
    partitionsCached: Number(read("partitionsCached")),
  };
}

/** Statistics of one projection as the members of its document. */
export function statisticsMembers(
  statistics: ProjectionStatistics,
  baseUrl: string,
): Members {
  const { name, position, resultStreamName } = statistics;
  const isPrepared = position !== undefined;
  const url = projectionUrl(name, baseUrl);
  const urlTo = (part: string) => quoteJson(`${url}/${part}`);
  return {
    coreProcessingTime: String(statistics.coreProcessingTimeMs),
    version: String(statistics.version),
    epoch: String(statistics.epoch),
    effectiveName: quoteJson(name),
    writesInProgress: String(statistics.writesInProgress),
    readsInProgress: String(statistics.readsInProgress),
    partitionsCached: String(statistics.partitionsCached),
    status: quoteJson(statistics.status),
    stateReason: quoteJson(statistics.stateReason),
    name: quoteJson(name),
    mode: quoteJson(statistics.mode),
    position: quoteJson(placeText(position)),
    progress: floatText(statistics.progress),
    lastCheckpoint: isPrepared
      ? quoteJson(placeText(statistics.lastCheckpoint))
      : undefined,
    eventsProcessedAfterRestart: String(
      statistics.eventsProcessedAfterRestart,
    ),
    statusUrl: quoteJson(url),
    stateUrl: urlTo("state"),
    resultUrl: urlTo("result"),
    // As clients of the original expect it: the question mark is escaped.
    queryUrl: urlTo("query%3Fconfig=yes"),
    resultStreamUrl: resultStreamName === undefined ? undefined : quoteJson(
      `${baseUrl}/streams/${encodePathSegmentSparely(resultStreamName)}`,
    ),
    enableCommandUrl: urlTo("command/enable"),
    disableCommandUrl: urlTo("command/disable"),
    checkpointStatus: isPrepared
      ? quoteJson(statistics.checkpointStatus)
      : undefined,
    bufferedEvents: String(statistics.bufferedEvents),
    writePendingEventsBeforeCheckpoint: String(
      statistics.writePendingEventsBeforeCheckpoint,
    ),
    writePendingEventsAfterCheckpoint: String(
      statistics.writePendingEventsAfterCheckpoint,
    ),
    ...additionsOf(statistics),
  };
}

/** Members that the original does not have. */
function additionsOf(statistics: ProjectionStatistics): Members {
  const { eventsPerSecond, lagEvents, lagMs, runAs } = statistics;
  return {
    eventsPerSecond: floatText(eventsPerSecond),
    lagEvents: lagEvents === undefined ? undefined : String(lagEvents),
    lagMilliseconds: String(lagMs),
    runAs: runAs === undefined ? undefined : quoteJson(runAs),
  };
}

/** Address of a projection, with `$` and the like as they are. */
export function projectionUrl(name: string, baseUrl: string): string {
  return `${baseUrl}/projection/${encodePathSegmentSparely(name)}`;
}

/** A place as statistics say it; empty: none, as it was never prepared. */
function placeText(place: ProjectionStatistics["position"]): string {
  if (place === undefined) return "";
  if (place === "completed") return "Phase: 1 (completed)";
  const { log, streams = [] } = place;
  const [only] = streams;
  if (log === undefined && only !== undefined && streams.length === 1) {
    return `${only[0]}: ${only[1]}`;
  }
  const ofStreams = streams.map(([name, number]) => `${name}: ${number}; `);
  if (log === undefined) return ofStreams.join("");
  const ofLog = `C:${log.commit}/P:${log.prepare}`;
  return ofStreams.length === 0 ? ofLog : `${ofLog}; ${ofStreams.join("")}`;
}

/** A number that is no integer by nature: `100.0`. */
function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** A position as JSON, on one line. */
export function positionText({ log, streams }: SourcePosition): string {
  const parts: string[] = [];
  if (log !== undefined) {
    parts.push(`"$c":${log.commit},"$p":${log.prepare}`);
  }
  if (streams !== undefined) {
    const places = streams.map(([name, place]) =>
      `${quoteJson(name)}:${place}`
    );
    parts.push(`"$s":{${places.join(",")}}`);
  }
  return `{${parts.join(",")}}`;
}

/** A position as a header holds it: nothing but ASCII. */
export function positionHeader(position: SourcePosition): string {
  return positionText(position).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

/** A query, and what it describes. */
export function queryDocument(view: QueryView): string {
  const { name, query, emitEnabled, definition, resultStreamName } = view;
  return documentText({
    msgTypeId: MESSAGE_TYPES.query,
    name,
    query,
    emitEnabled: emitEnabled || undefined,
    definition: definition && definitionDocument(definition),
    outputConfig: { resultStreamName },
  });
}

function definitionDocument({ options, ...source }: ProjectionDefinition) {
  return {
    allEvents: source.allEvents,
    allStreams: source.allStreams,
    byStream: source.byStream,
    byCustomPartitions: source.byCustomPartitions,
    categories: source.categories,
    events: source.events,
    streams: source.streams,
    catalogStream: source.catalogStream,
    options: {
      resultStreamName: options.resultStreamName,
      partitionResultStreamNamePattern:
        options.partitionResultStreamNamePattern,
      reorderEvents: options.reorderEvents,
      processingLag: options.processingLag,
      isBiState: options.isBiState,
      definesStateTransform: options.definesStateTransform,
      definesCatalogTransform: options.definesCatalogTransform,
      producesResults: options.producesResults,
      definesFold: options.definesFold,
      handlesDeletedNotifications: options.handlesDeletedNotifications,
      includeLinks: options.includeLinks,
      disableParallelism: options.disableParallelism,
    },
  };
}

/** A configuration; what is false or 0 is left out, as in the original. */
export function configDocument(config: ProjectionConfig): string {
  return documentText({
    msgTypeId: MESSAGE_TYPES.config,
    emitEnabled: config.emitEnabled || undefined,
    trackEmittedStreams: config.trackEmittedStreams || undefined,
    checkpointAfterMs: config.checkpointAfterMs || undefined,
    checkpointHandledThreshold: config.checkpointHandledThreshold || undefined,
    checkpointUnhandledBytesThreshold:
      config.checkpointUnhandledBytesThreshold || undefined,
    pendingEventsThreshold: config.pendingEventsThreshold || undefined,
    maxWriteBatchLength: config.maxWriteBatchLength || undefined,
    maxAllowedWritesInFlight: config.maxAllowedWritesInFlight || undefined,
  });
}

/** The log of a query. */
export function logDocument(lines: readonly LogLine[]): string {
  return documentText({
    lines: lines.map(({ atMs, event, text }) => ({
      time: new Date(atMs).toISOString(),
      event: event === "" ? undefined : event,
      text,
    })),
  });
}

/** Events that were read from a source. */
export function sourceDocument(
  { position, events }: SourceReadView,
  correlationId: string,
): string {
  const items = events.map((event) =>
    newlineAt(2) + objectText(sourceMembers(event), 2)
  );
  return objectText({
    correlationId: quoteJson(correlationId),
    readerPosition: positionText(position),
    events: items.length === 0 ? "[]" : `[${items.join(",")}${newlineAt(1)}]`,
  });
}

/** `POST /projections/debug`: what a query did with each event. */
export function debugDocument(
  { definition, position, fault, logs, steps }: DebugView,
): string {
  const items = steps.map((step) => newlineAt(2) + stepText(step));
  return objectText({
    definition: definition && JSON.stringify(definition),
    readerPosition: positionText(position),
    fault: fault && faultText(fault),
    log: JSON.stringify(logs),
    events: items.length === 0 ? "[]" : `[${items.join(",")}${newlineAt(1)}]`,
  });
}

function stepText(step: DebugStep): string {
  const { event, emitted, fault } = step;
  return objectText({
    eventStreamId: quoteJson(event.streamName),
    eventNumber: formatEventNumber(event.eventNumber),
    eventType: quoteJson(event.eventType),
    readerPosition: positionText(step.position),
    partition: JSON.stringify(step.partition),
    stateBefore: step.stateBefore,
    state: step.state,
    sharedState: step.sharedState,
    result: step.result,
    emitted: JSON.stringify(emitted.map((one) => ({
      streamId: one.streamName,
      eventType: one.eventType,
      isJson: one.isJson,
      data: one.data,
      metadata: one.metadata,
    }))),
    log: JSON.stringify(step.logs),
    fault: fault && faultText(fault),
  }, 2);
}

function faultText({ text, line }: EngineFault): string {
  return JSON.stringify({ text, line: line > 0 ? line : undefined });
}

function sourceMembers(event: SourceReadEvent): Members {
  const { eventNumber, isJson, metadata } = event;
  // Only of JSON the original knows that there is none.
  const hasMetadata = metadata !== "" || !isJson;
  return {
    eventStreamId: quoteJson(event.streamName),
    eventNumber: eventNumber === 0 ? undefined : String(eventNumber),
    eventType: quoteJson(event.eventType),
    data: bodyText(event.data, isJson),
    metadata: hasMetadata ? bodyText(metadata, isJson) : undefined,
    isJson: isJson ? "true" : undefined,
    readerPosition: positionText(event.position),
  };
}

/** An object as it is, all else as a text. */
function bodyText(text: string, isJson: boolean): string {
  return isJson && isJsonObject(text) ? text : quoteJson(text);
}

function isJsonObject(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function objectText(members: Members, depth = 0): string {
  const inner = newlineAt(depth + 1);
  const parts = Object.entries(members).flatMap(([name, value]) =>
    value === undefined ? [] : [`${inner}"${name}": ${value}`]
  );
  return `{${parts.join(",")}${newlineAt(depth)}}`;
}

function documentText(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
