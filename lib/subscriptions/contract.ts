/**
 * What the service of persistent subscriptions is asked and what it answers. A
 * group is the pair (stream, group name); its consumers share one position.
 * Refusals that are ordinary answers are values; `QuipuError`s are thrown.
 *
 * @module
 */

import type { GroupCounts, GroupId } from "../model/subscription_group.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import type { Principal } from "../model/principal.ts";
import type { GroupSettings, RequestedSettings } from "./settings.ts";

/** `undefined` for an anonymous caller. */
export type Caller = Principal | undefined;

/** How a command ended, in the original's words (spec: subscriptions §2). */
export type CommandResult =
  | "Success"
  | "AlreadyExists"
  | "DoesNotExist"
  | "AccessDenied"
  /** The command itself is at fault: an unknown strategy, too many groups. */
  | "Fail";

/** Answer to a command; the reason is the original's text, empty for success. */
export interface CommandOutcome {
  readonly result: CommandResult;
  readonly reason: string;
}

export interface ConfigureCommand {
  readonly group: GroupId;
  readonly settings: RequestedSettings;
}

export interface ReplayCommand {
  readonly group: GroupId;
  /**
   * Number in the parked stream to stop before; undefined: everything that is
   * parked by now is replayed.
   */
  readonly stopAt: number | undefined;
}

export interface DiscardCommand {
  readonly group: GroupId;
  /** Ids of the parked link events, lower case with hyphens; at least one. */
  readonly ids: readonly string[];
}

/** What a consumer says of a message that it does not acknowledge. */
export type NackAction = "park" | "retry" | "skip" | "stop";

export interface AnswerCommand {
  readonly group: GroupId;
  /** Ids of messages, lower case with hyphens; unknown ones mean nothing. */
  readonly ids: readonly string[];
}

export interface NackCommand extends AnswerCommand {
  readonly action: NackAction;
}

/**
 * `accepted`, also when the group or the message is unknown (spec:
 * subscriptions §5.2).
 */
export type AnswerOutcome = { readonly kind: "accepted" | "unauthorized" };

/** A message that was handed to a consumer. */
export interface Message {
  /**
   * What consumers acknowledge by: the id of the event as it stands in the
   * source; for a replayed message, the id of the parked link event.
   */
  readonly id: string;
  /**
   * `original` stands in the source, or in the parked stream. A link that was
   * followed has `link`, and `target` if that is there.
   */
  readonly event: ResolvedEvent;
  /** How often it was handed out before and not acknowledged. */
  readonly retryCount: number;
}

export interface ReadCommand {
  readonly group: GroupId;
  /** Messages wanted, 1 to 100. */
  readonly count: number;
  /** Time to wait for a first message, 0: don't. */
  readonly longPollMs: number;
  /** Ends a held read early; touched only when `longPollMs` > 0. */
  readonly signal?: () => AbortSignal;
}

export type ReadOutcome =
  | {
    readonly kind: "messages";
    /** In the order of delivery; may be empty. */
    readonly messages: readonly Message[];
  }
  /** Too many reads are held for messages; try again later. */
  | { readonly kind: "tooManyHeld" }
  | { readonly kind: "notFound" | "unauthorized" };

export interface ConnectCommand {
  readonly group: GroupId;
  /** Messages that the consumer holds at most. */
  readonly slotCount: number;
  /** Address of the client, for `/info`. */
  readonly address: string;
}

export type ConnectOutcome =
  | { readonly kind: "connected"; readonly consumer: Consumer }
  /** The group has as many consumers as it takes, or the server stops. */
  | { readonly kind: "tooMany"; readonly reason: string }
  | { readonly kind: "notFound" | "unauthorized" };

/** Why a consumer is handed no more messages. */
export type ConsumerEnd =
  /** The group was deleted. */
  | "deleted"
  /** The group was changed and starts anew: connect again. */
  | "updated"
  /** The consumer may read the source no longer. */
  | "unauthorized"
  /** The server stops, or another one runs the group. */
  | "stopping";

export type ConsumerNews =
  | {
    readonly kind: "messages";
    /** At least one. */
    readonly messages: readonly Message[];
  }
  | { readonly kind: "ended"; readonly reason: ConsumerEnd };

/** A consumer that messages are pushed to. */
export interface Consumer {
  /**
   * Waits for messages. They are in flight for this consumer from then on. To
   * be called again once it has settled; call it when the connection has taken
   * what it was handed, so that a slow one holds little.
   */
  next(): Promise<ConsumerNews>;
  /** Ends it: what it holds goes to other consumers. May be called twice. */
  close(): void;
}

