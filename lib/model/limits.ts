/**
 * Every bound of the server in one table: what is queued, cached, read,
 * buffered or waited for. `lib/cli/options` makes options of those that an operator
 * may change. What bounds files alone stands in `storage/disk/limits.ts`.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds, with the unit last in each name. */
export const LIMITS = {
  // Requests.
  /** Data plus metadata of one event (spec: streams §2.6). */
  eventBytesMax: 4 * MIB,
  requestBytesMax: 16 * MIB,
  /** Content codings of one body, one upon the other. */
  contentCodingsMax: 4,
  batchEventsMax: 100_000,
  jsonDepthMax: 200,
  xmlDepthMax: 200,
  /** Attributes of one XML element. */
  xmlAttributesMax: 10_000,
  /** Request bodies from this size on are decoded in turns with other work. */
  decodeTurnsBytesMin: 128 * KIB,
  /** UTF-8 bytes of a new stream's name, and of one that may be there already. */
  streamNameBytesMax: 1 * KIB,
  storedStreamNameBytesMax: 4 * KIB,
  /** UTF-8 bytes of a new event type, and of one that may be there already. */
  eventTypeBytesMax: 256,
  storedEventTypeBytesMax: 1 * KIB,
  /** Body of a request about users, tokens or subscriptions. */
  userBodyBytesMax: 512 * KIB,
  /** Messages that a consumer which is pushed to may hold. */
  subscriptionSlotsMax: 1_000,
  /** Body that lists the files of a backup: of some 25,000 of them. */
  backupListBytesMax: 2 * MIB,
  /** Size of a request's head, and time to send it, with `--reason-phrases`. */
  headBytesMax: 64 * KIB,
  headersMax: 128,
  headReadMs: 15_000,
  /** Time that a connection may be idle, with `--reason-phrases`. */
  idleConnectionMs: 75_000,
  /** Time to send a whole body. */
  bodyReadMs: 15_000,
  /** Bytes of large bodies that clients have yet to send whole. */
  receiveBufferBytesMax: 256 * MIB,
  /** Requests that are answered at the same time, held ones aside. */
  requestsInFlightMax: 8192,

  // Answers.
  /** Entries of one page (spec: streams §5.1). */
  pageEventsMax: 4096,
  /** Event bytes that one page holds in memory before it is streamed. */
  pageBytesMax: 4 * MIB,
  /** Records that a filtered page of the whole log looks at. */
  filterScanMax: 10_000,
  /** Names that the store lists at once. */
  listedNamesMax: 1_000,

  // Queues and waits.
  appendQueueEventsMax: 200_000,
  appendQueueBytesMax: 128 * MIB,
  /** First wait before a failing store tries to write again; then longer ones. */
  writeRetryMs: 1_000,
  shutdownMs: 10_000,
  /** Requests that come while the store is being opened wait for so long. */
  startWaitMs: 10_000,
  /** Longest time that `ES-LongPoll` may ask for; more counts as this. */
  longPollMsMax: 120_000,
  /**
   * Long polls that are held in all, of one address and of one user. A quarter
   * of the first two is kept for clients that are logged in; so it is of those
   * of live feeds.
   */
  longPollsMax: 20_000,
  longPollsPerAddressMax: 1_000,
  longPollsPerUserMax: 10_000,
  /** Longest time that a client takes nothing of a large answer. */
  sendStallMs: 30_000,
  /** Bytes of large answers that clients have yet to take. */
  sendBufferBytesMax: 256 * MIB,
  /** Live feeds in all, of one address and of one user. */
  liveFeedsMax: 20_000,
  liveFeedsPerAddressMax: 1_000,
  liveFeedsPerUserMax: 10_000,
  /** Characters of events that a live feed sends at once; one event may be longer. */
  liveFeedChunkLengthMax: 32 * KIB,
  /** Bytes that are handed to a live feed's client at once. */
  liveFeedPieceBytesMax: 64 * KIB,
  /** Bytes of longer events that clients of live feeds are in the middle of. */
  liveFeedLongBytesMax: 64 * MIB,
  /** Rendered events that live feeds share, and how long they may. */
  liveFeedCacheBytes: 8 * MIB,
  liveFeedCacheMs: 1_000,
  liveFeedHeartbeatMs: 15_000,
  /** Time that a client may leave what it is sent unread. */
  liveFeedStallMs: 60_000,
  /** Age at which no record with an earlier time is still on its way. */
  asOfSettleMs: 10_000,

  // Persistent subscriptions.
  /** Groups in all; their configuration is one event. */
  subscriptionGroupsMax: 2_000,
  /** Messages of one group that are handed out and not answered. */
  subscriptionOutstandingMax: 8_000,
  /** Bytes of messages that groups hold, in all. */
  subscriptionBytesMax: 256 * MIB,
  /** Read-ahead of one group, whatever its settings say. */
  subscriptionBufferMax: 10_000,
  /** Runs of acknowledged messages above a checkpoint, and their bytes. */
  subscriptionDoneRangesMax: 4_000,
  subscriptionAckedBytesMax: 64 * KIB,
  /** Messages of one answer. */
  subscriptionReadMax: 100,
  /** Consumers that are pushed to, in all and of one address. */
  subscriptionConsumersMax: 1_000,
  subscriptionConsumersPerAddressMax: 100,
  /** Reads that are held for messages, in all. */
  subscriptionHeldReadsMax: 10_000,
  /** Pages of sources that groups share. */
  subscriptionPageCacheBytes: 8 * MIB,
  /** Groups that metrics tell apart. */
  subscriptionMetricsMax: 200,
  /** Wait before something is tried again that the store refused. */
  subscriptionRetryMs: 1_000,

  /** How long another server of the store is waited for, for its part of a list. */
  otherServerMs: 2_000,

  // What a projection may take.
  /** UTF-16 units of a query's text. */
  projectionQueryLengthMax: 512 * KIB,
  /** Time of one event's handlers, and of a batch of events. */
  projectionEventMs: 1_000,
  projectionBatchMs: 5_000,
  /** Time in which its query must be defined. */
  projectionDefineMs: 1_000,
  /** Time in which its worker must have started; and wait beyond the others. */
  projectionStartMs: 30_000,
  projectionSilenceMs: 1_000,
  /** Memory of its JavaScript engine. */
  projectionMemoryBytesMax: 64 * MIB,
  /** Events that are handed to it at once, and UTF-16 units of their texts. */
  projectionBatchEventsMax: 500,
  projectionBatchLengthMax: 1 * MIB,
  /** UTF-16 units of one state or result: it must fit into an event. */
  projectionStateLengthMax: 1 * MIB,
  /** UTF-16 units of all states of its partitions. */
  projectionStatesLengthMax: 128 * MIB,
  /** Partitions whose states its engine has at hand. */
  projectionPartitionsLiveMax: 1_000,
  /** Events that one event may emit, and UTF-16 units of them. */
  projectionEmitsMax: 10_000,
  projectionEmitLengthMax: 4 * MIB,
  /** Lines that one event may log, and UTF-16 units of one. */
  projectionLogLinesMax: 100,
  projectionLogLineLengthMax: 1 * KIB,
  /** UTF-16 units of output from which on a batch is handed on in parts. */
  projectionOutputLength: 1 * MIB,
  /** Projections in all; those that run at once, in some 16 MiB each. */
  projectionsMax: 1_000,
  projectionsRunningMax: 200,
  /** Memory of all of them together: as many as may run, in what each takes at least. */
  projectionsMemoryBytesMax: 4096 * MIB,
  /** Queries that are looked at side by side before they run. */
  projectionDefinesMax: 4,
  /** Transient ones of one user, and how long they stay when nobody asks. */
  projectionTransientsPerUserMax: 100,
  projectionTransientMs: 300_000,
  /** Lines of its log that are kept. */
  projectionLogKeptMax: 1_000,
  /** Wait before a start that failed is tried again. */
  projectionRetryMs: 1_000,
  /** Projections that metrics tell apart. */
  projectionMetricsMax: 200,
  /** Events of its source that are read at once for a query's author. */
  projectionReadEventsMax: 100,
  /** Queries that are debugged at once. */
  projectionDebugsMax: 4,
  /** Streams that such a read may name. */
  projectionSourcesReadMax: 100,
  /** Streams that a projection emits to whose ends it remembers. */
  projectionEmitStreamsMax: 10_000,
  /** Partitions whose states are kept in memory; others are read again. */
  projectionPartitionsCachedMax: 100_000,
  /** Streams that a query's catalogue may name. */
  projectionCatalogMax: 100_000,
  /** Events that runs share because one of them has read them. */
  projectionPagesBytesMax: 16 * MIB,
  /** Output of a fold without a server: lines, UTF-16 units of emitted events. */
  foldLogLinesMax: 1_000,
  foldEmittedLengthMax: 64 * MIB,
  /** Events that a fold holds to bring them into the order of their times. */
  foldReorderedMax: 100_000,

  // Who may log in, and how often they may fail.
  /** Users that are listed; no further one is created. */
  usersMax: 10_000,
  /** UTF-8 bytes of a login, of a full name and of one group. */
  userNameBytesMax: 256,
  /** Groups of one user. */
  userGroupsMax: 256,
  /** UTF-8 bytes; longer ones would only cost time to hash. */
  passwordBytesMax: 1 * KIB,
  /** Passwords hashed side by side; each takes a core and 16 MiB. */
  passwordHashesMax: 2,
  /** Passwords that wait to be hashed. */
  passwordHashQueueMax: 64,
  /** Logins that wait to be checked. */
  loginQueueMax: 64,
  /** Logins that an address may fail in a row. */
  loginFailuresMax: 30,
  /** Time after which one more failure is forgiven. */
  loginFailureForgetMs: 1_000,
  /** Longest time that a login is held because its address failed. */
  loginDelayMsMax: 10_000,
  /** Addresses whose failures are remembered, and their logins that were right. */
  loginFailureTableMax: 10_000,
  /** Networks whose failed attempts are remembered, and half-life of these. */
  loginNetworkTableMax: 40_000,
  loginNetworkHalfLifeMs: 600_000,
  /** Verified credentials that are remembered, in all and for one login. */
  verifiedLoginsMax: 10_000,
  verifiedLoginsPerUserMax: 16,
  /** Tokens of one user that have not expired. */
  userTokensMax: 100,
  /** Sessions of one user: the oldest ends when there would be more. */
  userSessionsMax: 20,
  /** How long a session lasts from logging in on. */
  sessionSeconds: 12 * 3600,
  /** Parked messages that the page of a subscription shows. */
  webParkedMessages: 50,
  tokenSecondsMax: 366 * 24 * 3600,
  tokenSecondsDefault: 30 * 24 * 3600,
  /** How long an access token for a live feed may be used to open it. */
  accessTokenMs: 300_000,

  // Memory.
  /** Names of streams, categories and event types; they stay for good. */
  namesBytesMax: 1024 * MIB,
  /** Stored responses of reads. */
  responseCacheBytes: 32 * MIB,
  /** Longest body, and longest key, that is stored. */
  responseCacheBodyBytesMax: 64 * KIB,
  responseCacheKeyLengthMax: 1 * KIB,
  /** URLs that are remembered, so that a response is stored the second time. */
  responsesSeenMax: 2_048,

  // Maintenance.
  /** Backups that clients take at the same time. */
  backupsMax: 2,
  /** Exports that clients take at the same time. */
  exportsMax: 2,
  /** Imports that clients send at the same time. */
  importsMax: 2,
  /** Bytes of one answer of a server that is migrated from. */
  migrationPageBytesMax: 64 * MIB,
  /** Findings that a report of a verification lists. */
  findingsMax: 1000,
  /** Events of the history of scavenges that wait until they can be written. */
  scavengeHistoryPendingMax: 1000,
  scavengeHistoryRetryMs: 5_000,

  // Space kept free.
  /** Room on the device that is given up when it is full. */
  ballastBytes: 16 * MIB,
} as const;

/** The bounds that hold in one server: `LIMITS`, some changed by options. */
export type Limits = { readonly [Name in keyof typeof LIMITS]: number };
