/**
 * Requests for backups, restores, exports and imports, and what they
 * tell when they are done.
 *
 * @module
 */

import type { ProposedEvent } from "../model/event.ts";

/** The result of a backup. */
export interface BackupReport {
  readonly storeId: string;
  /** Log position up to which it goes. */
  readonly end: number;
  /** Time of its last event, microseconds since 1970; undefined: it has none. */
  readonly lastCreatedAtUs: number | undefined;
  readonly segmentCount: number;
  /** Segments that were not there already, and their bytes. */
  readonly copiedCount: number;
  readonly copiedBytes: number;
  /** Bytes of all segments. */
  readonly totalBytes: number;
}

/** Up to where: what stands before a position, or was written before a time. */
export type LogPoint =
  | { readonly position: number }
  /** Microseconds since 1970. */
  | { readonly timeUs: number };

/** The result of a restore. */
export interface RestoreReport {
  readonly storeId: string;
  /** Log position up to which the store goes. */
  readonly end: number;
  /** Where the backup ends. */
  readonly backupEnd: number;
  /** Time of the last event, microseconds since 1970; 0 for an empty store. */
  readonly lastCreatedAtUs: number | undefined;
  readonly segmentCount: number;
  readonly streamCount: number;
  readonly copiedBytes: number;
}

/** Which events are exported: those that meet everything that is said. */
export interface ExportSelection {
  /** Of one stream, with its metadata. */
  readonly streamName?: string;
  /** Of the streams of one category, with their metadata. */
  readonly category?: string;
  /** Written at that time or later, microseconds since 1970. */
  readonly fromUs?: number;
  /** Where to stop. */
  readonly to?: LogPoint;
  /**
   * Whether streams of the system are exported: users, tokens, settings, and
   * the metadata of every stream with its access list. Default: no.
   */
  readonly withSystem?: boolean;
}

/** An event with its number and time. */
export interface NumberedEvent {
  readonly streamName: string;
  /** `TOMBSTONE_EVENT_NUMBER` for a tombstone. */
  readonly eventNumber: number;
  /** Microseconds since 1970. */
  readonly createdAtUs: number;
  readonly event: ProposedEvent;
}

/** The result of an export. */
export interface ExportReport {
  readonly storeId: string;
  readonly eventCount: number;
  /** Events of the system that were selected, but for that. */
  readonly leftOutCount: number;
  readonly runCount: number;
  /** Log position up to which the log was looked at. */
  readonly end: number;
}

/** The result of an import. */
export interface ImportReport {
  readonly lineCount: number;
  /** Events that were written now. */
  readonly importedCount: number;
  /** Events that were there already. */
  readonly knownCount: number;
  /** Events of streams of the system that were not to be imported. */
  readonly leftOutCount: number;
  /** Users that were written to. */
  readonly userCount: number;
  /** Metadata with an access list that was written. */
  readonly rightsCount: number;
  /** Settings that were written. */
  readonly settingsCount: number;
  /** Log position after the last event of the store. */
  readonly end: number;
}
