/**
 * Events of the history of scavenges, as the original writes them:
 *
 *   $scavenges                 $scavengeIndexInitialized, then links to the
 *                              beginning and the end of each scavenge
 *   $scavenges-<scavenge id>   $scavengeStarted
 *                              $scavengeChunksCompleted   a segment each
 *                              $scavengeCompleted
 *
 * Segments that held nothing that could go have no event: they are not looked
 * into. Both streams forget by `$maxAge`.
 *
 * @module
 */

import type { ScavengedSegment } from "../store/maintenance.ts";

/** Stream with links to the events below. */
export const SCAVENGES_STREAM = "$scavenges";
export const INDEX_INITIALIZED = "$scavengeIndexInitialized";
export const SCAVENGE_STARTED = "$scavengeStarted";
export const CHUNKS_COMPLETED = "$scavengeChunksCompleted";
export const SCAVENGE_COMPLETED = "$scavengeCompleted";

const PREFIX = SCAVENGES_STREAM + "-";
const SECONDS_PER_DAY = 24 * 3600;

/** Which scavenge, and where. */
export interface ScavengeName {
  /** UUID. */
  readonly scavengeId: string;
  /** `host:port`. */
  readonly nodeEndpoint: string;
}

/** How a scavenge ended. */
export interface ScavengeEnd {
  readonly result: "Success" | "Failed" | "Stopped";
  readonly error: string | null;
  /** Undefined where nobody knows: shown as null. */
  readonly tookUs: number | undefined;
  /** The same. */
  readonly freedBytes: number | undefined;
}

/** Name of the stream of one scavenge. */
export function streamOfScavenge(scavengeId: string): string {
  return PREFIX + scavengeId;
}

/** Id of the scavenge that a stream is of; undefined: of none. */
export function scavengeOfStream(streamName: string): string | undefined {
  return streamName.startsWith(PREFIX)
    ? streamName.slice(PREFIX.length)
    : undefined;
}

/** Metadata of the streams of the history. */
export function renderMaxAge(days: number): string {
  return render({ $maxAge: days * SECONDS_PER_DAY });
}

/** Data of the event that a scavenge began. */
export function renderStarted(
  { scavengeId, nodeEndpoint }: ScavengeName,
): string {
  return render({ scavengeId, nodeEndpoint });
}

/** Data of the event of one segment. */
export function renderChunk(
  { scavengeId, nodeEndpoint }: ScavengeName,
  { segment, tookUs, freedBytes, failure }: ScavengedSegment,
): string {
  return render({
    scavengeId,
    chunkStartNumber: segment,
    chunkEndNumber: segment,
    timeTaken: renderTimeSpan(tookUs),
    wasScavenged: failure === undefined,
    spaceSaved: freedBytes,
    nodeEndpoint,
    errorMessage: failure ?? "",
  });
}

/** Data of the event that a scavenge ended. */
export function renderCompleted(
  { scavengeId, nodeEndpoint }: ScavengeName,
  { result, error, tookUs, freedBytes }: ScavengeEnd,
): string {
  return render({
    scavengeId,
    nodeEndpoint,
    result,
    error,
    timeTaken: tookUs === undefined ? null : renderTimeSpan(tookUs),
    spaceSaved: freedBytes ?? null,
  });
}

/**
 * A duration as the original renders one: `[d.]hh:mm:ss[.fffffff]`.
 *
 * @param durationUs Microseconds, 0 or more.
 */
export function renderTimeSpan(durationUs: number): string {
  const us = Math.max(0, Math.round(durationUs));
  const seconds = Math.floor(us / 1_000_000);
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const clock = [
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ].map((part) => String(part).padStart(2, "0")).join(":");
  const fraction = us % 1_000_000;
  return (days > 0 ? `${days}.` : "") + clock +
    (fraction > 0 ? `.${String(fraction).padStart(6, "0")}0` : "");
}

function render(document: unknown): string {
  return JSON.stringify(document, null, 2);
}
