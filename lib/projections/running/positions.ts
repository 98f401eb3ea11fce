/**
 * How far a projection has read, and how that is written into metadata (spec:
 * projections §4.2, §6.3).
 *
 * A cursor has a place for each followed stream: the number of the last event
 * taken from it; -1: none. In `$all` that is the log position.
 *
 * @module
 */

import type { SourcePosition } from "../contract.ts";
import type { ProjectionDefinition } from "../engine/messages.ts";
import { decodeJsonText } from "../../text/utf8.ts";

/** A followed stream, and its name in positions. */
export interface FollowedStream {
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  /** What positions call it: the type, of a type's list. */
  readonly key: string;
}

/** What a definition reads. */
export interface SourcePlan {
  /**
   * `log`: all of `$all`. `types`: `$all` through the lists of types.
   * `streams`: streams and system lists, with their links followed.
   */
  readonly kind: "log" | "types" | "streams";
  /** In the order of the query; at least one. */
  readonly streams: readonly FollowedStream[];
}

/** What `$all` is read by. */
const ALL: SourcePlan = {
  kind: "log",
  streams: [{ streamName: "$all", key: "$all" }],
};
/** Lists of types that hold the events that say that a stream was deleted. */
const DELETED_TYPE = "$deleted";
const LINK_TYPE = "$>";

/**
 * Plans the reading of a definition's source.
 *
 * @param catalog Streams that the catalogue names, if it has one.
 */
export function planOf(
  definition: SourceDefinition,
  catalog: readonly string[] = [],
): SourcePlan {
  if (definition.allStreams !== true) {
    const names = new Set([
      ...definition.streams,
      ...definition.categories.map((category) => `$ce-${category}`),
      ...catalog,
    ]);
    const streams = [...names].map((name) => ({ streamName: name, key: name }));
    return { kind: "streams", streams };
  }
  const types = new Set(definition.events);
  const isListed = definition.allEvents !== true && types.size > 0 &&
    !types.has(LINK_TYPE);
  if (!isListed) return ALL;
  if (definition.options.handlesDeletedNotifications) types.add(DELETED_TYPE);
  const streams = [...types].map((type) => ({
    streamName: `$et-${type}`,
    key: type,
  }));
  return { kind: "types", streams };
}

/** What a plan is made of. */
export type SourceDefinition = Pick<
  ProjectionDefinition,
  "allStreams" | "allEvents" | "streams" | "categories" | "events" | "options"
>;

/** How far a plan's streams were taken. */
export class Cursor {
  readonly plan: SourcePlan;
  /** Places in the order of the plan's streams. */
  readonly places: number[];
  /** Position of the last event in the log; -1: none. Not kept for streams. */
  logPosition: number;

  constructor(plan: SourcePlan, position: SourcePosition | undefined) {
    this.plan = plan;
    const known = new Map(position?.streams);
    this.logPosition = position?.log?.prepare ?? -1;
    this.places = plan.streams.map(({ key }) =>
      plan.kind === "log" ? this.logPosition : known.get(key) ?? -1
    );
  }

  /** Goes on to behind an event. */
  take(at: EventPlace): void {
    this.places[at.streamIndex] = at.place;
    this.logPosition = at.logPosition;
  }

  get position(): SourcePosition {
    const { kind, streams } = this.plan;
    const places = streams.map(({ key }, index) =>
      [key, this.places[index] ?? -1] as const
    );
    if (kind === "streams") return { streams: places };
    const log = {
      commit: Math.max(0, this.logPosition),
      prepare: this.logPosition,
    };
    return kind === "log" ? { log } : { log, streams: places };
  }
}

/** Where an event stands in its source. */
export interface EventPlace {
  /** Of its stream in the plan. */
  readonly streamIndex: number;
  readonly place: number;
  /** Of the event that stands in the source: of a link, not its target's. */
  readonly logPosition: number;
}

/** Whether what a position covers includes an event of a plan. */
export function covers(
  position: SourcePosition,
  { kind, streams }: SourcePlan,
  { streamIndex, place, logPosition }: EventPlace,
): boolean {
  if (kind !== "streams") return logPosition <= (position.log?.prepare ?? -1);
  const key = streams[streamIndex]?.key;
  const found = position.streams?.find(([name]) => name === key);
  return found !== undefined && place <= found[1];
}

/** Whether a position is that of another one, or before it. */
export function isCoveredBy(
  earlier: SourcePosition,
  later: SourcePosition,
): boolean {
  if (earlier.log !== undefined || later.log !== undefined) {
    return (earlier.log?.prepare ?? -1) <= (later.log?.prepare ?? -1);
  }
  const places = new Map(later.streams);
  return (earlier.streams ?? []).every(([name, place]) =>
    place <= (places.get(name) ?? -1)
  );
}

/** Members of metadata that say a position, without braces. */
export function membersOf({ log, streams }: SourcePosition): string {
  const all = log && `"$c":${log.commit},"$p":${log.prepare}`;
  const places = streams?.map(([name, place]) =>
    `${JSON.stringify(name)}:${place}`
  );
  const each = places && `"$s":{${places.join(",")}}`;
  return [all, each].filter((text) => text !== undefined).join(",");
}

/** Who wrote an event: a projection since its last reset. */
export interface WriterMark {
  readonly number: number;
  readonly epoch: number;
  readonly version: number;
}

/** The member `$v` of what a projection writes. */
export function versionMemberOf(
  { number, epoch, version }: WriterMark,
): string {
  return `"$v":"${number}:${epoch}:${version}:3"`;
}

/** What the metadata of an event that a projection wrote says of it. */
export interface WrittenMark extends WriterMark {
  readonly position: SourcePosition;
}

/** Reads that from metadata; undefined: no projection wrote it. */
export function readMark(metadata: Uint8Array): WrittenMark | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(decodeJsonText(metadata));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { $v, ...rest }: Record<string, unknown> = { ...parsed };
  const numbers = typeof $v === "string" ? $v.split(":").map(Number) : [];
  const [number, epoch, version] = numbers;
  const isMark = number !== undefined && epoch !== undefined &&
    version !== undefined && numbers.every(Number.isSafeInteger);
  const position = parsePosition(rest);
  if (!isMark || position === undefined) return undefined;
  return { number, epoch, version, position };
}

/**
 * Reads a position from a document's members `$s`, `$c` and `$p`.
 *
 * @returns Undefined if it has none, or they have other types.
 */
export function parsePosition(
  { $c, $p, $s }: Readonly<Record<string, unknown>>,
): SourcePosition | undefined {
  const hasLog = $c !== undefined || $p !== undefined;
  if (!hasLog && $s === undefined) return undefined;
  const isObject = typeof $s === "object" && $s !== null && !Array.isArray($s);
  if ($s !== undefined && !isObject) return undefined;
  const streams: [string, number][] = [];
  for (const [name, place] of Object.entries({ ...$s })) {
    if (!isNumber(place)) return undefined;
    streams.push([name, place]);
  }
  if (!hasLog) return { streams };
  if (!isNumber($c) || !isNumber($p)) return undefined;
  const log = { commit: $c, prepare: $p };
  return $s === undefined ? { log } : { log, streams };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

/** A position as statistics show it (spec: projections §4.1). */
export function positionTextOf({ log, streams }: SourcePosition): string {
  const all = log && `C:${log.commit}/P:${log.prepare}`;
  const places = (streams ?? []).map(([name, place]) => `${name}: ${place}`);
  if (all === undefined && places.length === 1) return places[0] ?? "";
  const each = places.map((text) => `${text}; `).join("");
  return all === undefined || each === "" ? all ?? each : `${all}; ${each}`;
}
