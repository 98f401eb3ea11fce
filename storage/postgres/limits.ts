/**
 * What bounds a store in PostgreSQL besides the limits of the server.
 *
 * @module
 */

const MIB = 1024 * 1024;

/** Bounds, with the unit last in each name. */
export const POSTGRES_LIMITS = {
  /** Longest time to connect to one host. */
  connectMs: 3_000,
  /** As an owner, who waits for no next host. */
  ownerConnectMs: 20_000,
  /** Longest time to wait for an answer; then the connection is closed. */
  answerMs: 5_000,
  /** Longest time that a step of a migration takes. */
  migrateMs: 600_000,
  /** Longest time that an append waits for its turn inside PostgreSQL. */
  lockMs: 4_000,
  /** Longest time that a request waits for a database that cannot be reached. */
  awayMs: 5_000,
  /** Longest time that an append waits whose fate is not known. */
  doubtMs: 30_000,
  /** Waits between attempts to connect, the shortest and the longest. */
  retryMsMin: 50,
  retryMsMax: 1_000,
  /** Connections that read. */
  readersMax: 4,
  /** Requests, events and bytes that are committed together. */
  groupRequestsMax: 2_000,
  groupEventsMax: 20_000,
  groupBytesMax: 8 * MIB,
  /** How often others' commits are looked for, besides what NOTIFY says. */
  pollMs: 100,
  /** Oldest knowledge that `bounded` reads may be answered from. */
  boundedMs: 100,
  /** UTF-16 units of names whose states are kept, 100 more for each of them. */
  statesLengthMax: 16 * MIB,
  /** Events that are looked at together to tell watchers. */
  tailEventsMax: 2_000,
  /** Events of the log that a filter looks at together. */
  scanEventsMax: 1_000,
  /** How often a server says that it lives, and when it counts as gone. */
  beatMs: 2_000,
  goneMs: 10_000,
} as const;
