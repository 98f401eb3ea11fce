/**
 * Events as clients send them and as the store keeps them.
 *
 * @module
 */

/** An event that a client asks the store to append. */
export interface ProposedEvent {
  /** UUID, 36 characters, lower case with hyphens. Never the zero UUID. */
  readonly eventId: string;
  /**
   * Where the id's 16 bytes stand from `eventIdOffset` on, if they are at hand:
   * a consumer of bytes need not make a text first.
   */
  readonly eventIdBytes?: Uint8Array;
  readonly eventIdOffset?: number;
  /** Name of the type, 1 to `LIMITS.storedEventTypeBytesMax` bytes of UTF-8. */
  readonly eventType: string;
  /** Whether clients see the data as JSON. */
  readonly isJson: boolean;
  /** Payload; a string is stored as its UTF-8 bytes. */
  readonly data: string | Uint8Array;
  /** Payload about the payload; a string is stored as its UTF-8 bytes. */
  readonly metadata: string | Uint8Array;
}

/** An event as the store keeps it: numbered, placed in the log, timed. */
export interface RecordedEvent {
  readonly streamName: string;
  /** 0-based number in its stream, or `TOMBSTONE_EVENT_NUMBER`. */
  readonly eventNumber: number;
  /** UUID, 36 characters, lower case with hyphens. */
  readonly eventId: string;
  readonly eventType: string;
  readonly isJson: boolean;
  /** Empty when the read asked for no bodies. Must not be changed. */
  readonly data: Uint8Array;
  /** Empty when the read asked for no bodies. Must not be changed. */
  readonly metadata: Uint8Array;
  /** Microseconds since 1970-01-01T00:00:00Z; never less than an earlier record's. */
  readonly createdAtUs: number;
  /** Logical place of the record in the log; stays when a segment is rewritten. */
  readonly logPosition: number;
  /** Its place among what one request wrote; undefined: the store does not tell. */
  readonly inBatch?: PlaceInBatch;
}

/** Place of an event among those that one request wrote, all or nothing. */
export interface PlaceInBatch {
  readonly index: number;
  readonly isLast: boolean;
  /** Log position after it. */
  readonly end: number;
}
