/**
 * Resource usage of the process, as metrics, under the names that all programs share
 * where there are such.
 *
 * @module
 */

import type { DeviceSpace, ProcessUsage } from "../model/process_usage.ts";
import { counter, gauge, type MetricFamily, samplesBy } from "./metric.ts";

/** Process, device and version. */
export function processFamilies(
  usage: ProcessUsage,
  options: {
    readonly device: DeviceSpace | undefined;
    /** Version of the program. */
    readonly version: string;
  },
): MetricFamily[] {
  const { device, version } = options;
  return [
    counter(
      "process_cpu_seconds_total",
      "Processor time that the process took.",
      usage.cpuUserSeconds + usage.cpuSystemSeconds,
    ),
    gauge(
      "process_resident_memory_bytes",
      "Memory that the process has.",
      usage.residentBytes,
    ),
    gauge(
      "process_start_time_seconds",
      "When the process was started, in seconds since 1970.",
      usage.startedAtUs / 1e6,
    ),
    gauge("process_open_fds", "Open file descriptors.", usage.openFileCount),
    gauge(
      "quipu_heap_used_bytes",
      "Memory of objects in the heap.",
      usage.heapUsedBytes,
    ),
    gauge(
      "quipu_heap_size_bytes",
      "Memory that the heap has.",
      usage.heapTotalBytes,
    ),
    gauge(
      "quipu_external_memory_bytes",
      "Memory outside of the heap that objects in it hold.",
      usage.externalBytes,
    ),
    gauge(
      "quipu_uptime_seconds",
      "Time since the process was started.",
      usage.uptimeSeconds,
    ),
    gauge(
      "quipu_disk_free_bytes",
      "Room on the device of the store.",
      device?.freeBytes,
    ),
    gauge(
      "quipu_disk_size_bytes",
      "Size of the device of the store.",
      device?.totalBytes,
    ),
    {
      name: "quipu_build_info",
      help: "Version of the program; the number is always 1.",
      type: "gauge",
      samples: samplesBy("version", [[version, 1]]),
    },
  ];
}
