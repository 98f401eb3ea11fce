/**
 * Metrics of the store: counts and times of its writes, by commit group, and the
 * numbers that the store gives of itself.
 *
 * @module
 */

import type { ConnectionStatus, EventStore } from "../store/event_store.ts";
import type { CacheStatus } from "../store/maintenance.ts";
import type { StoreObserver } from "../store/store_observer.ts";
import { COUNT_BOUNDS, Histogram, SECONDS_BOUNDS } from "./histogram.ts";
import { counter, gauge, type MetricFamily, samplesBy } from "./metric.ts";
import type { SlowWarnings } from "./slow_warnings.ts";

export class StoreMetrics implements StoreObserver {
  readonly groupRequests = new Histogram(COUNT_BOUNDS);
  readonly groupEvents = new Histogram(COUNT_BOUNDS);
  readonly groupBytes = new Histogram(COUNT_BOUNDS.map((bound) => 64 * bound));
  readonly syncSeconds = new Histogram(SECONDS_BOUNDS);
  readonly commitSeconds = new Histogram(SECONDS_BOUNDS);
  readonly #slow: SlowWarnings | undefined;

  /** @param slow Gets the time of each sync and commit. */
  constructor(slow?: SlowWarnings) {
    this.#slow = slow;
  }

  groupEncoded(requests: number, events: number, bytes: number): void {
    this.groupRequests.note(requests);
    this.groupEvents.note(events);
    this.groupBytes.note(bytes);
  }

  synced(durationMs: number): void {
    this.syncSeconds.note(durationMs / 1000);
    this.#slow?.note(durationMs, performance.now(), () => ({
      step: "sync",
      sizeBytes: this.groupBytes.last,
    }));
  }

  committed(durationMs: number): void {
    this.commitSeconds.note(durationMs / 1000);
    this.#slow?.note(durationMs, performance.now(), () => ({ step: "commit" }));
  }

  /** Totals since the start. */
  families(): MetricFamily[] {
    return [
      counter(
        "quipu_events_written_total",
        "Events that were written to the log.",
        this.groupEvents.sum,
      ),
      counter(
        "quipu_log_written_bytes_total",
        "Bytes that were written to the log.",
        this.groupBytes.sum,
      ),
      this.groupRequests.family(
        "quipu_commit_group_requests",
        "Appends and deletes that were written and synced together.",
      ),
      this.groupEvents.family(
        "quipu_commit_group_events",
        "Events that were written and synced together.",
      ),
      this.groupBytes.family(
        "quipu_commit_group_size_bytes",
        "Size of the appends and deletes that were written and synced together.",
      ),
      this.syncSeconds.family(
        "quipu_sync_duration_seconds",
        "Time to sync a commit group.",
      ),
      this.commitSeconds.family(
        "quipu_commit_duration_seconds",
        "Time to commit one or more synced groups.",
      ),
    ];
  }
}

/** The numbers that a store gives of itself, as metrics. */
export async function storeFamilies(
  store: Pick<EventStore, "status" | "readEnd" | "promises" | "maintenance">,
): Promise<MetricFamily[]> {
  const { readOnlyReason, damage, names, queue, connection } = store.status();
  const { end } = await store.readEnd();
  const figures = store.maintenance?.figures?.();
  return [
    gauge(
      "quipu_read_only",
      "Whether nothing can be written at the moment.",
      readOnlyReason === undefined ? 0 : 1,
    ),
    {
      name: "quipu_known_damage",
      help: "Findings of the last verification, and records that reads could " +
        "not read since.",
      type: "gauge",
      samples: samplesBy("kind", [
        ["damaged", damage?.damageCount ?? 0],
        ["broken", damage?.brokenCount ?? 0],
        ["unreadable", damage?.unreadableCount ?? 0],
      ]),
    },
    ...(connection === undefined ? [] : connectionFamilies(connection)),
    gauge("quipu_segments", "Segments of the log.", figures?.segmentCount),
    gauge(
      "quipu_streams",
      "Streams that were ever written.",
      figures?.streamCount,
    ),
    gauge(
      "quipu_open_log_files",
      "Files of the log that are open for reading.",
      figures?.openFileCount,
    ),
    ...cacheFamilies({
      records: figures?.caches.records,
      index_blocks: figures?.caches.indexBlocks,
    }),
    gauge(
      "quipu_names_bytes",
      "Memory of the names of streams, categories and event types.",
      names?.bytes,
    ),
    gauge(
      "quipu_names_limit_bytes",
      "Memory that names may take before new ones are refused.",
      names?.bytesMax,
    ),
    gauge(
      "quipu_log_end_position_bytes",
      "Position after the last committed record.",
      store.promises.positions === "opaque" ? undefined : end,
    ),
    gauge(
      "quipu_append_queue_requests",
      "Appends and deletes that wait for their commit group.",
      queue?.requests,
    ),
    gauge(
      "quipu_append_queue_events",
      "Events that wait for their commit group.",
      queue?.events,
    ),
    gauge(
      "quipu_append_queue_limit_events",
      "Events that may wait for their commit group.",
      queue?.eventsMax,
    ),
    gauge(
      "quipu_append_queue_bytes",
      "Most bytes that what waits will take.",
      queue?.bytes,
    ),
    gauge(
      "quipu_append_queue_limit_bytes",
      "Bytes that may wait for their commit group.",
      queue?.bytesMax,
    ),
  ];
}

/** The way to a store that is elsewhere, as metrics. */
export function connectionFamilies(
  { isReachable, failoverCount, barrierMs, tailAgeMs, memberCount }:
    ConnectionStatus,
): MetricFamily[] {
  return [
    gauge(
      "quipu_database_reachable",
      "Whether the database's primary can be reached.",
      isReachable ? 1 : 0,
    ),
    counter(
      "quipu_database_failovers_total",
      "How often another primary of the database took over, or one anew.",
      failoverCount,
    ),
    gauge(
      "quipu_barrier_duration_seconds",
      "Time that the last barrier before reads took.",
      barrierMs / 1000,
    ),
    gauge(
      "quipu_tail_age_seconds",
      "Time since live feeds last knew everything that any server wrote.",
      tailAgeMs / 1000,
    ),
    gauge(
      "quipu_servers",
      "Servers that have the store open, this one included.",
      memberCount,
    ),
  ];
}

/** Hits and misses by the name of the cache. */
export function cacheFamilies(
  caches: Readonly<Record<string, CacheStatus | undefined>>,
): MetricFamily[] {
  const samplesOf = (member: "hits" | "misses") =>
    samplesBy(
      "cache",
      Object.entries(caches).flatMap(([name, status]) =>
        status === undefined ? [] : [[name, status[member]] as const]
      ),
    );
  return [
    {
      name: "quipu_cache_hits_total",
      help: "Lookups that a cache answered.",
      type: "counter",
      samples: samplesOf("hits"),
    },
    {
      name: "quipu_cache_misses_total",
      help: "Lookups that a cache could not answer.",
      type: "counter",
      samples: samplesOf("misses"),
    },
  ];
}