/** A consumer as `/info` shows it. */
export interface ConnectionInfo {
  readonly from: string;
  /** `anonymous` without a login, as the original says it. */
  readonly username: string;
  readonly averageItemsPerSecond: number;
  readonly totalItemsProcessed: number;
  readonly countSinceLastMeasurement: number;
  readonly availableSlots: number;
  readonly inFlightMessages: number;
}

/**
 * A group as documents show it (spec: subscriptions §3). Event numbers of
 * `$all` are log positions. -1: none.
 */
export interface GroupInfo {
  readonly group: GroupId;
  readonly settings: GroupSettings;
  /** `Live`, `Behind`, … joined by `, `. */
  readonly status: string;
  readonly averageItemsPerSecond: number;
  readonly totalItemsProcessed: number;
  readonly countSinceLastMeasurement: number;
  readonly lastProcessedEventNumber: number;
  readonly lastKnownEventNumber: number;
  readonly readBufferCount: number;
  readonly liveBufferCount: number;
  readonly retryBufferCount: number;
  readonly totalInFlightMessages: number;
  readonly connections: readonly ConnectionInfo[];
  /** Messages that were handed out and are neither done nor parked. */
  readonly outstandingMessagesCount: number;
  /** Parked messages that were not replayed or discarded. */
  readonly parkedMessageCount: number;
  /** How long the oldest message is in flight; undefined: none is. */
  readonly oldestInFlightMs: number | undefined;
  /** Events of the source that are not done; of `$all` undefined. */
  readonly lagEvents: number | undefined;
  /** Age of the first message that is not done; 0: everything is. */
  readonly lagMs: number;
}

/** Persistent subscriptions. `openSubscriptions` makes it. */
export interface SubscriptionService {
  /** Needs the right to write `$settings`. */
  create(caller: Caller, command: ConfigureCommand): Promise<CommandOutcome>;
  /** Replaces all settings. Needs the right to write `$settings`. */
  update(caller: Caller, command: ConfigureCommand): Promise<CommandOutcome>;
  /** Needs the right to write `$settings`. */
  delete(caller: Caller, group: GroupId): Promise<CommandOutcome>;

  /** Hands out messages. Needs the right to read the source. */
  read(caller: Caller, command: ReadCommand): Promise<ReadOutcome>;
  /** Needs the right to read the source. */
  ack(caller: Caller, command: AnswerCommand): Promise<AnswerOutcome>;
  /** Needs the right to read the source. */
  nack(caller: Caller, command: NackCommand): Promise<AnswerOutcome>;
  /** Adds a consumer to be pushed to. Needs the right to read the source. */
  connect(caller: Caller, command: ConnectCommand): Promise<ConnectOutcome>;

  /** Hands out parked messages again. Needs the right to write `$settings`. */
  replayParked(caller: Caller, command: ReplayCommand): Promise<CommandOutcome>;
  /**
   * Gives parked messages up: they are neither counted nor replayed any more.
   * Ids of none mean nothing. Needs the right to write `$settings`.
   */
  discardParked(
    caller: Caller,
    command: DiscardCommand,
  ): Promise<CommandOutcome>;

  /** Every group, in the order of their creation. */
  list(): Promise<readonly GroupInfo[]>;
  /** Groups of a stream; undefined: it never had one since the start. */
  listOf(streamName: string): Promise<readonly GroupInfo[] | undefined>;
  /** Undefined: there is no such group. */
  info(group: GroupId): Promise<GroupInfo | undefined>;
  /** Names of the groups of a stream, for its description document. */
  groupNamesOf(streamName: string): readonly string[];

  /** What `/metrics` shows of each group; asked at any time, never waits. */
  counts(): readonly GroupCounts[];

  /**
   * Answers held reads and ends every consumer, so that their connections can
   * be closed; groups go on.
   */
  endWaiting(): void;
  /** Ends everything: writes what is due of checkpoints, and waits for it. */
  close(): Promise<void>;
}

/** Name of the stream that a group's parked messages are linked from. */
export function parkedStreamOf(group: GroupId): string {
  return `${streamPrefixOf(group)}-parked`;
}

/** Name of the stream that holds a group's checkpoints. */
export function checkpointStreamOf(group: GroupId): string {
  return `${streamPrefixOf(group)}-checkpoint`;
}

/** Name of the stream that says what is done beyond the checkpoint. */
export function ackedStreamOf(group: GroupId): string {
  return `${streamPrefixOf(group)}-acked`;
}

/** Begins the names of the streams that are kept for groups. */
export const OWN_STREAM_PREFIX = "$persistentsubscription-";

function streamPrefixOf({ streamName, groupName }: GroupId): string {
  return `${OWN_STREAM_PREFIX}${streamName}::${groupName}`;
}
