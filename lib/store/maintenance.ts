/**
 * The port of what keeps a store well: long work that an operator starts and
 * watches, without a word on files.
 *
 * Every job runs beside appends and reads and keeps
 * neither waiting; its memory is bounded; it ends soon after `signal` was
 * aborted, by throwing the signal's reason, and leaves the store as it was or
 * as if it had got that far.
 *
 * @module
 */

/** How far a job is. */
export interface JobProgress {
  /** Its current step, in a word or two: "checking segments". */
  readonly phase: string;
  /** How much of this phase is done, 0 to `total`. */
  readonly done: number;
  /** How much there is to do in this phase; 0 while that is not known. */
  readonly total: number;
  readonly unit: "bytes" | "events" | "segments" | "checks";
}

/** The other end of a job: who started it. */
export interface JobControl {
  /** Aborted when the job is to stop. */
  readonly signal: AbortSignal;
  /** Is told how far the job is; cheap, may be called often. */
  report(progress: JobProgress): void;
  /**
   * Lets others go first. A job awaits it every few milliseconds of work;
   * without it nobody else waits and the job need not.
   */
  pause?(): Promise<void>;
}

/** The request for a check. */
export interface VerifyRequest {
  /**
   * Whether indexes are compared entry by entry with what the log says, too,
   * instead of by their checksums and counts alone.
   */
  readonly isDeep: boolean;
}

/** Kinds of findings; `storage/maintenance/verify/` says what each means. */
export type FindingKind =
  | "missingSegment"
  | "segmentHeader"
  | "segmentChain"
  | "record"
  | "run"
  | "eventNumber"
  | "ordinal"
  | "position"
  | "tornTail"
  | "uncommitted"
  | "logShort"
  | "indexMissing"
  | "indexFile"
  | "indexContent"
  | "headsFile"
  | "headsContent"
  | "commitMissing"
  | "commitRecord"
  | "database"
  | "lostRange"
  | "strangeFile"
  | "unreadable";

/**
 * How bad it is: `damage` loses events that were acknowledged, `broken` loses
 * nothing but must be mended, `notice` is worth knowing and hurts nobody.
 */
export type FindingSeverity = "damage" | "broken" | "notice";

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly severity: FindingSeverity;
  /** The finding in words, without a final period. */
  readonly what: string;
  /** Where: a name in the store's directory, and a byte in it. */
  readonly file?: string;
  readonly offset?: number;
  /** Log position that it is about. */
  readonly position?: number;
  /** Advice, without a final period. */
  readonly advice: string;
}

/** The result of a check. */
export interface VerifyReport {
  readonly isDeep: boolean;
  /** Whether nothing is damaged or broken. */
  readonly isClean: boolean;
  /** In the order in which they were found; at most `LIMITS.findingsMax`. */
  readonly findings: readonly Finding[];
  /** How many there were, by how bad they are; those not listed included. */
  readonly damageCount: number;
  readonly brokenCount: number;
  readonly noticeCount: number;
  readonly segmentCount: number;
  readonly eventCount: number;
  /** Bytes that were read and checked. */
  readonly checkedBytes: number;
  /** Position after the last committed record. */
  readonly endPosition: number;
}

/** The request for a backup. */
export interface BackupRequest {
  /** Files of it that the requester has already: name → CRC-32 in hexadecimal digits. */
  readonly have: ReadonlyMap<string, string>;
  /** Whether every record is checked before it is handed over. */
  readonly isChecked: boolean;
  /** Version of the program. */
  readonly version: string;
  /** Microseconds since 1970. */
  readonly takenAtUs: number;
}

/**
 * A backup that is being taken: of what was committed when it was opened,
 * whatever is written meanwhile.
 */
export interface OpenBackup {
  readonly storeId: string;
  /** Log position up to which it goes. */
  readonly end: number;
  /** Bytes of the whole archive. */
  readonly bytes: number;
  /**
   * The next bytes of the archive, which are the caller's; undefined after the
   * last ones. At most 256 KiB: reading them takes a fraction of a millisecond.
   *
   * @throws {QuipuError} `corruptRecord`.
   */
  next(): Uint8Array | undefined;
  /** Lets go of what it needs of the store. May be called twice. */
  close(): void;
}

/** The request for a scavenge. */
export interface ScavengeRequest {
  /** Number of the first segment to look at; the oldest by default. */
  readonly fromSegment?: number;
  /** Is told of each segment that was written anew, or could not be. */
  readonly onSegment?: (segment: ScavengedSegment) => void;
}

/** The result for one segment with garbage. */
export interface ScavengedSegment {
  readonly segment: number;
  /** Microseconds. */
  readonly tookUs: number;
  readonly freedBytes: number;
  /** Why it stayed as it was, in words; undefined: it was written anew. */
  readonly failure: string | undefined;
}

