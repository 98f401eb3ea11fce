/**
 * Rows of the options that change a limit: each has the name of the limit, and
 * its default is the built-in one. What the store checks too can only be
 * lowered.
 *
 * @module
 */

import { LIMITS, type Limits } from "../../model/limits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Of things that a server may hold at once. */
const COUNT = { kind: "integer", least: 0, most: 1_000_000 } as const;

const ROWS = {
  requestBytesMax: {
    flag: "max-request-size",
    kind: "bytes",
    least: 1 * KIB,
    most: LIMITS.requestBytesMax,
    help: "Body of a request; above: 413",
  },
  eventBytesMax: {
    flag: "max-event-size",
    kind: "bytes",
    least: 1 * KIB,
    most: LIMITS.eventBytesMax,
    help: "Data and metadata of an event; above: 413",
  },
  batchEventsMax: {
    flag: "max-batch-events",
    kind: "integer",
    least: 1,
    most: LIMITS.batchEventsMax,
    help: "Events of one append; above: 413",
  },
  jsonDepthMax: {
    flag: "max-json-depth",
    kind: "integer",
    least: 4,
    most: LIMITS.jsonDepthMax,
    help: "Nesting of a JSON body; above: 400",
  },
  xmlDepthMax: {
    flag: "max-xml-depth",
    kind: "integer",
    least: 4,
    most: LIMITS.xmlDepthMax,
    help: "Nesting of an XML body; above: 400",
  },
  streamNameBytesMax: {
    flag: "max-stream-name-size",
    kind: "bytes",
    least: 64,
    most: LIMITS.storedStreamNameBytesMax,
    help: "Name of a new stream; above: 414",
  },
  eventTypeBytesMax: {
    flag: "max-event-type-size",
    kind: "bytes",
    least: 64,
    most: LIMITS.storedEventTypeBytesMax,
    help: "New type of an event; above: 400",
  },
  namesBytesMax: {
    flag: "max-names-size",
    kind: "bytes",
    least: 64 * KIB,
    most: 4 * GIB - 1,
    help: "Memory for names of streams, categories and types; " +
      "above: 507 for a new one",
  },
  pageEventsMax: {
    flag: "max-page-events",
    kind: "integer",
    least: 20,
    most: LIMITS.pageEventsMax,
    help: "Events of one page; above: 400",
  },
  longPollsMax: {
    ...COUNT,
    flag: "max-long-polls",
    help: "Long polls held at once, a quarter reserved for logins; above: 503",
  },
  longPollsPerAddressMax: {
    ...COUNT,
    flag: "max-long-polls-per-address",
    help: "Long polls of an address or /64 network, likewise; above: 429",
  },
  longPollsPerUserMax: {
    ...COUNT,
    flag: "max-long-polls-per-user",
    help: "Long polls of one user; above: 429",
  },
  liveFeedsMax: {
    ...COUNT,
    flag: "max-live-feeds",
    help: "Live feeds open at once, a quarter reserved for logins; above: 503",
  },
  liveFeedsPerAddressMax: {
    ...COUNT,
    flag: "max-live-feeds-per-address",
    help: "Live feeds of an address or /64 network, likewise; above: 429",
  },
  liveFeedsPerUserMax: {
    ...COUNT,
    flag: "max-live-feeds-per-user",
    help: "Live feeds of one user; above: 429",
  },
  subscriptionGroupsMax: {
    flag: "max-subscriptions",
    kind: "integer",
    least: 0,
    most: 10_000,
    help: "Groups of persistent subscriptions; above: 400",
  },
  subscriptionBytesMax: {
    flag: "max-subscription-size",
    kind: "bytes",
    least: LIMITS.pageBytesMax,
    most: 4 * GIB,
    help: "Size of messages that groups hold in memory; above: 503",
  },
  subscriptionBufferMax: {
    flag: "max-subscription-buffer",
    kind: "integer",
    least: 2,
    most: 1_000_000,
    help: "Messages read ahead for one group, whatever its bufferSize",
  },
  subscriptionOutstandingMax: {
    flag: "max-subscription-unanswered",
    kind: "integer",
    least: 1,
    most: LIMITS.subscriptionOutstandingMax,
    help: "Messages of one group handed out and not answered",
  },
  subscriptionConsumersMax: {
    ...COUNT,
    flag: "max-subscription-consumers",
    help: "Consumers that messages are pushed to; above: 503",
  },
  subscriptionConsumersPerAddressMax: {
    ...COUNT,
    flag: "max-subscription-consumers-per-address",
    help: "Consumers of one address that messages are pushed to; above: 429",
  },
  projectionsMax: {
    flag: "max-projections",
    kind: "integer",
    least: 0,
    most: 10_000,
    help: "Projections in all; above: 400",
  },
  projectionsRunningMax: {
    flag: "max-running-projections",
    kind: "integer",
    least: 0,
    most: 10_000,
    help: "Projections that run at the same time; above: faulted",
  },
  projectionEventMs: {
    flag: "projection-event-timeout",
    kind: "integer",
    least: 10,
    most: 60_000,
    help: "Milliseconds that a query may take for one event",
  },
  projectionBatchMs: {
    flag: "projection-batch-timeout",
    kind: "integer",
    least: 10,
    most: 600_000,
    help: "Milliseconds that a query may take for a batch of events",
  },
  projectionMemoryBytesMax: {
    flag: "max-projection-memory",
    kind: "bytes",
    least: 8 * MIB,
    most: 1 * GIB,
    help: "Memory of the JavaScript engine of one projection",
  },
  projectionsMemoryBytesMax: {
    flag: "max-total-projection-memory",
    kind: "bytes",
    least: 8 * MIB,
    most: 64 * GIB,
    help: "Memory of all projections; above: the largest is faulted",
  },
  projectionStateLengthMax: {
    flag: "max-projection-state",
    kind: "bytes",
    least: 1 * KIB,
    most: LIMITS.projectionStateLengthMax,
    help: "Characters of a state or a result, as JSON",
  },
  projectionEmitLengthMax: {
    flag: "max-projection-emits",
    kind: "bytes",
    least: 1 * KIB,
    most: 16 * MIB,
    help: "Characters of the events that are emitted for one event",
  },
  projectionPartitionsLiveMax: {
    flag: "max-projection-partitions",
    kind: "integer",
    least: 1,
    most: 1_000_000,
    help: "Partitions of one projection whose states its engine holds",
  },
  requestsInFlightMax: {
    flag: "max-requests-in-flight",
    kind: "integer",
    least: 1,
    most: 1_000_000,
    help: "Requests in progress; above: 503",
  },
  appendQueueEventsMax: {
    flag: "max-queued-events",
    kind: "integer",
    least: 1,
    most: 10_000_000,
    help: "Events waiting to be written; above: 503",
  },
  appendQueueBytesMax: {
    flag: "max-queued-size",
    kind: "bytes",
    least: LIMITS.requestBytesMax,
    most: 4 * GIB,
    help: "Size of events waiting to be written; above: 503",
  },
  bodyReadMs: {
    flag: "body-timeout",
    kind: "integer",
    least: 100,
    most: 600_000,
    help: "Milliseconds for a client to send a whole body; above: 408",
  },
  receiveBufferBytesMax: {
    flag: "max-incoming-size",
    kind: "bytes",
    least: 2 * LIMITS.requestBytesMax,
    most: 16 * GIB,
    help: "Size of request bodies still being received; above: 503",
  },
  sendStallMs: {
    flag: "send-timeout",
    kind: "integer",
    least: 100,
    most: 600_000,
    help: "Milliseconds that a client may leave a large response unread",
  },
  sendBufferBytesMax: {
    flag: "max-unsent-size",
    kind: "bytes",
    least: 2 * LIMITS.requestBytesMax,
    most: 16 * GIB,
    help: "Size of large responses not yet read by clients; above: 503",
  },
} as const satisfies Partial<Record<keyof Limits, object>>;

type LimitName = keyof typeof ROWS;

/** Part of `OPTIONS`. */
export const LIMIT_OPTIONS = Object.fromEntries(
  Object.entries(ROWS).map(([name, row]) => [
    name,
    { ...row, group: "Limits", default: LIMITS[name as LimitName] },
  ]),
) as {
  readonly [Name in LimitName]: typeof ROWS[Name] & {
    readonly group: "Limits";
    readonly default: number;
  };
};

/** `LIMITS`, with those changed that options set. */
export function limitsOf(values: Readonly<Record<LimitName, number>>): Limits {
  const limits = { ...LIMITS };
  for (const name of Object.keys(ROWS) as LimitName[]) {
    Object.assign(limits, { [name]: values[name] });
  }
  return limits;
}
