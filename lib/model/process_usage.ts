/**
 * Resource usage of this process and its machine, as a port; `lib/runtime` has the real
 * one. What the system does not tell, or may not be asked, is undefined.
 *
 * @module
 */

export interface ProcessUsage {
  readonly processId: number;
  /** Microseconds since 1970. */
  readonly startedAtUs: number;
  readonly uptimeSeconds: number;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  /** Memory outside of the heap that objects in it hold. */
  readonly externalBytes: number;
  readonly openFileCount: number | undefined;
  readonly processorCount: number;
  /** Reads and writes of the device that this process caused. */
  readonly deviceReads: number | undefined;
  readonly deviceWrites: number | undefined;
  readonly freeMemoryBytes: number | undefined;
  readonly totalMemoryBytes: number | undefined;
}

/** Room on the device that the store is on. */
export interface DeviceSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}