/** A segment that could not be scavenged. */
export interface SkippedSegment {
  readonly segment: number;
  /** Why, in words. */
  readonly reason: string;
}

/** The result of a scavenge. */
export interface ScavengeReport {
  /** Segments that were looked at. */
  readonly segmentCount: number;
  /** Those that held something that could go, and were written anew. */
  readonly scavengedCount: number;
  /** Events that are gone. */
  readonly removedCount: number;
  /** Bytes that were given back, or will be once backups let go of them. */
  readonly freedBytes: number;
  /** Whether a new segment was begun, because much of the active one could go. */
  readonly isActiveSealed: boolean;
  /** Whether nothing was skipped. */
  readonly isComplete: boolean;
  /** The first of what was, at most `LIMITS.findingsMax`. */
  readonly skipped: readonly SkippedSegment[];
}

/** How large a store is, and how well its caches work. */
export interface StoreFigures {
  readonly segmentCount: number;
  readonly streamCount: number;
  /** Files of the log that are open for reading. */
  readonly openFileCount: number;
  readonly caches: Readonly<Record<"records" | "indexBlocks", CacheStatus>>;
}

/** How often a cache had what was asked for, since the store was opened. */
export interface CacheStatus {
  readonly hits: number;
  readonly misses: number;
}

/**
 * Maintenance of a store while it is open. What a store lacks, its own tools do.
 */
export interface StoreMaintenance {
  /** Undefined: the store is not of files. */
  figures?(): StoreFigures;

  /** Whether the store was opened for reading alone: then nothing is changed. */
  readonly isReadOnly: boolean;

  /**
   * Checks everything that is on disk: what was committed when it is called,
   * and what is committed while it goes on or not.
   *
   * @throws {QuipuError} `storeClosed`. Damage is a finding, never an error.
   */
  verify(request: VerifyRequest, control: JobControl): Promise<VerifyReport>;

  /**
   * Begins a backup; it must be closed. Undefined: the store has other means.
   *
   * @throws {QuipuError} `corruptRecord`, or `storeReadOnly` for a store that
   * was never written.
   */
  openBackup?(request: BackupRequest): OpenBackup;

  /**
   * Removes events that readers cannot see any more: what was deleted, and what
   * `$tb`, `$maxCount` and `$maxAge` hide. Positions, numbers and ordinals of
   * all that stays are what they were. Stopped halfway, it has done so much of
   * it, and goes on from there when it is called again.
   *
   * @throws {QuipuError} `storeReadOnly` for a store that is opened for reading
   * alone, `storeFull` when there is not even room to begin, `invalidRequest`
   * while another one is under way, `storeClosed`.
   */
  scavenge(
    request: ScavengeRequest,
    control: JobControl,
  ): Promise<ScavengeReport>;
}

/** One thing that a repair does, or would do. */
export interface RepairAction {
  readonly kind:
    /** A torn end that nobody was told of is kept in `lost/` and cut. */
    | "cutTail"
    /** A segment is written anew with what is whole of it. */
    | "isolate"
    /** A segment is written anew, with other numbers for some records. */
    | "renumber"
    /** A segment that is gone gets a place that says so. */
    | "replace"
    /** A file that is no part of the store is kept in `lost/`. */
    | "moveAway"
    /** An index file, the heads or the KV is made again from the log. */
    | "rebuild";
  /** Name in the store's directory. */
  readonly file: string;
  /** The action in words, without a final period. */
  readonly what: string;
}

/** Numbers or positions from one to another, both included. */
export interface LostRange {
  readonly from: number;
  readonly to: number;
}

/** Numbers of a stream that are gone. */
export interface LostEvents extends LostRange {
  readonly streamName: string;
}

/** An event that gets another number. */
export interface RenumberedEvent {
  readonly streamName: string;
  readonly from: number;
  readonly to: number;
}

/** The result of a repair. */
export interface RepairReport {
  /** Whether there was anything to do. */
  readonly isNeeded: boolean;
  readonly isDone: boolean;
  readonly actions: readonly RepairAction[];
  /** Positions whose records cannot be read. */
  readonly lostPositions: readonly LostRange[];
  /**
   * Numbers that are gone, as far as they are known; at most
   * `LIMITS.findingsMax`.
   */
  readonly lostEvents: readonly LostEvents[];
  /** How many numbers those are, with those that are not listed. */
  readonly lostEventCount: number;
  /**
   * Events that get the next number of their stream, because the one that they
   * have is taken; at most `LIMITS.findingsMax`.
   */
  readonly renumberedEvents: readonly RenumberedEvent[];
  /** Damage that cannot be repaired. */
  readonly unrepaired: readonly Finding[];
  /** File that says what was done; undefined when nothing was. */
  readonly note: string | undefined;
}

/** The result of compacting the KV's file. */
export interface CompactReport {
  /** Name in the store's directory. */
  readonly file: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}
